import { describe, expect, it } from 'vitest';
import type { ModeChange } from '../../src/core/chmod.ts';
import { LEAVE, type Directory, type Entry } from '../../src/core/entry.ts';
import { ROOT } from '../../src/core/path.ts';
import type { Plan } from '../../src/core/plan.ts';
import { Planning } from '../../src/core/planning.ts';
import type { Rules } from '../../src/core/rulebook.ts';
import { ALL } from '../../src/core/selection.ts';
import { directory, file, link, other, path, witness } from './entries.ts';

const root: Rules = {
  policy: 'newer',
  selection: ALL,
  checksum: false,
  chmod: undefined,
  owner: { uid: undefined, gid: undefined },
  self: { privileged: true, uid: 0, groups: new Set([0]) },
};
const user: Rules = { ...root, self: { privileged: false, uid: 1000, groups: new Set([1000, 50]) } };

type Step = readonly [at: string, seed: Entry, volume?: Entry | undefined];

/** Visits as a scan does, and tells how it was sent on at each directory. */
function plan(rules: Rules, steps: readonly Step[]): Plan & { readonly descents: Readonly<Record<string, string>> } {
  const planning = new Planning(rules, undefined);
  const descents: Record<string, string> = {};
  for (const [at, seed, volume] of steps) descents[at] = planning.visit({ path: path(at), seed, volume }, false);
  return { ...planning.plan(), descents };
}

const changed = ({ changes }: Plan): string[] =>
  changes.map(({ verb, path: at, reason }) => `${verb} ${at} (${reason})`);
const wanted = (rules: Rules, seed: Entry) => plan(rules, [['a', seed]]).changes[0]?.new;
const chmod: ModeChange = (mode, isDirectory) => (isDirectory ? 0o711 : mode | 0o022);
const corrected = (rules: Rules, volume: Partial<Directory>): Plan =>
  new Planning(rules, { seed: directory(), volume: directory(volume) }).plan();
const selection = (include: readonly string[] | undefined, exclude: readonly string[] = []): Rules['selection'] => ({
  include: include && ((at) => include.includes(at)),
  exclude: (at) => exclude.includes(at),
});

describe('a plan', () => {
  it('has a change, a kept path or a count for every path of the seed, in the order of the walk', () => {
    const made = plan(root, [
      ['a', directory(), directory()],
      ['a/edited', file({ seconds: 1 }), file({ seconds: 2 })],
      ['a/new', file()],
      ['a/same', file(), file()],
      ['b', link(), file()],
      ['c', file({ mode: 0o600 }), file()],
    ]);
    expect(changed(made)).toEqual([
      'create a/new (missing)',
      'replace b (type differs)',
      'attributes c (attributes differ)',
    ]);
    expect(made.kept).toEqual([{ path: 'a/edited', reason: 'newer in the volume' }]);
    expect(made.same).toBe(2);
    expect(made.problems).toEqual([]);
  });

  it('remembers what the volume had, to be looked at again, and what is to be corrected', () => {
    const [old, seed] = [file({ mode: 0o600 }), file()];
    expect(plan(root, [['a', seed, old]]).changes).toEqual([
      {
        path: 'a',
        verb: 'attributes',
        old,
        new: seed,
        reason: 'attributes differ',
        fix: { mode: true, owner: false, time: false },
      },
    ]);
  });

  it('warns of what cannot be seeded, and does not fail for it', () => {
    const { problems, descents } = plan(root, [['pipe', other()]]);
    expect(problems).toMatchObject([{ path: 'pipe', kind: 'passed over' }]);
    expect(descents).toEqual({ pipe: 'skip' });
  });

  it('reports a full directory where the seed has a file, and says the way out', () => {
    const made = plan(root, [['a', file(), directory({ empty: false })]]);
    expect(made.changes).toEqual([]);
    expect(made.problems).toMatchObject([
      { path: 'a', kind: 'blocked', message: expect.stringMatching(/stays.*run again/s) },
    ]);
  });

  it('has the problems that the scan met', () => {
    const planning = new Planning(root, undefined);
    planning.problem({ path: path('x'), kind: 'failed', message: 'cannot be read' });
    expect(planning.plan().problems).toEqual([{ path: 'x', kind: 'failed', message: 'cannot be read' }]);
  });
});

