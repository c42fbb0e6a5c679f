// Killed before any of its system calls that change something, a run leaves every file whole, and the next one ends as if
// nothing had been.
import { afterAll, expect, it } from 'vitest';
import { atEach, chosen, Count, ready, troublesOfKill, troublesOfTheNext } from '../support/faults.ts';
import { suite } from '../support/prerequisites.ts';
import { SCENARIOS } from '../support/scenarios.ts';

suite('killed anywhere', ['strace', 'root'], () => {
  const count = new Count();
  afterAll(() => count.tell('Killed anywhere'));

  it.each(SCENARIOS)('$name: the next run ends where an undisturbed one would', (scenario) => {
    using stand = ready(scenario);
    const troubles = atEach(stand, scenario.whole === true ? stand.changing : chosen(stand.changing), (point) => {
      count.add(`points of ${scenario.name}`);
      return [...troublesOfKill(stand, point), ...troublesOfTheNext(stand)];
    });
    expect(troubles).toEqual([]);
  });
});
