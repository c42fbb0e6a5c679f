import { describe, expect, it } from 'vitest';
import type { ModeChange } from '../../src/core/chmod.ts';
import type { File } from '../../src/core/entry.ts';
import { Planning } from '../../src/core/planning.ts';
import type { Rules } from '../../src/core/rulebook.ts';
import { ALL } from '../../src/core/selection.ts';
import { sparing } from '../../src/core/sparing.ts';
import { file, path } from './entries.ts';

const selves: readonly Rules['self'][] = [
  { privileged: true, uid: 0, groups: new Set([0]) },
  { privileged: false, uid: 1000, groups: new Set([1000, 50]) },
];
const owners: readonly Rules['owner'][] = [undefined, 50, 60].flatMap((id) => [
  { uid: id, gid: undefined },
  { uid: undefined, gid: id },
]);
const chmods: readonly (ModeChange | undefined)[] = [
  undefined,
  (mode) => mode | 0o020,
  (mode) => mode & 0o777,
  () => 0o4755,
];
const rules: readonly Rules[] = selves.flatMap((self) =>
  owners.flatMap((owner) =>
    chmods.map((chmod): Rules => ({ policy: 'newer', selection: ALL, checksum: false, chmod, owner, self })),
  ),
);

/** One of each that a file may differ in, and some together. */
const variants: readonly Partial<File>[] = [
  {},
  { size: 4 },
  { seconds: 99 },
  { seconds: 101 },
  { nanoseconds: 7 },
  { seconds: 2 ** 34 - 2 ** 31 - 1 },
  { seconds: 2 ** 34 },
];
const files: readonly File[] = variants.flatMap((variant) =>
  [0o644, 0o664, 0o4755, 0o2644].flatMap((mode) =>
    [0, 50, 1000].flatMap((uid) => [0, 50, 60].map((gid) => file({ ...variant, mode, uid, gid }))),
  ),
);

describe('a file that is spared a visit', () => {
  it('is one that a visit would find as it should be', () => {
    let spared = 0;
    for (const each of rules) {
      const isSame = sparing(each);
      if (isSame === undefined) throw new Error('these rules spare nothing');
      for (const seed of files.filter((_, at) => at % 5 === 0)) {
        for (const volume of files) {
          if (!isSame(seed, volume)) continue;
          spared++;
          const planning = new Planning(each, undefined);
          planning.visit({ path: path('a'), seed, volume }, false);
          const { same, changes, kept, problems } = planning.plan();
          expect({ each, seed, volume, same, changes, kept, problems }).toMatchObject({
            same: 1,
            changes: [],
            kept: [],
            problems: [],
          });
        }
      }
    }
    expect(spared).toBeGreaterThan(1000);
  });

  it.each<[string, Partial<Rules>]>([
    ['another policy', { policy: 'always' }],
    ['a comparison of contents', { checksum: true }],
    ['a selection', { selection: { include: undefined, exclude: () => false } }],
    ['a rule of single paths', { at: () => ({}) }],
  ])('is none under %s', (_, over) => {
    const first = rules[0];
    expect(first && sparing({ ...first, ...over })).toBeUndefined();
    expect(first && sparing(first)).toBeDefined();
  });
});
