import fs from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { NOBODY } from '../../src/core/entry.ts';
import { join, ROOT } from '../../src/core/path.ts';
import { close } from '../../src/fs/disk.ts';
import { openManifest } from '../../src/fs/manifest-file.ts';
import { ManifestSeed, seedAt } from '../../src/fs/manifest-seed.ts';
import { DirectorySeed, SeedChanged, type Seed } from '../../src/fs/seed.ts';
import { ordinary, suite } from '../support/prerequisites.ts';
import { directory, fifo, file, remove, symlink } from '../support/tree.ts';
import { giveManifest } from './manifest.ts';
import { anchorAt, as, canMount, mount, name, path, place, type Literal } from './place.ts';

const shipped: Literal = {
  '.': directory({ mtime: 1_500_000_000 }),
  'a/deep/x': file('x', { mtime: '1500000000.5' }),
  'a/deep/\xff\n': file('ff', { mode: 0o4711, uid: 3, gid: 4 }),
  'a/link': symlink('deep/x', { mtime: 1_400_000_000 }),
  'a/pipe': fifo(),
  b: file('b'),
  empty: directory({ mode: 0o700 }),
};

let why: string[];
beforeEach(() => {
  why = [];
});

const opened = (root: string): Seed => seedAt(anchorAt(root), (reason) => void why.push(reason));

async function withManifest(literal: Literal = shipped): Promise<string> {
  const root = place(literal);
  await giveManifest(root);
  return root;
}

/** All that a seed tells, the witnesses of files aside. */
function told(seed: Seed, at = ROOT): unknown[][] {
  seed.enter(at);
  const here = seed.names().map((each) => ({ each, entry: seed.look(each) }));
  return here.flatMap(({ each, entry }) => [
    [join(at, each), entry?.kind === 'directory' ? entry : { ...entry, witness: NOBODY }],
    ...(entry?.kind === 'directory' ? told(seed, join(at, each)) : []),
  ]);
}

function swapForLink(root: string): void {
  remove(`${root}/a/deep`);
  fs.symlinkSync('x', `${root}/a/deep`);
  fs.utimesSync(`${root}/a`, 1_500_000_000, 1_500_000_000);
}

function patch(at: string, offset: number, octet: number): void {
  const bytes = fs.readFileSync(at);
  bytes[offset] = octet;
  fs.writeFileSync(at, bytes);
}

function inItsPlace(make: (at: string) => unknown): (at: string) => void {
  return (at) => {
    remove(at);
    make(at);
  };
}

const openDescriptors = (): number => fs.readdirSync('/proc/self/fd').length;