describe('the way on', () => {
  it.each<[what: string, rules: Rules, seed: Entry, volume: Entry | undefined, descent: string]>([
    ['both trees below a directory that both have', root, directory(), directory(), 'both'],
    ['the seed alone below a new directory', root, directory(), undefined, 'seed'],
    ['the seed alone below what replaces a link to a directory', root, directory(), link(), 'seed'],
    ['nothing below a file', root, file(), undefined, 'skip'],
    ['nothing below what missing keeps', { ...root, policy: 'missing' }, directory(), file(), 'skip'],
    ['nothing below what missing keeps, a link', { ...root, policy: 'missing' }, directory(), link(), 'skip'],
    [
      'both trees below a directory that missing keeps',
      { ...root, policy: 'missing' },
      directory(),
      directory(),
      'both',
    ],
    ['nothing at all under never', { ...root, policy: 'never' }, directory(), directory(), 'skip'],
  ])('is %s', (_, rules, seed, volume, descent) => {
    expect(plan(rules, [['a', seed, volume]]).descents).toEqual({ a: descent });
  });
});

describe('a selection', () => {
  it('makes the directories above what is seeded, and only those', () => {
    const made = plan({ ...root, selection: selection(['a/b/c']) }, [
      ['a', directory()],
      ['a/b', directory()],
      ['a/b/c', file()],
      ['a/b/d', file()],
      ['e', directory()],
      ['e/f', file()],
    ]);
    expect(changed(made)).toEqual(['create a (missing)', 'create a/b (missing)', 'create a/b/c (missing)']);
  });

  it('leaves a directory above alone where it is: its attributes, and its mtime afterwards', () => {
    const made = plan({ ...root, selection: selection(['a/c']) }, [
      ['a', directory({ mode: 0o700 }), directory({ mode: 0o777 })],
      ['a/c', file()],
    ]);
    expect(changed(made)).toEqual(['create a/c (missing)']);
    expect([...made.directories]).toEqual([['a', { wanted: directory({ mode: 0o777 }), managed: false }]]);
  });

  it('gives the directory above one that it makes its mtime back, too', () => {
    const made = plan({ ...root, selection: selection(['a/b/c']) }, [
      ['a', directory(), directory({ seconds: 5 })],
      ['a/b', directory()],
      ['a/b/c', file()],
    ]);
    expect(changed(made)).toEqual(['create a/b (missing)', 'create a/b/c (missing)']);
    expect([...made.directories]).toEqual([
      ['a', { wanted: directory({ seconds: 5 }), managed: false }],
      ['a/b', { wanted: directory(), managed: true }],
    ]);
  });

  it('takes a file out of the way of a directory only where something below it is seeded', () => {
    const rules = { ...root, selection: selection(['a/c']) };
    expect(changed(plan(rules, [['a', directory(), file()]]))).toEqual([]);
    expect(
      changed(
        plan(rules, [
          ['a', directory(), file()],
          ['a/c', file()],
        ]),
      ),
    ).toEqual(['replace a (type differs)', 'create a/c (missing)']);
  });

  it('goes no further below what is excluded, and says nothing of it', () => {
    const made = plan({ ...root, selection: selection(undefined, ['a', 'p']) }, [
      ['a', directory()],
      ['p', other()],
    ]);
    expect(made).toMatchObject({ changes: [], problems: [], kept: [], same: 0, descents: { a: 'skip', p: 'skip' } });
  });

  it('includes all below what is included, but for what is excluded', () => {
    const made = plan({ ...root, selection: selection(['a'], ['a/b']) }, [
      ['a', directory()],
      ['a/b', file()],
      ['a/c', file()],
      ['d', file()],
    ]);
    expect(changed(made)).toEqual(['create a (missing)', 'create a/c (missing)']);
  });

  it('does not have files read that it leaves out', () => {
    const twice = file({ witness: { ...witness, links: 2 } });
    const planning = new Planning({ ...root, checksum: true, selection: selection(['in']) }, undefined);
    expect(planning.asksContent({ path: path('in'), seed: file(), volume: twice })).toBe(true);
    expect(planning.asksContent({ path: path('out'), seed: file(), volume: twice })).toBe(false);
  });
});

describe('directories whose mtime is given back', () => {
  const steps: readonly Step[] = [
    ['a', directory(), directory()],
    ['a/b', directory(), directory()],
    ['a/b/new', file()],
    ['c', directory(), directory()],
    ['c/same', file(), file()],
    ['d', directory()],
    ['d/new', file()],
  ];

  it('are those in which something changes, to become what the seed has', () => {
    expect([...plan(root, steps).directories]).toEqual([
      ['a/b', { wanted: directory(), managed: true }],
      ['d', { wanted: directory(), managed: true }],
    ]);
  });

  it('keep the one that they had under missing, which never touches what exists', () => {
    const old = directory({ seconds: 5 });
    const made = plan({ ...root, policy: 'missing' }, [
      ['a', directory(), old],
      ['a/new', file()],
      ['b', directory()],
      ['b/new', file()],
    ]);
    expect([...made.directories]).toEqual([
      ['a', { wanted: old, managed: false }],
      ['b', { wanted: directory(), managed: true }],
    ]);
  });
});

