// What happens to a path that somebody changes between the plan and the publishing, for each kind of change.
import fs from 'node:fs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Interrupted } from '../../src/core/errors.ts';
import { ordinary, suite } from '../support/prerequisites.ts';
import { snapshot, type Seen } from '../support/snapshot.ts';
import { directory, fifo, file, linked, symlink } from '../support/tree.ts';
import { as, Bench, type Literal } from './place.ts';

const at = (bench: Bench, path: string): Seen | undefined => snapshot(bench.volume).get(path);
const old = { mtime: 100 };
const bare = ({ type, mode, uid, gid, mtime, holds }: Seen): object => ({ type, mode, uid, gid, mtime, holds });

describe('publish', () => {
  it('puts everything in its place, with all that it is to have', async () => {
    const bench = new Bench(
      {
        'new/deep/f': file('new', { mode: 0o640, mtime: 300 }),
        'new/deep': directory({ mode: 0o2750, mtime: 400 }),
        f: file('newer', { mtime: 300 }),
        l: symlink('f', { mtime: 5 }),
        'was-file': directory({ mtime: 7 }),
        'was-link': file('f'),
        'was-empty': symlink('x'),
        mode: file('m', { mode: 0o600 }),
        '\xff': file('bytes'),
      },
      {
        f: file('older', { mtime: 200 }),
        'was-file': file('x'),
        'was-link': symlink('f'),
        'was-empty': directory(),
        mode: file('m', { mode: 0o644 }),
      },
    );
    const { done, kept, problems } = await bench.run();
    expect({ kept, problems }).toEqual({ kept: [], problems: [] });
    expect(done).toEqual([
      'replace f',
      'create l',
      'attributes mode',
      'create new',
      'create new/deep',
      'create new/deep/f',
      'replace was-empty',
      'replace was-file',
      'replace was-link',
      'create \xff',
    ]);
    const left = snapshot(bench.volume);
    const seed = snapshot(bench.seed);
    expect([...left].map(([path, seen]) => [path, bare(seen)])).toEqual(
      [...seed].map(([path, seen]) => [path, bare(seen)]),
    );
    expect(fs.readdirSync(`${bench.volume}/.volseed/stage`)).toEqual([]);
  });

  const seed: Literal = { 'd/x': file('from the image', { mtime: 500 }), 'd/y': file('also', { mtime: 500 }) };

  it.each<[what: string, seed: Literal, volume: Literal, edit: (volume: string) => void]>([
    ['a new file that came', seed, { d: directory() }, (v) => fs.writeFileSync(`${v}/d/x`, 'mine')],
    ['a link to nowhere that came', seed, { d: directory() }, (v) => fs.symlinkSync('nowhere', `${v}/d/x`)],
    ['a directory that came', seed, { d: directory() }, (v) => fs.mkdirSync(`${v}/d/x`)],
    ['a file that was written to', seed, { 'd/x': file('old', old) }, (v) => fs.writeFileSync(`${v}/d/x`, 'mine')],
    [
      'a file that was written to, with its size and mtime as before',
      seed,
      { 'd/x': file('old', old) },
      (v) => {
        fs.writeFileSync(`${v}/d/x`, 'new');
        fs.utimesSync(`${v}/d/x`, 100, 100);
      },
    ],
    ['a file of another mode', seed, { 'd/x': file('old', old) }, (v) => fs.chmodSync(`${v}/d/x`, 0o600)],
    [
      'a file that was replaced',
      seed,
      { 'd/x': file('old', old), 'd/z': file('mine', old) },
      (v) => fs.renameSync(`${v}/d/z`, `${v}/d/x`),
    ],
    ['a file that was removed', seed, { 'd/x': file('old', old) }, (v) => fs.unlinkSync(`${v}/d/x`)],
    [
      'a file that became a link',
      seed,
      { 'd/x': file('old', old) },
      (v) => (fs.unlinkSync(`${v}/d/x`), fs.symlinkSync('y', `${v}/d/x`)),
    ],
    [
      'a link that leads elsewhere',
      seed,
      { 'd/x': symlink('a') },
      (v) => (fs.unlinkSync(`${v}/d/x`), fs.symlinkSync('b', `${v}/d/x`)),
    ],
    [
      'a FIFO that became a file',
      seed,
      { 'd/x': fifo() },
      (v) => (fs.unlinkSync(`${v}/d/x`), fs.writeFileSync(`${v}/d/x`, '')),
    ],
    [
      'an empty directory that is another one',
      seed,
      { 'd/x': directory() },
      (v) => (fs.renameSync(`${v}/d/x`, `${v}/d/z`), fs.mkdirSync(`${v}/d/x`)),
    ],
    [
      'a file whose attributes were to be corrected',
      { 'd/x': file('same', { mode: 0o600, mtime: 500 }), 'd/y': file('also', { mtime: 500 }) },
      { 'd/x': file('same', { mode: 0o644, mtime: 500 }) },
      (v) => fs.writeFileSync(`${v}/d/x`, 'mine'),
    ],
    [
      'a link whose attributes were to be corrected',
      { 'd/x': symlink('a', { mtime: 5 }), 'd/y': file('also', { mtime: 500 }) },
      { 'd/x': symlink('a', { mtime: 6 }) },
      (v) => (fs.unlinkSync(`${v}/d/x`), fs.symlinkSync('a', `${v}/d/x`)),
    ],
    [
      'a directory that a file takes the place of',
      { 'd/x': directory({ mode: 0o700 }), 'd/y': file('also', { mtime: 500 }) },
      { 'd/x': directory({ mode: 0o755 }) },
      (v) => (fs.rmdirSync(`${v}/d/x`), fs.writeFileSync(`${v}/d/x`, 'mine')),
    ],
    [
      'a file where a new directory was to be',
      { 'd/x/f': file(), 'd/y': file('also', { mtime: 500 }) },
      { d: directory() },
      (v) => fs.writeFileSync(`${v}/d/x`, 'mine'),
    ],
    [
      'a full directory where a new one was to be',
      { 'd/x/f': file('image'), 'd/y': file('also', { mtime: 500 }) },
      { d: directory() },
      (v) => (fs.mkdirSync(`${v}/d/x`), fs.writeFileSync(`${v}/d/x/f`, 'mine')),
    ],
  ])('keeps %s since the plan was made, and does the rest', async (_, image, volume, edit) => {
    const bench = new Bench(image, volume);
    let edited: ReturnType<typeof snapshot> | undefined;
    const { kept, problems, done } = await bench.run({}, () => {
      edited = (edit(bench.volume), snapshot(bench.volume));
    });
    expect(at(bench, 'd/x')).toEqual(edited?.get('d/x'));
    expect(at(bench, 'd/x/f')).toEqual(edited?.get('d/x/f'));
    expect(at(bench, 'd/y')).toMatchObject({ holds: 'also' });
    expect({ kept, problems }).toEqual({ kept: ['d/x'], problems: [] });
    expect(done.filter((each) => each.includes('d/x'))).toEqual([]);
  });

  it('keeps what comes in the very moment between the last look and the move', async () => {
    const bench = new Bench({ x: file('image') });
    const { linkSync } = fs;
    vi.spyOn(fs, 'linkSync').mockImplementationOnce((from, to) => {
      fs.writeFileSync(`${bench.volume}/x`, 'mine');
      linkSync(from, to);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const { kept, problems } = await bench.run();
    expect({ kept, problems }).toEqual({ kept: ['x'], problems: [] });
    expect(fs.readFileSync(`${bench.volume}/x`, 'utf8')).toBe('mine');
  });

  it('brings back the file that a directory cannot take the place of after all', async () => {
    const bench = new Bench({ 'x/f': file('image') }, { x: file('mine') });
    const { renameSync } = fs;
    vi.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
      if (String(from).endsWith('/1') && to === 'x') throw Object.assign(new Error('EXDEV'), { code: 'EACCES' });
      renameSync(from, to);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const { problems } = await bench.run();
    expect(problems).toMatchObject([{ path: 'x', kind: 'failed' }]);
    expect(fs.readFileSync(`${bench.volume}/x`, 'utf8')).toBe('mine');
  });

  it('keeps what somebody put into an empty directory that was to be replaced, and says so', async () => {
    const bench = new Bench({ x: file('image') }, { x: directory() });
    const { done, kept, problems } = await bench.run({}, () => fs.writeFileSync(`${bench.volume}/x/mine`, 'mine'));
    expect(fs.readFileSync(`${bench.volume}/x/mine`, 'utf8')).toBe('mine');
    expect(done).toEqual([]);
    expect([...kept, ...problems.map((problem) => problem.path)]).toEqual(['x']);
  });

  it('writes nothing through a link that took the place of a directory', async () => {
    const bench = new Bench(seed, { 'd/x': file('old', old) });
    const outside = `${bench.root}/outside`;
    fs.mkdirSync(outside);
    await bench.run({}, () => {
      fs.renameSync(`${bench.volume}/d`, `${bench.root}/moved`);
      fs.linkSync(`${bench.root}/moved/x`, `${outside}/x`);
      fs.symlinkSync('../outside', `${bench.volume}/d`);
    });
    expect(fs.readFileSync(`${outside}/x`, 'utf8')).toBe('old');
    expect(fs.readdirSync(outside)).toEqual(['x']);
  });

  it('corrects nothing of a file that got a second name since', async () => {
    const bench = new Bench({ x: file('s', { mode: 0o600 }) }, { x: file('s', { mode: 0o644 }) });
    const { kept } = await bench.run({}, () => fs.linkSync(`${bench.volume}/x`, `${bench.root}/y`));
    expect(kept).toEqual(['x']);
    expect(fs.statSync(`${bench.root}/y`).mode & 0o777).toBe(0o644);
  });

  it('leaves the other name of a file that it replaces as it is', async () => {
    const bench = new Bench({ x: file('image', { mtime: 500 }) }, { x: file('old', old) });
    fs.linkSync(`${bench.volume}/x`, `${bench.root}/y`);
    await bench.run();
    expect(fs.readFileSync(`${bench.volume}/x`, 'utf8')).toBe('image');
    expect(fs.readFileSync(`${bench.root}/y`, 'utf8')).toBe('old');
  });

  it.each<[what: string, write: (name: string) => void]>([
    ['is written to', (name) => fs.writeFileSync(name, 'mine')],
    [
      'is written to, with its size and mtime as before,',
      (name) => {
        fs.writeFileSync(name, 'new');
        fs.utimesSync(name, 100, 100);
      },
    ],
    ['gets another mode', (name) => fs.chmodSync(name, 0o600)],
    ['gets another name', (name) => fs.linkSync(name, `${name}-of-theirs`)],
    ['is replaced', (name) => (fs.writeFileSync(`${name}2`, 'mine'), fs.renameSync(`${name}2`, name))],
  ])('keeps the other names of a file that it has replaced where that %s meanwhile', async (_, write) => {
    const image = file('image', { mtime: 500 });
    const bench = new Bench(
      { a: image, b: image, 'd/c': image },
      { a: linked(1, 'old', old), b: linked(1, 'old', old) },
    );
    let edited: Seen | undefined;
    // Before each path.
    const beat = async (): Promise<void> => {
      if (edited !== undefined || at(bench, 'a')?.holds !== 'image') return;
      write(`${bench.volume}/b`);
      edited = at(bench, 'b');
    };
    const { kept, problems } = await bench.run({}, undefined, { ended: false, due: () => true, beat });
    expect({ kept, problems }).toEqual({ kept: ['b'], problems: [] });
    expect(edited).toBeDefined();
    expect(at(bench, 'b')).toEqual(edited);
    expect(at(bench, 'd/c')).toMatchObject({ holds: 'image' });
  });

  it.each<[what: string, write: (name: string) => void]>([
    ['is written to', (name) => fs.writeFileSync(name, 'new')],
    ['gets another mode', (name) => fs.chmodSync(name, 0o600)],
    ['gets two more names', (name) => (fs.linkSync(name, `${name}1`), fs.linkSync(name, `${name}2`))],
  ])('keeps them, too, where that %s in the very moment after the first was replaced', async (_, write) => {
    const image = file('image', { mtime: 500 });
    const bench = new Bench({ a: image, b: image }, { a: linked(1, 'old', old), b: linked(1, 'old', old) });
    const { renameSync } = fs;
    vi.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
      renameSync(from, to);
      if (to === 'a') write(`${bench.volume}/b`);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const { kept } = await bench.run();
    expect(kept).toEqual(['b']);
    expect(at(bench, 'b')?.holds).not.toBe('image');
  });

  it('replaces all names of a file, though the way to one of them is gone', async () => {
    const image = file('image', { mtime: 500 });
    const names = ['a', 'b/x', 'c/x', 'd'];
    const bench = new Bench(
      Object.fromEntries(names.map((name) => [name, image])),
      Object.fromEntries(names.map((name) => [name, linked(1, 'old', old)])),
    );
    const { kept } = await bench.run({}, () => {
      fs.renameSync(`${bench.volume}/b`, `${bench.root}/moved`);
      fs.symlinkSync(`${bench.root}/moved`, `${bench.volume}/b`);
    });
    expect(kept).toEqual([]);
    expect(['a', 'c/x', 'd'].map((name) => at(bench, name)?.holds)).toEqual(['image', 'image', 'image']);
    expect(fs.readFileSync(`${bench.root}/moved/x`, 'utf8')).toBe('old');
  });

  it('gives a directory its mtime back after something in it changed', async () => {
    const bench = new Bench({ d: directory({ mtime: 77 }), 'd/new': file() }, { d: directory({ mtime: 77 }) });
    await bench.run();
    expect(at(bench, 'd')).toMatchObject({ mtime: 77_000_000_000n });
  });

  it('stops at a signal, and leaves no name half-written', async () => {
    const bench = new Bench({ a: file('image'), b: file('image') });
    let over = false;
    const beat = (): Promise<void> => (over ? Promise.reject(new Interrupted('SIGTERM', 15)) : Promise.resolve());
    const pulse = { ended: false, due: () => true, beat };
    const run = bench.run({}, () => (over = true), pulse);
    await expect(run).rejects.toThrow(Interrupted);
    expect([...snapshot(bench.volume).keys()]).toEqual([]);
  });

  it('tells of one path that cannot be written, and goes on', async () => {
    const bench = new Bench({ 'a/x': file(), 'b/x': file() }, { a: directory(), b: directory() });
    const { done, problems } = await bench.run({}, () => fs.rmdirSync(`${bench.volume}/a`));
    expect(done).toEqual(['create b/x']);
    expect(problems.map(({ path, kind }) => [path, kind])).toContainEqual(['a/x', 'failed']);
  });
});

suite('publish as an ordinary user', ['root'], () => {
  const mine = { ...ordinary };
  const own = (mode: number) => directory({ ...mine, mode });

  it('opens a directory of its own for the work, and closes it again', async () => {
    const bench = new Bench(
      { 'd/x': file('image', mine), d: own(0o555), '.': own(0o755) },
      { '.': own(0o755), d: own(0o555) },
    );
    const { done, problems } = await as(ordinary, () => bench.run());
    expect({ done, problems }).toEqual({ done: ['create d/x'], problems: [] });
    expect(at(bench, 'd')).toMatchObject({ mode: 0o555 });
  });

  it('moves a new directory that it may not write in the end, and gives it its mode there', async () => {
    const bench = new Bench(
      { 'd/e/x': file('image'), d: directory({ mode: 0o500 }), 'd/e': directory({ mode: 0o555 }) },
      { '.': own(0o755) },
    );
    fs.chmodSync(`${bench.seed}/d`, 0o555);
    const { problems } = await as(ordinary, () => bench.run());
    expect(problems).toEqual([]);
    expect([at(bench, 'd'), at(bench, 'd/e')]).toMatchObject([{ mode: 0o555 }, { mode: 0o555 }]);
    expect(at(bench, 'd/e/x')).toMatchObject({ holds: 'image' });
  });

  it('does not count among the created what could not be read in the seed', async () => {
    const bench = new Bench({ 'd/closed': file('no', { mode: 0 }), 'd/x': file('yes') }, { '.': own(0o755) });
    const { done, problems } = await as(ordinary, () => bench.run());
    expect(problems).toMatchObject([{ path: 'd/closed', kind: 'failed' }]);
    expect(at(bench, 'd/closed')).toBeUndefined();
    expect(done).toEqual(['create d', 'create d/x']);
  });

  it("leaves what is somebody else's alone, and says so", async () => {
    const bench = new Bench({ 'd/x': file('image') }, { '.': own(0o755), d: directory({ mode: 0o755 }) });
    const { done, problems } = await as(ordinary, () => bench.run());
    expect(done).toEqual([]);
    expect(problems).toMatchObject([{ path: 'd/x', kind: 'failed' }]);
  });
});
