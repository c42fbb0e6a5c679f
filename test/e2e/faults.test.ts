// The quick part of the fault suites (test/faults, docs/reliability.md): some points of the run that does most kinds of things.
import { expect, it } from 'vitest';
import {
  atEach,
  ERRORS,
  faulty,
  few,
  harmIn,
  isRepeated,
  ready,
  TRANSIENT,
  troublesOfError,
  troublesOfKill,
  troublesOfTheNext,
} from '../support/faults.ts';
import { suite } from '../support/prerequisites.ts';
import { MERGE } from '../support/scenarios.ts';

const POINTS = 12;

suite('a merge with conflicts and prune', ['strace', 'root'], () => {
  it('that is killed leaves nothing half, and the next run ends where an undisturbed one would', () => {
    using stand = ready(MERGE);
    const troubles = atEach(stand, few(stand.changing, POINTS), (point) => [
      ...troublesOfKill(stand, point),
      ...troublesOfTheNext(stand),
    ]);
    expect(troubles).toEqual([]);
  });

  it('that is refused something says so in plain words, and the next run completes it', () => {
    using stand = ready(MERGE);
    const points = few(stand.changing, POINTS).map((point, n) => ({
      ...point,
      error: ERRORS[n % ERRORS.length] ?? '',
    }));
    const troubles = atEach(stand, points, (point) => [
      ...troublesOfError(stand, point, point.error, false),
      ...troublesOfTheNext(stand),
    ]);
    expect(troubles).toEqual([]);
  });

  it('waits for a file system in trouble, and what stays broken is a problem of its path alone', () => {
    using stand = ready(MERGE);
    const repeated = stand.changing.filter(({ call }) => ['link', 'symlink', 'fchown', 'rmdir'].includes(call));
    const points = few(repeated, POINTS / 2).map((point, n) => ({ ...point, error: TRANSIENT[n % 4] ?? '' }));
    expect(points.every(isRepeated)).toBe(true);
    const troubles = atEach(stand, points, (point) => {
      const passing = faulty(stand, point, `error=${point.error}`, 2);
      return [
        ...(passing.code === 0 ? [] : [`ended with ${passing.code}: ${passing.stderr}`]),
        ...(/in trouble for the moment/.test(passing.stderr) ? [] : ['said nothing']),
        ...harmIn(stand),
        ...troublesOfTheNext(stand),
      ];
    });
    expect(troubles).toEqual([]);
  });
});
