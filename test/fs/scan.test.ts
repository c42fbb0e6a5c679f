import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Problem } from '../../src/core/plan.ts';
import { makeDirectory } from '../../src/fs/disk.ts';
import { scan, type Descent, type Pair, type Visitor } from '../../src/fs/scan.ts';
import { DirectorySeed } from '../../src/fs/seed.ts';
import { Unlocked } from '../../src/fs/writable.ts';
import { ordinary, suite } from '../support/prerequisites.ts';
import { directory, fifo, file, symlink } from '../support/tree.ts';
import { anchorAt, as, name, path, place, still, type Literal } from './place.ts';

interface Seen {
  readonly lines: string[];
  readonly problems: Problem[];
}

interface Over {
  readonly descend?: (pair: Pair) => Descent;
  readonly asks?: boolean;
  readonly passedOver?: (at: string) => boolean;
  readonly unlocked?: Unlocked;
  readonly withoutVolume?: boolean;
  readonly onVisit?: (pair: Pair) => void;
}

/** Scans `seed` and `volume` in a directory, and tells what was visited: path, kind in the seed, kind in the volume. */
async function scanned(root: string, over: Over = {}): Promise<Seen> {
  const seen: Seen = { lines: [], problems: [] };
  const visitor: Visitor = {
    asksContent: ({ seed, volume }) => over.asks === true && seed.kind === 'file' && volume?.kind === 'file',
    visit: (pair, same) => {
      over.onVisit?.(pair);
      seen.lines.push(
        `${pair.path} ${pair.seed.kind} ${pair.volume?.kind ?? '-'}${over.asks === true ? ` ${same}` : ''}`,
      );
      return over.descend?.(pair) ?? 'both';
    },
    problem: (problem) => void seen.problems.push(problem),
  };
  const trees = {
    seed: new DirectorySeed(anchorAt(`${root}/seed`)),
    volume: over.withoutVolume === true ? undefined : anchorAt(`${root}/volume`),
    passedOver: over.passedOver ?? (() => false),
    unlocked: over.unlocked,
  };
  await scan(trees, still, visitor);
  return seen;
}

const skipOne = ({ path: at }: Pair): Descent => (at === 'skip' ? 'skip' : 'seed');
const both = (literal: Literal): string => place({ seed: directory(), volume: directory(), ...literal });