describe('a seed with a manifest', () => {
  it('tells what a walk would tell', async () => {
    const root = await withManifest();
    const seed = opened(root);
    expect(seed).toBeInstanceOf(ManifestSeed);
    const walked = told(new DirectorySeed(anchorAt(root))).filter(([at]) => at !== '.volseed-manifest');
    expect(told(seed)).toEqual(walked);
    expect(why).toEqual([]);
  });

  it('is not walked: what it tells of a large one comes from the manifest', async () => {
    const many = Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`d/${n}`, file('x')]));
    const root = await withManifest({ ...many, 'd/7': file('x', { mtime: 1_600_000_000 }) });
    fs.writeFileSync(`${root}/d/300`, 'written in place');
    const seed = opened(root);
    seed.enter(path('d'));
    expect(seed.look(name('300'))).toMatchObject({ kind: 'file', size: 1 });
  });

  it('opens the real files, and knows their hashes', async () => {
    const seed = opened(await withManifest());
    seed.enter(path('a/deep'));
    const descriptor = seed.open(name('x'));
    expect(fs.readFileSync(descriptor, 'utf8')).toBe('x');
    close(descriptor);
    expect(seed.hash(name('x'))).toBe('2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881');
    seed.enter(path('a'));
    expect(['link', 'deep', 'pipe', 'nothing'].map((each) => seed.hash(name(each)))).toEqual(Array.from({ length: 4 }));
  });

  it('tells of a file that was written in place that it changed, before a byte of it is taken for the other', async () => {
    const many = Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`d/${n}`, file('x')]));
    const root = await withManifest({ ...many, 'd/7': file('x', { mtime: 1_600_000_000 }) });
    const seed = opened(root);
    fs.writeFileSync(`${root}/d/300`, 'y');
    fs.utimesSync(`${root}/d/301`, 5, 5);
    fs.truncateSync(`${root}/d/302`);
    seed.enter(path('d'));
    for (const each of ['300', '301', '302']) expect(() => seed.open(name(each))).toThrow(SeedChanged);
    close(seed.open(name('303')));
  });

  it('knows what was shipped before, at its path and nowhere else', async () => {
    const root = place(shipped);
    const [one, two] = ['1'.repeat(64), '2'.repeat(64)] as const;
    await giveManifest(root, { history: new Map([[path('b'), new Set([one])]]), version: 'v7' });
    const seed = opened(root);
    expect([seed.wasShipped(path('b'), one), seed.wasShipped(path('b'), two), seed.wasShipped(path('c'), one)]).toEqual(
      [true, false, false],
    );
    expect(seed.version).toBe('v7');
    expect(seed.digest).toMatch(/^[0-9a-f]{64}$/);
  });

  it('says of a path that it does not have what the kernel says', async () => {
    const seed = opened(await withManifest());
    expect(() => seed.enter(path('nowhere'))).toThrow('ENOENT');
    expect(() => seed.enter(path('b'))).toThrow('ENOTDIR');
    seed.enter(ROOT);
    expect(seed.look(name('nothing'))).toBeUndefined();
    expect(() => seed.open(name('nothing'))).toThrow('ENOENT');
  });

  it('is none the less one where it lies below a root of another time, as after a COPY', async () => {
    const root = await withManifest();
    fs.utimesSync(root, 1, 1);
    expect(opened(root)).toBeInstanceOf(ManifestSeed);
  });

  it('is none the less one where a layer has cut the times to whole seconds', async () => {
    const root = await withManifest();
    fs.utimesSync(`${root}/a/deep/x`, 1_500_000_000, 1_500_000_000);
    const seed = opened(root);
    expect(seed).toBeInstanceOf(ManifestSeed);
    seed.enter(path('a/deep'));
    close(seed.open(name('x')));
  });
});

