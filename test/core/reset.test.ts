// Planning where paths are reset: whatever their policy, and with what is only in the volume.
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../src/core/entry.ts';
import type { Plan } from '../../src/core/plan.ts';
import { Planning } from '../../src/core/planning.ts';
import type { Rules } from '../../src/core/rulebook.ts';
import { savingOf } from '../../src/core/saving.ts';
import { ALL } from '../../src/core/selection.ts';
import { directory, file, link, path, witness } from './entries.ts';

const rules: Rules = {
  policy: 'never',
  selection: ALL,
  checksum: false,
  chmod: undefined,
  owner: { uid: undefined, gid: undefined },
  self: { privileged: true, uid: 0, groups: new Set([0]) },
  reset: { include: undefined, deleteExtra: false },
};
const only = (...paths: string[]): Rules['reset'] => ({ include: (at) => paths.includes(at), deleteExtra: false });

type Step = readonly [at: string, seed: Entry, volume?: Entry | undefined, same?: boolean];

function plan(over: Partial<Rules>, steps: readonly Step[]): Plan & { readonly descents: readonly string[] } {
  const planning = new Planning({ ...rules, ...over }, undefined);
  const descents = steps.map(([at, seed, volume, same = false]) =>
    planning.visit({ path: path(at), seed, volume }, same),
  );
  return { ...planning.plan(), descents };
}

const verbs = ({ changes }: Plan): string[] => changes.map(({ verb, path: at }) => `${verb} ${at}`);

describe('a reset', () => {
  it.each<[string, Entry, Entry | undefined, boolean, string[]]>([
    ['creates what is missing', file(), undefined, false, ['create a']],
    ['replaces what is newer', file(), file({ seconds: 999 }), false, ['replace a']],
    ['replaces an edit of the same size and time', file(), file(), false, ['replace a']],
    ['leaves what is the same', file(), file(), true, []],
    ['corrects the time of what has the same content', file(), file({ seconds: 999 }), true, ['attributes a']],
    ['corrects a time that is off by microseconds', file(), file({ nanoseconds: 5000 }), true, ['attributes a']],
    ['takes nanoseconds for what Node cannot set', file(), file({ nanoseconds: 500 }), true, []],
    [
      'replaces a file of two names',
      file(),
      file({ seconds: 9, witness: { ...witness, links: 2 } }),
      true,
      ['replace a'],
    ],
    ['replaces a link', file(), link(), false, ['replace a']],
    ['replaces a directory that is not empty', file(), directory({ empty: false }), false, ['replace a']],
    ['corrects a directory to the microsecond', directory(), directory({ nanoseconds: 2000 }), false, ['attributes a']],
  ])('%s', (_, seed, volume, same, expected) => {
    expect(verbs(plan({}, [['a', seed, volume, same]]))).toEqual(expected);
  });

  it('asks for all that is in the way, and removes it before', () => {
    const planning = new Planning(rules, undefined);
    expect(planning.visit({ path: path('a'), seed: file(), volume: directory() }, false)).toBe('clear');
    expect(planning.extra(path('a/d'), directory(), true, false)).toBe(true);
    expect(planning.extra(path('a/d/x'), file(), true, false)).toBe(false);
    const made = planning.plan();
    expect(made.removals.map(({ path: at }) => at)).toEqual(['a/d/x', 'a/d']);
    expect(verbs(made)).toEqual(['replace a']);
  });

  it('leaves a directory in the way that holds another file system, and says so', () => {
    const planning = new Planning(rules, undefined);
    planning.visit({ path: path('a'), seed: file(), volume: directory() }, false);
    planning.extra(path('a/d'), directory(), true, true);
    planning.extra(path('a/x'), file(), true, false);
    expect(planning.plan()).toMatchObject({ changes: [], removals: [], problems: [{ path: 'a', kind: 'blocked' }] });
  });

  it('of one path touches no other, but what it cannot be without', () => {
    const steps: Step[] = [
      ['d', directory({ mode: 0o700 }), directory()],
      ['d/a', file(), file({ seconds: 999 })],
      ['d/b', file(), file({ seconds: 999 })],
      ['e', directory(), file()],
      ['e/c', file()],
    ];
    expect(verbs(plan({ reset: only('d/b', 'e/c') }, steps))).toEqual(['replace d/b', 'replace e', 'create e/c']);
  });

  it('goes before a policy, and leaves the rest to it', () => {
    const steps: Step[] = [
      ['a', file(), file({ seconds: 999 })],
      ['b', file(), file({ seconds: 999 })],
      ['c', file()],
    ];
    const made = plan({ policy: 'newer', reset: only('b') }, steps);
    expect(verbs(made)).toEqual(['replace b', 'create c']);
    expect(made.kept).toEqual([{ path: 'a', reason: 'newer in the volume' }]);
  });

  it('removes what is only in the volume where that is selected, and no directory that holds what is not', () => {
    const planning = new Planning(
      {
        ...rules,
        selection: { include: undefined, exclude: (at) => at === 'x/kept' },
        reset: { include: undefined, deleteExtra: true },
      },
      undefined,
    );
    expect(planning.asksExtra).toBe(true);
    planning.extra(path('x'), directory(), false, false);
    planning.extra(path('x/gone'), file(), false, false);
    planning.extra(path('x/kept'), file(), false, false);
    planning.extra(path('y'), link(), false, false);
    expect(planning.plan().removals.map(({ path: at }) => at)).toEqual(['y', 'x/gone']);
  });
});

describe('what is to be saved before a plan', () => {
  it('is what it overwrites or removes, with the directories above, and where nothing was', () => {
    const made = plan({}, [
      ['d', directory(), directory()],
      ['d/created', file()],
      ['d/replaced', file(), file({ seconds: 9 })],
      ['d/touched', file(), file({ seconds: 9 }), true],
      ['d/same', file(), file(), true],
    ]);
    const { entries, absent } = savingOf(made, () => directory());
    expect(entries.map(({ path: at, holds }) => `${at}: ${holds}`)).toEqual([
      'd: attributes',
      'd/replaced: content',
      'd/touched: attributes',
    ]);
    expect(absent).toEqual(['d/created']);
  });
});