describe('what is wanted', () => {
  it("is the seed's owner for root, or the owner that was chosen", () => {
    const seed = file({ uid: 5, gid: 6 });
    expect(wanted(root, seed)).toMatchObject({ uid: 5, gid: 6 });
    expect(wanted({ ...root, owner: { uid: 1, gid: undefined } }, seed)).toMatchObject({ uid: 1, gid: 6 });
    expect(wanted({ ...root, owner: { uid: undefined, gid: 2 } }, link({ uid: 5, gid: 6 }))).toMatchObject({
      uid: 5,
      gid: 2,
    });
  });

  it('is without root nobody for an owner, and a group only where it is one of ours', () => {
    expect(wanted(user, file({ uid: 5, gid: 50 }))).toMatchObject({ uid: LEAVE, gid: 50 });
    expect(wanted(user, file({ uid: 5, gid: 6 }))).toMatchObject({ uid: LEAVE, gid: LEAVE });
    expect(wanted({ ...user, owner: { uid: 1, gid: 50 } }, file())).toMatchObject({ uid: LEAVE, gid: 50 });
  });

  it('is the mode that was chosen, for all but links', () => {
    const rules = { ...root, chmod };
    expect(wanted(rules, file({ mode: 0o600 }))).toMatchObject({ mode: 0o622 });
    expect(wanted(rules, directory({ mode: 0o700 }))).toMatchObject({ mode: 0o711 });
    expect(wanted(rules, link({ mode: 0o777 }))).toMatchObject({ mode: 0o777 });
  });
});

describe('a directory that is only implied', () => {
  const implied = directory({ mode: 0o755, uid: LEAVE, gid: LEAVE, implied: true });

  it('is made for what is seeded below it, with whatever owner it gets', () => {
    const { changes } = plan(root, [
      ['a', implied],
      ['a/b', implied],
      ['a/b/f', file()],
    ]);
    expect(changes.map(({ path: at, new: entry }) => [at, entry.mode, entry.uid])).toEqual([
      ['a', 0o755, LEAVE],
      ['a/b', 0o755, LEAVE],
      ['a/b/f', 0o644, 0],
    ]);
    expect(changed(plan(root, [['a', implied]]))).toEqual([]);
  });

  it.each(['newer', 'missing', 'always', 'never'] as const)('is left as it is where it exists, under %s', (policy) => {
    const found = directory({ mode: 0o700, uid: 7, gid: 8, seconds: 5 });
    const made = plan({ ...root, policy }, [
      ['a', implied, found],
      ['a/f', file()],
    ]);
    expect(made.descents['a']).toBe('both');
    expect(changed(made)).toEqual(policy === 'never' ? [] : ['create a/f (missing)']);
    const holder = { wanted: found, managed: false };
    expect([...made.directories]).toEqual(policy === 'never' ? [] : [['a', holder]]);
  });

  it('is left as it is by a reset, too', () => {
    const reset = { include: undefined, deleteExtra: false };
    expect(changed(plan({ ...root, policy: 'never', reset }, [['a', implied, directory({ mode: 0o700 })]]))).toEqual(
      [],
    );
  });

  it('takes the place of a file where something is seeded below it', () => {
    const made = plan(root, [
      ['a', implied, file()],
      ['a/f', file()],
    ]);
    expect(changed(made)).toEqual(['replace a (type differs)', 'create a/f (missing)']);
  });
});

describe('a rule for one path', () => {
  it('may go by the seed that the path comes from', () => {
    const made = plan({ ...root, at: (_, seed) => (seed?.origin === 1 ? { policy: 'never' } : {}) }, [
      ['a', file({ origin: 0 })],
      ['b', file({ origin: 1 })],
    ]);
    expect(changed(made)).toEqual(['create a (missing)']);
  });

  it('leaves what is kept among what is kept', () => {
    const made = plan({ ...root, at: () => ({ policy: 'missing' }) }, [['a', directory(), file()]]);
    expect(made.kept).toEqual([{ path: 'a', reason: 'exists' }]);
    expect(made.descents).toEqual({ a: 'skip' });
  });
});

describe('the root', () => {
  it("is left to whoever mounted it, unless the seed's attributes are asked for", () => {
    expect(plan(root, []).changes).toEqual([]);
    expect(changed(corrected(root, { mode: 0o700 }))).toEqual(['attributes  (attributes differ)']);
    expect(changed(corrected(root, {}))).toEqual([]);
  });

  it('gets its mtime back when something in it changes', () => {
    expect([...corrected(root, {}).directories.keys()]).toEqual([ROOT]);
  });

  it('is corrected when asked for under any policy that seeds', () => {
    for (const policy of ['newer', 'always', 'missing'] as const) {
      expect(changed(corrected({ ...root, policy }, { mode: 0o700 }))).toHaveLength(1);
    }
  });
});
