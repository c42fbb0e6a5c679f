import { describe, expect, it } from 'vitest';
import type { ModeChange } from '../../src/core/chmod.ts';
import { Base, type Based } from '../../src/core/base.ts';
import { LEAVE, NOBODY, type File } from '../../src/core/entry.ts';
import { ROOT, type Name } from '../../src/core/path.ts';
import { Planning } from '../../src/core/planning.ts';
import type { Rules } from '../../src/core/rulebook.ts';
import { ALL } from '../../src/core/selection.ts';
import { sparing } from '../../src/core/sparing.ts';
import { firstNumber, Random } from '../support/random.ts';
import { file, path, witness } from './entries.ts';

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

const name = 'a' as Name;
const unknown = (): undefined => undefined;

describe('a file that is spared a visit', () => {
  it('is one that a visit would find as it should be', () => {
    let spared = 0;
    for (const each of rules) {
      const isSame = sparing(each, ROOT);
      if (isSame === undefined) throw new Error('these rules spare nothing');
      for (const seed of files.filter((_, at) => at % 5 === 0)) {
        for (const volume of files) {
          if (!isSame(seed, volume, name, unknown)) continue;
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
    expect(first && sparing({ ...first, ...over }, ROOT)).toBeUndefined();
    expect(first && sparing(first, ROOT)).toBeDefined();
  });
});

const proofs = [undefined, { inode: 1n, changed: 1n }, { inode: 1n, changed: 2n }, { inode: 2n, changed: 1n }];
const witnesses = [witness, witness, { ...witness, changed: 2n }, NOBODY];
const offer = { kind: 'file', content: 'h', since: '' } as const;

/** A file, its seed and what the base knows of it: mostly of one kind, so that many of them are as they should be. */
function story(random: Random): { seed: File; volume: File; based: Based; hash: string | undefined } {
  const oneOf = <T>(all: readonly T[]): T => all[random.below(all.length)] as T;
  const mostly = <T>(usual: T, others: readonly T[]): T => (random.chance(95) ? usual : oneOf(others));
  const attributes = (): Pick<File, 'mode' | 'uid' | 'gid' | 'seconds' | 'nanoseconds' | 'size'> => ({
    mode: mostly(0o644, [0o664, 0o4755, 0o2644]),
    uid: mostly(0, [50, 1000]),
    gid: mostly(0, [50, 60]),
    seconds: mostly(100, [99, 101, 2 ** 34]),
    nanoseconds: mostly(0, [7]),
    size: mostly(3, [4]),
  });
  const seed = file({ ...attributes(), witness: random.pick(witnesses) });
  const volume = file({ ...attributes(), witness: mostly(witness, witnesses) });
  const based: Based = {
    kind: mostly('file', ['link', 'directory']),
    ...attributes(),
    // Who has its ctime has its mtime.
    nanoseconds: seed.witness === NOBODY ? mostly(0, [7]) : seed.nanoseconds,
    uid: mostly(random.pick([0, LEAVE]), [50]),
    gid: mostly(random.pick([0, LEAVE]), [50]),
    content: mostly('h', ['', 'other']),
    volume: mostly(proofs[1], proofs),
    seed: mostly(seed.witness === NOBODY ? undefined : proofs[1], proofs),
    offer: mostly(undefined, [offer]),
    replacing: mostly(undefined, [true]),
  };
  return { seed, volume, based, hash: oneOf(['h', 'h', 'other', undefined]) };
}

it(`is under merge, too, one that a visit would find as it should be, with nothing to record (VOLSEED_TEST_SEED=${firstNumber})`, () => {
  const random = new Random(firstNumber);
  let spared = 0;
  for (let round = 0; round < 30_000; round++) {
    const { seed, volume, based, hash } = story(random);
    const base = new Base();
    base.set(path('a'), based);
    const merging = { base, wasShipped: () => false, adopting: random.chance(20) };
    const each: Rules = { ...random.pick(rules), policy: 'merge', merging, restoreDeleted: random.chance(20) };
    const isSame = sparing(each, ROOT);
    if (isSame?.(seed, volume, name, () => hash) !== true) continue;
    spared++;
    const planning = new Planning(each, undefined);
    const pair = { path: path('a'), seed, volume };
    const facts = planning.asks(pair, {}) === 'seed hash' && hash !== undefined ? { seedHash: hash } : {};
    const asks = planning.asks(pair, facts);
    planning.visit(pair, false, facts);
    const { same, changes, kept, problems, basing } = planning.plan();
    expect({ each, seed, volume, based, asks, same, changes, kept, problems, basing: basing.size }).toMatchObject({
      asks: undefined,
      same: 1,
      changes: [],
      kept: [],
      problems: [],
      basing: 0,
    });
  }
  expect(spared).toBeGreaterThan(500);
});

it('is none under merge of a name that the image ships for an offer', () => {
  const base = new Base();
  const based: Based = { ...file(), content: 'h', volume: proofs[1], seed: proofs[1] };
  base.set(path('a.volseed-new'), based);
  const isSame = sparing({ ...(rules[0] as Rules), policy: 'merge', merging: { base, wasShipped: () => false } }, ROOT);
  expect(isSame?.(file(), file(), 'a.volseed-new' as Name, unknown)).toBe(false);
});