describe('scan', () => {
  it('visits every path of the seed with what the volume has, a directory before what is in it, in byte order', async () => {
    const root = both({
      'seed/b/y': file(),
      'seed/b/\xff': symlink('y'),
      'seed/a': file(),
      'seed/b-': file(),
      'seed/p': fifo(),
      'volume/b/y': directory(),
      'volume/a': file(),
    });
    expect((await scanned(root)).lines).toEqual([
      'a file file',
      'b directory directory',
      'b/y file directory',
      'b/\xff link -',
      'b- file -',
      'p other -',
    ]);
  });

  it('does not look at what is in the volume alone', async () => {
    const root = both({ 'seed/a': file(), 'volume/closed': directory({ mode: 0 }), 'volume/x/y/z': file() });
    expect(await scanned(root)).toEqual({ lines: ['a file -'], problems: [] });
  });

  it('takes all for missing where there is no volume', async () => {
    const root = both({ 'seed/a/b': file(), 'volume/a/b': file() });
    expect((await scanned(root, { withoutVolume: true })).lines).toEqual(['a directory -', 'a/b file -']);
  });

  it('goes on as it is told', async () => {
    const root = both({
      'seed/skip/x': file(),
      'seed/alone/x': file(),
      'volume/skip/x': file(),
      'volume/alone/x': file(),
    });
    expect((await scanned(root, { descend: skipOne })).lines).toEqual([
      'alone directory directory',
      'alone/x file -',
      'skip directory directory',
    ]);
  });

  it('passes over what is not data, with all below', async () => {
    const root = both({ 'seed/.volseed/x': file(), 'seed/a/.volseed': file() });
    expect((await scanned(root, { passedOver: (at) => at === '.volseed' })).lines).toEqual([
      'a directory -',
      'a/.volseed file -',
    ]);
  });

  it('follows no link, in the seed or in the volume', async () => {
    const root = both({
      'outside/secret': file(),
      'seed/out': symlink('../outside'),
      'seed/dir/secret': file(),
      'volume/dir': symlink('../outside'),
      'volume/out': directory(),
    });
    const { lines, problems } = await scanned(root, {
      descend: ({ volume }) => (volume?.kind === 'directory' ? 'both' : 'seed'),
    });
    expect(lines).toEqual(['dir directory link', 'dir/secret file -', 'out link directory']);
    expect(problems).toEqual([]);
  });

  it('does not follow the link that takes the place of a directory between look and entering', async () => {
    const root = both({ 'outside/x': file(), 'seed/d/x': file(), 'volume/d/x': file() });
    const onVisit = ({ path: at }: Pair): void => {
      if (at !== 'd') return;
      fs.renameSync(`${root}/volume/d`, `${root}/moved`);
      fs.symlinkSync('../outside', `${root}/volume/d`);
    };
    const { lines, problems } = await scanned(root, { onVisit });
    expect(lines).toEqual(['d directory directory']);
    expect(problems).toMatchObject([{ path: 'd', kind: 'failed' }]);
  });

  it('asks whether a directory is empty only where something else is to take its place', async () => {
    const root = both({
      'seed/empty': file(),
      'seed/full': symlink('x'),
      'seed/same': directory(),
      'volume/empty': directory(),
      'volume/full/x': file(),
      'volume/same/x': file(),
    });
    const asked = new Map<string, unknown>();
    await scanned(root, {
      onVisit: ({ path: at, volume }) => void asked.set(at, volume?.kind === 'directory' ? volume.empty : 'none'),
    });
    expect([...asked]).toEqual([
      ['empty', true],
      ['full', false],
      ['same', undefined],
    ]);
  });

  it('reads files where the decision turns on their bytes', async () => {
    const root = both({
      'seed/d/same': file('one'),
      'seed/d/other': file('one'),
      'volume/d/same': file('one'),
      'volume/d/other': file('two'),
    });
    expect((await scanned(root, { asks: true })).lines).toEqual([
      'd directory directory false',
      'd/other file file false',
      'd/same file file true',
    ]);
  });

  it('tells of what vanished while it was about to be read, and goes on', async () => {
    const root = both({ 'seed/a/x': file(), 'seed/b': file(), 'seed/c': file() });
    const { lines, problems } = await scanned(root, {
      onVisit: ({ path: at }) => at === 'a' && fs.rmSync(`${root}/seed/a`, { recursive: true }),
    });
    expect(lines).toEqual(['a directory -', 'b file -', 'c file -']);
    expect(problems).toMatchObject([{ path: 'a', kind: 'vanished' }]);
  });

  it('refuses trees of which one is found inside the other', async () => {
    const root = place({ 'seed/inner/x': file() });
    const trees = { seed: new DirectorySeed(anchorAt(`${root}/seed`)), passedOver: () => false, unlocked: undefined };
    const visitor: Visitor = { asksContent: () => false, visit: () => 'both', problem: () => undefined };
    const ends = scan({ ...trees, volume: anchorAt(`${root}/seed/inner`) }, still, visitor);
    await expect(ends).rejects.toThrow('lie inside one another');
  });

  it('goes as deep as a tree is, and past the longest path', async () => {
    const root = both({});
    for (const tree of ['seed', 'volume']) {
      const anchor = anchorAt(`${root}/${tree}`);
      for (let depth = 0; depth < 500; depth++) {
        anchor.here();
        makeDirectory(name('d'.repeat(20)), 0o755);
        anchor.down(name('d'.repeat(20)));
      }
    }
    const { lines, problems } = await scanned(root);
    expect(problems).toEqual([]);
    expect(lines).toHaveLength(500);
    expect(lines.at(-1)).toMatch(/ directory directory$/);
  });
});

suite('scan as an ordinary user', ['root'], () => {
  it('tells of each path that may not be read, and goes on with the rest', async () => {
    const root = both({
      'seed/closed/x': file(),
      'seed/closed': directory({ mode: 0 }),
      'seed/open': file(),
      'seed/strange/x': file(),
      'volume/strange': directory({ mode: 0 }),
    });
    await as(ordinary, async () => {
      const { lines, problems } = await scanned(root, { unlocked: new Unlocked() });
      expect(lines).toEqual(['closed directory -', 'open file -', 'strange directory directory']);
      expect(problems).toMatchObject([
        { path: 'closed', kind: 'failed', message: 'cannot be read in the seed: permission denied' },
        { path: 'strange', kind: 'failed' },
      ]);
    });
  });

  it('opens what is its own and closed in the volume, and remembers the mode', async () => {
    const root = both({
      'seed/d/x': file(),
      'volume/d/x': file(),
      'volume/d': directory({ ...ordinary, mode: 0o2000 }),
    });
    const unlocked = new Unlocked();
    const { lines, problems } = await as(ordinary, () => scanned(root, { unlocked }));
    expect(lines).toEqual(['d directory directory', 'd/x file file']);
    expect(problems).toEqual([]);
    expect([...unlocked]).toEqual([[path('d'), 0o2000]]);
  });

  it('opens nothing for a plan, which touches nothing', async () => {
    const root = both({ 'seed/d/x': file(), 'volume/d': directory({ ...ordinary, mode: 0 }) });
    const { problems } = await as(ordinary, () => scanned(root));
    expect(problems).toMatchObject([{ path: 'd', kind: 'failed' }]);
    expect(fs.statSync(`${root}/volume/d`).mode & 0o777).toBe(0);
  });
});
