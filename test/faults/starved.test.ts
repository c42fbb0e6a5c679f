// What the kernel refuses in any of its system calls, once or from then on, a run says in plain words and survives: it ends with a
// code of the table, the volume is as before or consistent, and the next run completes it.
import { afterAll, expect, it } from 'vitest';
import {
  atEach,
  chosen,
  Count,
  ERRORS,
  MOST,
  NOT_FOR_GOOD,
  ready,
  troublesOfError,
  troublesOfTheNext,
} from '../support/faults.ts';
import { suite } from '../support/prerequisites.ts';
import { SCENARIOS } from '../support/scenarios.ts';

suite('starved anywhere', ['strace', 'root'], () => {
  const count = new Count();
  afterAll(() => count.tell('Starved anywhere'));

  const cases = SCENARIOS.flatMap((scenario, at) =>
    [false, true].map((on) => ({ scenario, at, name: scenario.name, on, when: on ? 'from then on' : 'once' })),
  );
  it.each(cases)('$name, refused $when', ({ scenario, at, on }) => {
    using stand = ready(scenario);
    const changing = stand.changing.filter(({ call }) => !on || !NOT_FOR_GOOD.has(call));
    const calls = [...chosen(changing), ...chosen(stand.opening)];
    // Bounded, each point has one of the errors, in turn, so that all of them come to each call over the scenarios.
    const errors = (n: number): readonly string[] =>
      MOST === Number.POSITIVE_INFINITY ? ERRORS : [ERRORS[(n + at * 3) % ERRORS.length] ?? ''];
    const all = calls.flatMap((point, n) => errors(n).map((error) => ({ ...point, error })));
    // libuv repeats by itself what was interrupted, for ever if need be.
    const points = all.filter(({ error }) => !on || error !== 'EINTR');
    const troubles = atEach(stand, points, (point) => {
      const { error } = point;
      count.add(error);
      const found = [...troublesOfError(stand, point, error, on), ...troublesOfTheNext(stand)];
      return found.map((trouble) => `${error}: ${trouble}`);
    });
    expect(troubles).toEqual([]);
  });
});
