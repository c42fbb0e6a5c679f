// The run that completes a killed one is killed, too: at a moment of its own for each first one.
import { afterAll, expect, it } from 'vitest';
import { atEach, chosen, Count, faulty, harmIn, ready, troublesOfKill, troublesOfTheNext } from '../support/faults.ts';
import { suite } from '../support/prerequisites.ts';
import { firstNumber, Random } from '../support/random.ts';
import { SCENARIOS } from '../support/scenarios.ts';

suite(`killed twice (VOLSEED_TEST_SEED=${firstNumber})`, ['strace', 'root'], () => {
  const count = new Count();
  afterAll(() => count.tell('Killed twice'));

  it.each(SCENARIOS)('$name: the run after both ends where an undisturbed one would', (scenario) => {
    using stand = ready(scenario);
    const random = new Random(firstNumber);
    const troubles = atEach(stand, chosen(stand.changing), (point) => {
      const second = random.pick(stand.changing);
      const once = troublesOfKill(stand, point);
      // The second run has less to do, and may end before it comes to that call.
      const { code } = faulty(stand, second, 'signal=KILL');
      count.add(code === 137 ? 'pairs of kills' : 'recoveries that ended before the second kill');
      const twice = [...harmIn(stand), ...troublesOfTheNext(stand)];
      return [...once, ...twice.map((trouble) => `and ${second.call} ${second.n}: ${trouble}`)];
    });
    expect(troubles).toEqual([]);
  });
});