describe('no manifest is believed, and the seed is walked, where', () => {
  const changes: readonly (readonly [string, (root: string) => void, string])[] = [
    ['a file came', (root) => fs.writeFileSync(`${root}/a/deep/new`, ''), 'a/deep has another time'],
    ['a file came at the root', (root) => fs.writeFileSync(`${root}/new`, ''), 'new is not in it'],
    ['a file went', (root) => fs.rmSync(`${root}/a/link`), 'a has another time'],
    ['a file went at the root', (root) => fs.rmSync(`${root}/b`), 'b is gone'],
    ['a file was renamed', (root) => fs.renameSync(`${root}/a/deep/x`, `${root}/a/deep/y`), 'a/deep has another time'],
    ['a directory became a link', swapForLink, 'a/deep is of another type'],
    ['a directory has another mode', (root) => fs.chmodSync(`${root}/a`, 0o700), 'a has another mode'],
    ['a directory has another owner', (root) => fs.chownSync(`${root}/a`, 5, 0), 'a has another owner'],
    ['a file was written in place', (root) => fs.writeFileSync(`${root}/b`, 'longer'), 'b has another size'],
    ['a file was touched', (root) => fs.utimesSync(`${root}/b`, 7, 7), 'b has another time'],
    ['a file has another mode', (root) => fs.chmodSync(`${root}/a/deep/x`, 0o600), 'a/deep/x has another mode'],
  ];

  it.each(changes)('%s', async (_, change, expected) => {
    const root = await withManifest();
    change(root);
    expect(opened(root)).toBeInstanceOf(DirectorySeed);
    expect(why).toEqual([`does not match: ${expected}`]);
  });

  it.each<[string, (at: string) => void, string]>([
    ['is cut off', (at) => fs.truncateSync(at, 200), 'is cut off or damaged'],
    ['is empty', (at) => fs.truncateSync(at), 'is not a manifest'],
    ['is a text', (at) => fs.writeFileSync(at, 'version: 1\n'.repeat(9)), 'is not a manifest'],
    ['is of a later version', (at) => patch(at, 16, 2), 'is of a later version of volseed'],
    ['has a flipped bit', (at) => patch(at, 120, 0xff), 'is cut off or damaged'],
    ['is a directory', inItsPlace(fs.mkdirSync), 'is not a regular file'],
    ['is a link', inItsPlace((at) => fs.symlinkSync('b', at)), 'cannot be read: is a symbolic link'],
  ])('one that %s', async (_, change, expected) => {
    const root = await withManifest();
    change(`${root}/.volseed-manifest`);
    expect(opened(root)).toBeInstanceOf(DirectorySeed);
    expect(why).toEqual([expected]);
  });

  it('the entries are damaged, which is noticed once they are needed', async () => {
    const root = await withManifest();
    const at = `${root}/.volseed-manifest`;
    patch(at, fs.statSync(at).size - 40, 0xff);
    const seed = opened(root);
    const walked = told(new DirectorySeed(anchorAt(root)));
    expect(told(seed)).toEqual(walked);
    expect(why).toEqual(['is damaged']);
  });

  it('the entries are damaged, and the directory that is asked instead is gone: no other answers for it', async () => {
    const root = await withManifest({
      '.': directory({ mtime: 1_500_000_000 }),
      f: file('the root’s'),
      d: directory({ mtime: 1_500_000_000 }),
      'd/f': file('x'),
      'd/g': file('x'),
    });
    const at = `${root}/.volseed-manifest`;
    patch(at, fs.readFileSync(at).lastIndexOf('fg'), 0x7a);
    const seed = opened(root);
    expect(seed).toBeInstanceOf(ManifestSeed);
    remove(`${root}/d`);
    seed.enter(path('d'));
    for (let n = 0; n < 2; n++) expect(() => seed.look(name('f'))).toThrow('ENOENT');
    expect(why).toEqual(['is damaged']);
  });

  it('a file came in the very second in which the manifest was written, of which a layer keeps no more', async () => {
    const root = place(shipped);
    const now = Math.floor(Date.now() / 1000) + 1;
    fs.utimesSync(`${root}/a/deep`, now, now);
    await giveManifest(root);
    fs.utimesSync(`${root}/.volseed-manifest`, now, now);
    fs.writeFileSync(`${root}/a/deep/new`, '');
    fs.utimesSync(`${root}/a/deep`, now, now);
    expect(opened(root)).toBeInstanceOf(DirectorySeed);
    expect(why).toEqual(['does not match: a/deep/new is not in it']);
  });

  it.skipIf(!canMount())('another file system is mounted in it, or a file over one of its files', async () => {
    const [one, other] = [await withManifest(), await withManifest()];
    mount(`${one}/empty`, '-t', 'tmpfs', 'none');
    expect(opened(one)).toBeInstanceOf(DirectorySeed);
    mount(`${other}/a/deep/x`, '--bind', `${other}/a/deep/x`);
    expect(opened(other)).toBeInstanceOf(DirectorySeed);
    expect(why).toEqual([
      'does not match: empty is a mount of its own',
      'does not match: a/deep/x is a mount of its own',
    ]);
  });
});

suite('an ordinary user', ['root'], () => {
  it('who may not look into a directory walks, and hears of it there', async () => {
    const root = await withManifest();
    fs.chmodSync(root, 0o755);
    await as(ordinary, () => {
      expect(opened(root)).toBeInstanceOf(DirectorySeed);
    });
    expect(why).toEqual(['does not match: empty cannot be looked at: permission denied']);
  });
});

describe('the file of a manifest', () => {
  it('leaves the mtime of the root in the second that it was in, and nothing else behind', async () => {
    const root = place({ ...shipped, '.': directory({ mtime: '1500000000.999999999' }) });
    await giveManifest(root);
    const first = fs.readFileSync(`${root}/.volseed-manifest`);
    expect(Math.floor(fs.statSync(root).mtimeMs / 1000)).toBe(1_500_000_000);
    await giveManifest(root);
    expect(fs.readFileSync(`${root}/.volseed-manifest`)).toEqual(first);
    expect(fs.readdirSync(root).toSorted()).toEqual(['.volseed-manifest', 'a', 'b', 'empty']);
    expect(fs.statSync(`${root}/.volseed-manifest`).mode & 0o777).toBe(0o644);
  });

  it('is no longer open once the seed is closed', async () => {
    const root = await withManifest();
    const before = openDescriptors();
    const anchor = anchorAt(root);
    seedAt(anchor, () => undefined).close();
    fs.utimesSync(`${root}/a`, 1, 1);
    seedAt(anchorAt(root), () => undefined).close();
    expect(openDescriptors()).toBe(before);
  });

  it('is undefined where there is none', () => {
    expect(openManifest(anchorAt(place({ x: file() })))).toBeUndefined();
  });
});
