// Asked to end in any of its system calls that change something, a run ends by itself, and leaves what a killed one would.
import { afterAll, expect, it } from 'vitest';
import { atEach, chosen, Count, faulty, harmIn, ready, troublesOfTheNext } from '../support/faults.ts';
import { suite } from '../support/prerequisites.ts';
import { SCENARIOS } from '../support/scenarios.ts';

suite('SIGTERM anywhere', ['strace', 'root'], () => {
  const count = new Count();
  afterAll(() => count.tell('SIGTERM anywhere'));

  it.each(SCENARIOS)('$name: the next run ends where an undisturbed one would', (scenario) => {
    using stand = ready(scenario);
    const troubles = atEach(stand, chosen(stand.changing), (point) => {
      const { code, stderr } = faulty(stand, point, 'signal=TERM');
      count.add(code === 0 ? 'runs that came to their end first' : 'runs ended');
      // A small run may be done before it looks for a signal.
      const ended = code === 143 || code === 0 ? [] : [`ended with ${code}: ${stderr}`];
      return [...ended, ...harmIn(stand), ...troublesOfTheNext(stand)];
    });
    expect(troubles).toEqual([]);
  });
});
