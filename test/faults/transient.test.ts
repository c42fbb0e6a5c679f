// Trouble that passes (NFS: a server that restarts) is waited for, said once and counted; what does not pass is a problem of its path.
import { afterAll, expect, it } from 'vitest';
import {
  atEach,
  chosen,
  Count,
  faulty,
  harmIn,
  isRepeated,
  MOST,
  NOT_FOR_GOOD,
  type Point,
  ready,
  TRANSIENT,
  troublesOfTheNext,
  unlike,
} from '../support/faults.ts';
import { suite } from '../support/prerequisites.ts';
import { SCENARIOS } from '../support/scenarios.ts';

/** The program asks six times more, and then gives up. */
const PASSES = 2;
const STAYS = 7;

suite('trouble of a file system', ['strace', 'root'], () => {
  const count = new Count();
  afterAll(() => count.tell('Transient trouble'));

  const cases = SCENARIOS.map((scenario, at) => ({ scenario, at, name: scenario.name }));

  it.each(cases)('$name: what passes is waited for, said once and counted', ({ scenario, at }) => {
    using stand = ready(scenario);
    const all = [...stand.changing, ...stand.opening].filter(isRepeated);
    const points = withErrors(chosen(all), at);
    const troubles = atEach(stand, points, (point) => {
      const { code, stdout, stderr, missed, hit } = faulty(stand, point, `error=${point.error}`, PASSES);
      if (missed) {
        count.add('missed');
        return [];
      }
      const said = stderr.split('\n').filter((line) => /in trouble for the moment/.test(line)).length;
      count.add(code === 0 ? 'waited for' : 'not waited for');
      return [
        ...(code === 0 ? unlike(stand) : [`${point.error}: ended with ${code}: ${stderr}`]),
        ...(said <= 1 && (said === 1 || scenario.shared === true || isOfTheRuntime(point))
          ? []
          : [`${point.error}: said ${said} times: ${stderr}, of ${hit}`]),
        ...(said === 0 || isAfterTheEnd(point) || /^Totals: .* \d+ tried again, /m.test(stdout)
          ? []
          : [`${point.error}: not counted: ${stdout}`]),
      ];
    });
    expect(troubles).toEqual([]);
  });

  it.each(cases)('$name: what stays is a problem of its path, and the next run does it', ({ scenario, at }) => {
    using stand = ready(scenario);
    const all = [...stand.changing, ...stand.opening].filter(({ call }) => !NOT_FOR_GOOD.has(call));
    const points = withErrors(chosen(all), at);
    const troubles = atEach(stand, points, (point) => {
      const { code, stderr, missed } = faulty(stand, point, `error=${point.error}`, STAYS);
      if (missed) return troublesOfTheNext(stand);
      count.add('that stayed');
      const clear = stderr.split('\n').every((line) => line === '' || line.startsWith('volseed: '));
      const found = [
        ...([0, 23, 2].includes(code) && clear ? [] : [`ended with ${code}: ${stderr}`]),
        ...(code === 0 ? unlike(stand) : harmIn(stand)),
        ...troublesOfTheNext(stand),
      ];
      return found.map((each) => `${point.error}: ${each}`);
    });
    expect(troubles).toEqual([]);
  });
});

/** libuv does itself what was interrupted, and says nothing. The runtime's own writes are among those that are counted, too. */
const isOfTheRuntime = ({ call, error }: { readonly call: string; readonly error: string }): boolean =>
  error === 'EINTR' || call === 'write';

/** Done by the state after the totals were said, too. */
const AFTER_THE_END = new Set(['unlink', 'rename', 'utimensat', 'rmdir']);

/** The base is written when the totals were said. */
function isAfterTheEnd({ call, what = '' }: Point): boolean {
  return AFTER_THE_END.has(call) || what.includes('/.volseed/base.');
}

/** All errors at each point, or, bounded, one of them in turn. */
function withErrors<P extends object>(points: readonly P[], first: number): (P & { readonly error: string })[] {
  const errors = (n: number): readonly string[] =>
    MOST === Number.POSITIVE_INFINITY ? TRANSIENT : [TRANSIENT[(n + first) % TRANSIENT.length] ?? ''];
  return points.flatMap((point, n) => errors(n).map((error) => ({ ...point, error })));
}
