// The decision table of `merge`: every cell of base x seed x volume, under every combination of the options that change one.
// Each cell is a directory of its own, CELL/p, so that one seed and one volume hold them all. Sizes and times are the same
// everywhere: nothing but the content can tell what was edited.
import {
  chmodSync,
  existsSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { flat, literal, merge, type Merging, type Node, seeded, seen, unlike } from '../support/merge-model.ts';
import { suite } from '../support/prerequisites.ts';
import { type Ground, ground, type Literal, unlikeSeed } from '../support/probe.ts';
import { changes, snapshot } from '../support/snapshot.ts';
import { type Attributes, build, buildAll, directory, type Entry, file, symlink, tree } from '../support/tree.ts';
import { volseed } from '../support/volseed.ts';

/** A conflict is warned of; nothing else is. */
const onlyConflicts: unknown = expect.stringMatching(/^(?:volseed: warning: kept .*: conflict: .*\n)*$/);

const states = {
  nothing: undefined,
  one: 'file one',
  two: 'file two',
  six: 'file six',
  link: 'link x',
  other: 'link y',
  empty: {},
  full: { in: 'file one' },
  edited: { in: 'file two' },
  more: { in: 'file one', more: 'file one' },
} as const satisfies Record<string, Node>;
type State = keyof typeof states;

/** All of base x seed x volume, each with a name that says which it is. */
function product<T extends string | number>(
  values: readonly T[],
): { readonly name: string; readonly base: T; readonly seed: T; readonly volume: T }[] {
  return values.flatMap((base) =>
    values.flatMap((seed) => values.map((volume) => ({ name: `${base}-${seed}-${volume}`, base, seed, volume }))),
  );
}

const cells = product(Object.keys(states) as State[]);

const options: readonly Merging[] = (['new', 'keep', 'replace'] as const).flatMap((onConflict) =>
  [false, true].flatMap((restoreDeleted) => [false, true].map((prune) => ({ onConflict, restoreDeleted, prune }))),
);

const flags = ({ onConflict, restoreDeleted, prune }: Merging): string[] => [
  '--policy',
  'merge',
  '--on-conflict',
  onConflict,
  ...(restoreDeleted ? ['--restore-deleted'] : []),
  ...(prune ? ['--prune'] : []),
];

/** An image with every cell in the state that is asked for. */
function ship(on: Ground, which: 'base' | 'seed'): void {
  rmSync(on.seed, { recursive: true, force: true });
  build(on.seed, tree(Object.fromEntries(cells.flatMap((cell) => literal({ p: states[cell[which]] }, cell.name)))));
}

/** What users made of the first image. */
function edit(on: Ground): void {
  const changed = cells.filter(({ base, volume }) => base !== volume);
  for (const { name } of changed) rmSync(join(on.volume, name, 'p'), { recursive: true, force: true });
  buildAll(
    changed.map(({ name, volume }) => [
      join(on.volume, name),
      tree(Object.fromEntries(literal({ p: states[volume] }, ''))),
    ]),
  );
}

function expected(how: Merging): Map<string, string> {
  return new Map(
    cells.flatMap(({ name, base, seed, volume }) => {
      const before = { base: seeded(states[base]), volume: states[volume], beside: undefined };
      const { volume: is, beside } = merge(before, states[seed], how);
      return flat({ p: is, 'p.volseed-new': beside }, name);
    }),
  );
}

describe('merge decides every cell of base x seed x volume as the table says', () => {
  it.each(options)('on a conflict $onConflict, restoreDeleted $restoreDeleted, prune $prune', (how) => {
    const on = ground({});
    const args = [...on.where, ...flags(how)];
    ship(on, 'base');
    expect(volseed(['sync', ...args])).toMatchObject({ code: 0, stderr: onlyConflicts });
    edit(on);
    ship(on, 'seed');
    expect(volseed(['sync', ...args])).toMatchObject({ code: 0, stderr: onlyConflicts });
    expect(unlike(expected(how), seen(snapshot(on.volume)))).toEqual([]);
    expect(volseed(['plan', '--exit-code', ...args])).toMatchObject({ code: 0 });
    const before = snapshot(on.volume);
    expect(volseed(['sync', ...args])).toMatchObject({ code: 0, stderr: onlyConflicts });
    expect(changes(before, snapshot(on.volume))).toEqual([]);
  });
});

/** A volume that was seeded with the first image, and the second image in its place. */
function upgraded(first: Literal, change: (on: Ground) => void, second: Literal): Ground {
  const on = ground(first);
  volseed(['sync', '--policy', 'merge', ...on.where]);
  change(on);
  rmSync(on.seed, { recursive: true });
  build(on.seed, tree(second));
  expect(volseed(['sync', '--policy', 'merge', ...on.where])).toMatchObject({ code: 0, stderr: onlyConflicts });
  return on;
}

const read = (on: Ground, path: string): string => readFileSync(join(on.volume, path), 'utf8');
const modeOf = (on: Ground, path: string): number => statSync(join(on.volume, path)).mode & 0o7777;
const timeOf = (on: Ground, path: string): number => lstatSync(join(on.volume, path)).mtimeMs / 1000;

describe('merge takes modes and owners three ways by themselves', () => {
  const named = product([0o644, 0o600, 0o755, 0o2755, 0o4755]);
  const contents = [
    { content: 'nobody changed', seed: 'one', volume: 'one', result: 'one' },
    { content: 'the image changed', seed: 'two', volume: 'one', result: 'two' },
    { content: 'both changed to the same', seed: 'two', volume: 'two', result: 'two' },
  ];
  const edited = [
    { content: 'the user changed', seed: 'one', volume: 'six', result: 'six' },
    { content: 'both changed', seed: 'two', volume: 'six', result: 'six' },
  ];
  const image = (which: 'base' | 'seed', make: (mode: number) => Entry): Literal =>
    Object.fromEntries(named.map((one) => [one.name, make(one[which])]));
  const outcome = (on: Ground): string[] => named.map(({ name }) => `${name}: ${modeOf(on, name)}`);
  const wanted = named.map(({ base, seed, volume, name }) => `${name}: ${volume === base ? seed : volume}`);
  const SET_ID = 0o6000;
  const wantedOfEdited = named.map(
    ({ base, seed, volume, name }) => `${name}: ${volume === base ? seed & (~SET_ID | volume) : volume}`,
  );

  const after = ({ seed, volume }: (typeof contents)[number]): { modes: string[]; contents: string[] } => {
    const on = upgraded(
      image('base', (mode) => file('one', { mode })),
      (first) => {
        for (const one of named) {
          if (volume !== 'one') writeFileSync(join(first.volume, one.name), volume);
          chmodSync(join(first.volume, one.name), one.volume);
        }
      },
      image('seed', (mode) => file(seed, { mode })),
    );
    return { modes: outcome(on), contents: named.map(({ name }) => read(on, name)) };
  };

  it.each(contents)('a file that $content', (content) => {
    expect(after(content)).toEqual({ modes: wanted, contents: named.map(() => content.result) });
  });

  it.each(edited)('a file that $content', (content) => {
    expect(after(content)).toEqual({ modes: wantedOfEdited, contents: named.map(() => content.result) });
  });

  it('a directory', () => {
    const on = upgraded(
      image('base', (mode) => directory({ mode })),
      ({ volume }) => named.forEach((one) => chmodSync(join(volume, one.name), one.volume)),
      image('seed', (mode) => directory({ mode })),
    );
    expect(outcome(on)).toEqual(wanted);
  });

  it('but gives no directory the mode that a file was given, and no file that of a directory', () => {
    const on = upgraded(
      { file: file('one'), dir: directory() },
      ({ volume }) => {
        chmodSync(join(volume, 'file'), 0o600);
        chmodSync(join(volume, 'dir'), 0o777);
      },
      { file: directory(), dir: file('two') },
    );
    expect([modeOf(on, 'file'), modeOf(on, 'dir')]).toEqual([0o755, 0o644]);
  });

  suite('with owners', ['root'], () => {
    const owned = product([0, 1000, 2000]);

    it.each([
      ['file', (owner: Attributes): Entry => file('one', owner)],
      ['directory', (owner: Attributes): Entry => directory(owner)],
      ['link', (owner: Attributes): Entry => symlink('x', owner)],
    ])('a %s', (_, make) => {
      // The group goes its own way: the image never changes it, and the user does.
      const on = upgraded(
        Object.fromEntries(owned.map(({ name, base }) => [name, make({ uid: base, gid: 0 })])),
        ({ volume }) => owned.forEach((one) => lchownSync(join(volume, one.name), one.volume, 3)),
        Object.fromEntries(owned.map(({ name, seed }) => [name, make({ uid: seed, gid: 0 })])),
      );
      const is = owned.map(({ name }) => lstatSync(join(on.volume, name))).map(({ uid, gid }) => `${uid}:${gid}`);
      expect(is).toEqual(owned.map(({ base, seed, volume }) => `${volume === base ? seed : volume}:3`));
    });
  });
});

/** An image of files and a link that all have the same content, or target. */
const alike = (content: string, paths: readonly string[], attributes: Attributes = {}): Literal => ({
  ...Object.fromEntries(paths.map((path) => [path, file(content, attributes)])),
  link: symlink(content, attributes),
});

describe('what merge takes for an edit', () => {
  it('is no touch, no rewrite with the same content, and no copy that was moved over it', () => {
    const paths = ['touched', 'rewritten', 'moved', 'dir/in'];
    const on = upgraded(
      alike('one', paths),
      ({ volume }) => {
        for (const path of ['touched', 'dir', 'link']) lutimesSync(join(volume, path), 2e9, 2e9);
        writeFileSync(join(volume, 'rewritten'), 'one');
        writeFileSync(join(volume, 'moved.new'), 'one');
        renameSync(join(volume, 'moved.new'), join(volume, 'moved'));
      },
      alike('two', paths),
    );
    expect(paths.map((path) => read(on, path))).toEqual(['two', 'two', 'two', 'two']);
    expect(readlinkSync(join(on.volume, 'link'))).toBe('two');
  });

  it.each(['two', 'one'])('is a change that keeps the size and the time, where the image has %s', (content) => {
    const on = upgraded(
      { file: file('one') },
      ({ volume }) => {
        const path = join(volume, 'file');
        const { atime, mtime } = statSync(path);
        writeFileSync(path, 'six');
        utimesSync(path, atime, mtime);
      },
      { file: file(content) },
    );
    expect(read(on, 'file')).toBe('six');
    expect(existsSync(join(on.volume, 'file.volseed-new'))).toBe(content === 'two');
  });
});

describe('merge sets an mtime only with content', () => {
  it('leaves it where the image has the same with another one, and where the user touched it', () => {
    const paths = ['file', 'touched'];
    const on = upgraded(
      alike('one', paths),
      ({ volume }) => utimesSync(join(volume, 'touched'), 2e9, 2e9),
      alike('one', paths, { mtime: 1.6e9 }),
    );
    expect([...paths, 'link'].map((path) => timeOf(on, path))).toEqual([1.5e9, 2e9, 1.5e9]);
  });

  it('sets it with an update, and with what it places beside', () => {
    const paths = ['file', 'edited'];
    const on = upgraded(
      alike('one', paths),
      ({ volume }) => writeFileSync(join(volume, 'edited'), 'six'),
      alike('two', paths, { mtime: 1.6e9 }),
    );
    expect(['file', 'link', 'edited.volseed-new'].map((path) => timeOf(on, path))).toEqual([1.6e9, 1.6e9, 1.6e9]);
  });
});

describe('merge never writes through a hard link', () => {
  it.each([
    ['content', file('two')],
    ['mode', file('one', { mode: 0o600 })],
  ])('when the image has another %s', (_, second) => {
    const on = upgraded(
      { file: file('one') },
      ({ root, volume }) => linkSync(join(volume, 'file'), join(root, 'elsewhere')),
      { file: second },
    );
    const elsewhere = join(on.root, 'elsewhere');
    expect([readFileSync(elsewhere, 'utf8'), statSync(elsewhere).mode & 0o777]).toEqual(['one', 0o644]);
    expect(unlikeSeed(on)).toEqual([]);
  });

  it('when two names in the volume are one file, of which the image changes one', () => {
    const on = upgraded(
      { a: file('one'), b: file('one') },
      ({ volume }) => {
        rmSync(join(volume, 'b'));
        linkSync(join(volume, 'a'), join(volume, 'b'));
      },
      { a: file('two'), b: file('one') },
    );
    expect([read(on, 'a'), read(on, 'b')]).toEqual(['two', 'one']);
  });
});
