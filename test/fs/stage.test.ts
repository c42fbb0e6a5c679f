// Staging and the builder that does it: what is built, where, and what is left of it when it fails.
import fs from 'node:fs';
import { basename, dirname } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Interrupted, VolumeError } from '../../src/core/errors.ts';
import { StateDirectory } from '../../src/fs/private.ts';
import { sweep } from '../../src/fs/sweep.ts';
import { identity } from '../../src/process/identity.ts';
import { ordinary, suite } from '../support/prerequisites.ts';
import { changes, snapshot } from '../support/snapshot.ts';
import { directory, file, symlink } from '../support/tree.ts';
import { anchorAt, as, Bench, canMount, mount, place, still } from './place.ts';
import { threadThat, withWorker } from './second-thread.ts';

const leftovers = (volume: string): string[] =>
  fs
    .readdirSync(volume, { recursive: true, encoding: 'utf8' })
    .filter((each) => each.includes('.volseed-') || /^\.volseed\/stage\/./.test(each));

const beat = (): Promise<void> => Promise.reject(new Interrupted('SIGTERM', 15));

suite('staging as root', ['root'], () => {
  it('has a directory of its own, though somebody else left one for it', async () => {
    const bench = new Bench(
      { f: file('x') },
      { '.volseed': directory({ mode: 0o700 }), '.volseed/stage': directory(ordinary) },
    );
    let [uid, mode] = [-1, -1];
    await bench.run({}, () => {
      ({ uid, mode } = fs.lstatSync(`${bench.volume}/.volseed/stage`));
    });
    expect([uid, mode & 0o7777]).toEqual([0, 0o700]);
  });
});

describe('staging', () => {
  it('leaves the volume as it was until all of it is done', async () => {
    const bench = new Bench({ 'a/b/c': file('x'), d: file('new', { mtime: 500 }) }, { d: file('old', { mtime: 100 }) });
    const before = snapshot(bench.volume);
    let during: string[] = ['not asked'];
    await bench.run({}, () => {
      during = changes(before, snapshot(bench.volume));
    });
    expect(during).toEqual([]);
  });

  it.each(['ENOSPC', 'EDQUOT', 'EIO'])('that fails with %s leaves the volume as before, and says so', async (code) => {
    const bench = new Bench({ 'a/f': file('x'), g: file('y') }, { g: file('old', { mtime: 1 }), mine: file() });
    const before = snapshot(bench.volume);
    const { writeSync } = fs;
    vi.spyOn(fs, 'writeSync').mockImplementation((descriptor: number, bytes: unknown, ...rest: unknown[]) => {
      if (
        Buffer.from(bytes as Uint8Array)
          .subarray(0, 1)
          .toString() === 'y'
      )
        throw Object.assign(new Error(code), { code });
      return Reflect.apply(writeSync, fs, [descriptor, bytes, ...rest]) as number;
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const run = bench.run();
    await expect(run).rejects.toThrow(VolumeError);
    await expect(run).rejects.toThrow('the volume is as before');
    expect(changes(before, snapshot(bench.volume))).toEqual([]);
    expect(leftovers(bench.volume)).toEqual([]);
  });

  it('stops at a signal, and leaves the volume as it was', async () => {
    const bench = new Bench({ 'a/f': file('x') });
    await expect(bench.run({}, undefined, { ended: false, due: () => true, beat })).rejects.toThrow(Interrupted);
    expect([...snapshot(bench.volume).keys()]).toEqual([]);
  });

  it.each([0, 1, 256 * 1024, 256 * 1024 + 1, 5 * 1024 * 1024])('copies files of %i bytes as they are', async (size) => {
    const content = Array.from({ length: 16 }, (_, at) => String.fromCharCode(at * 16)).join('');
    const whole = content.repeat(Math.ceil(size / 16)).slice(0, size);
    const bench = new Bench({ f: file(whole, { mode: 0o4750, mtime: '1500.5' }) });
    await bench.run();
    const [left, seed] = [snapshot(bench.volume).get('f'), snapshot(bench.seed).get('f')];
    expect(left).toMatchObject({ holds: seed?.holds, mode: 0o4750, mtime: 1_500_500_000_000n });
  });

  it('copies more small files than one batch holds, each as it is', async () => {
    const files = Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`d${n % 2}/f${n}`, file(`content ${n}`)]));
    const bench = new Bench(files);
    const { problems } = await bench.run();
    expect(problems).toEqual([]);
    const [seed, left] = [snapshot(bench.seed), snapshot(bench.volume)];
    expect([...left].map(([at, { holds }]) => [at, holds])).toEqual([...seed].map(([at, { holds }]) => [at, holds]));
  });

  it('follows no link that takes the place of a file of the seed', async () => {
    const bench = new Bench({ 'd/f': file('seed'), 'd/g': file('seed') });
    fs.writeFileSync(`${bench.root}/secret`, 'seed');
    const { openSync } = fs;
    let swapped = false;
    vi.spyOn(fs, 'openSync').mockImplementation((at, ...rest) => {
      if (at === 'f' && !swapped) {
        swapped = true;
        fs.unlinkSync(`${bench.seed}/d/f`);
        fs.symlinkSync('../../secret', `${bench.seed}/d/f`);
      }
      return openSync(at, ...rest);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const { problems } = await bench.run();
    expect(problems).toMatchObject([{ path: 'd/f', kind: 'failed' }]);
    expect([...snapshot(bench.volume).keys()]).toEqual(['d', 'd/g']);
  });

  it.each([100, 300 * 1024])('does not seed a file of %i bytes that changes while it is copied', async (size) => {
    const bench = new Bench({ f: file('x'.repeat(size), { mtime: 100 }), g: file('y') });
    const { openSync } = fs;
    vi.spyOn(fs, 'openSync').mockImplementation((at, ...rest) => {
      if (at === 'f') {
        fs.appendFileSync(`${bench.seed}/f`, 'more');
        fs.utimesSync(`${bench.seed}/f`, 100, 100);
      }
      return openSync(at, ...rest);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const { problems } = await bench.run();
    expect(problems).toMatchObject([
      { path: 'f', kind: 'failed', message: expect.stringContaining('changed in the seed') },
    ]);
    expect([...snapshot(bench.volume).keys()]).toEqual(['g']);
  });
});

/** More than what is copied in one go; sparse, with something in each MiB. */
const LARGE = 65 * 1024 * 1024;
const large = (names: readonly string[], size = LARGE): Bench => {
  const bench = new Bench(Object.fromEntries([...names, 'small'].map((name) => [name, file('x', { mtime: 100 })])));
  for (const [number, name] of names.entries()) {
    const descriptor = fs.openSync(`${bench.seed}/${name}`, 'r+');
    for (let at = 0; at < size; at += 1024 * 1024) fs.writeSync(descriptor, `file ${number} at ${at}`, at);
    fs.ftruncateSync(descriptor, size + number);
    fs.futimesSync(descriptor, 200, 300 + number);
    fs.closeSync(descriptor);
  }
  for (const name of names) if (name.includes('/')) fs.utimesSync(`${bench.seed}/${dirname(name)}`, 50, 50);
  return bench;
};
/**
 * The numbers of files that are open for writing, at each piece that is written. Where one fails, the pieces of the others wait
 * until it is closed, so that it is no matter of time how many of them there are.
 */
const underWay = (failing?: { readonly after: number; readonly code: string }): Set<number>[] => {
  const seen: Set<number>[] = [];
  const open = new Set<number>();
  let left = failing?.after ?? Infinity;
  let failed: number | undefined;
  const waiting: (() => void)[] = [];
  const { write, closeSync } = fs;
  vi.spyOn(fs, 'write').mockImplementation((descriptor: number, ...rest: unknown[]): void => {
    open.add(descriptor);
    seen.push(new Set(open));
    const done = rest.at(-1) as (error: Error) => void;
    if (left-- === 0) {
      failed = descriptor;
      setImmediate(done, Object.assign(new Error(failing?.code), { code: failing?.code }));
    } else if (failed === undefined) Reflect.apply(write, fs, [descriptor, ...rest]);
    else waiting.push(() => void Reflect.apply(write, fs, [descriptor, ...rest]));
  });
  vi.spyOn(fs, 'closeSync').mockImplementation((descriptor) => {
    open.delete(descriptor);
    closeSync(descriptor);
    if (descriptor !== failed) return;
    failed = undefined;
    for (const goOn of waiting.splice(0)) setImmediate(goOn);
  });
  onTestFinished(() => void vi.restoreAllMocks());
  return seen;
};

const entries = (root: string): unknown =>
  [...snapshot(root)].map(([at, { holds, mode, mtime }]) => ({ at, holds, mode, mtime }));

describe('large files', () => {
  it.each([
    { what: 'large', size: LARGE },
    { what: 'resumable', size: 256 * 1024 * 1024 },
  ])('are copied two at a time, each as it is, and their directories keep their times ($what)', async ({ size }) => {
    const bench = large(['d/a', 'd/b', 'd/c', 'e/d', 'f'], size);
    const seen = underWay();
    const { problems } = await bench.run();
    expect(problems).toEqual([]);
    expect(Math.max(...seen.map((open) => open.size))).toBe(2);
    vi.restoreAllMocks();
    expect(entries(bench.volume)).toEqual(entries(bench.seed));
  });

  it('leave the volume as before where one of them meets the end of the space, and the others are not copied to their ends', async () => {
    const bench = large(['a', 'b', 'c']);
    const before = snapshot(bench.volume);
    const seen = underWay({ after: 20, code: 'ENOSPC' });
    await expect(bench.run()).rejects.toThrow('the volume is as before');
    // Two pieces of the other may be on their way.
    expect(seen.length).toBeLessThan(25);
    vi.restoreAllMocks();
    expect(changes(before, snapshot(bench.volume))).toEqual([]);
    expect(leftovers(bench.volume)).toEqual([]);
  });

  it('are abandoned where a small one meets the end of the space, and no descriptor stays open', async () => {
    const bench = large(['a', 'b']);
    const before = snapshot(bench.volume);
    const seen = underWay();
    const descriptors = fs.readdirSync('/proc/self/fd').length;
    vi.spyOn(fs, 'writeSync').mockImplementation(() => {
      throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    });
    await expect(bench.run()).rejects.toThrow('the volume is as before');
    expect(seen.length).toBeLessThan(10);
    expect(fs.readdirSync('/proc/self/fd')).toHaveLength(descriptors);
    vi.restoreAllMocks();
    expect(changes(before, snapshot(bench.volume))).toEqual([]);
    expect(leftovers(bench.volume)).toEqual([]);
  });

  it('stop at a signal, all of them, and no descriptor stays open', async () => {
    const bench = large(['a', 'b', 'c']);
    const descriptors = fs.readdirSync('/proc/self/fd').length;
    const seen = underWay();
    const pulse = {
      ended: false,
      due: () => seen.length > 10,
      beat: () => (seen.length > 10 ? beat() : Promise.resolve()),
    };
    await expect(bench.run({}, undefined, pulse)).rejects.toThrow(Interrupted);
    expect(seen.length).toBeLessThan(16);
    vi.restoreAllMocks();
    expect(fs.readdirSync('/proc/self/fd')).toHaveLength(descriptors);
  });

  it('that change while they are copied are not seeded, and those beside them are', async () => {
    const bench = large(['a', 'b', 'c']);
    const { write } = fs;
    let pieces = 0;
    vi.spyOn(fs, 'write').mockImplementation((...all: unknown[]): void => {
      if (pieces++ === 10) fs.appendFileSync(`${bench.seed}/b`, 'more');
      Reflect.apply(write, fs, all);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const { problems } = await bench.run();
    expect(problems).toMatchObject([
      { path: 'b', kind: 'failed', message: expect.stringContaining('changed in the seed') },
    ]);
    expect([...snapshot(bench.volume).keys()]).toEqual(['a', 'c', 'small']);
  });
});

const down = (code: string): Error => Object.assign(new Error(code), { code });

/** A server that does not answer from the first write that is refused on. */
const refuse = (after: number): void => {
  const { write, writeSync, unlinkSync } = fs;
  let left = after;
  let isDown = false;
  vi.spyOn(fs, 'writeSync').mockImplementation((...all: unknown[]) => {
    if (left-- > 0) return Reflect.apply(writeSync, fs, all) as number;
    isDown = true;
    throw down('ETIMEDOUT');
  });
  vi.spyOn(fs, 'write').mockImplementation((...all: unknown[]): void => {
    if (left-- > 0) return void Reflect.apply(write, fs, all);
    isDown = true;
    setImmediate(all.at(-1) as (error: Error) => void, down('ETIMEDOUT'));
  });
  vi.spyOn(fs, 'unlinkSync').mockImplementation((path) => {
    if (isDown) throw down('ETIMEDOUT');
    unlinkSync(path);
  });
  onTestFinished(() => void vi.restoreAllMocks());
};

describe('what cannot be written, nor be taken away again', () => {
  it('ends the staging, and nothing of it is published: small files', async () => {
    const bench = new Bench({ a: file('content of a'), b: file('content of b'), 'd/x': file('content of x') });
    refuse(1);
    await expect(bench.run()).rejects.toThrow(
      /^[abdx/]+ could not be written: .* and what was begun of it could not be removed/,
    );
    vi.restoreAllMocks();
    expect([...snapshot(bench.volume).keys()]).toEqual([]);
  });

  it('ends the staging, and nothing of it is published: large ones', async () => {
    const bench = large(['d/a', 'd/b']);
    refuse(3);
    await expect(bench.run()).rejects.toThrow('what was begun of it could not be removed');
    vi.restoreAllMocks();
    expect([...snapshot(bench.volume).keys()]).toEqual([]);
  });

  it('is the problem of its path where it can be taken away, and the files beside it are seeded', async () => {
    const bench = new Bench({ a: file('content of a'), b: file('content of b'), 'd/x': file('content of x') });
    const { writeSync } = fs;
    vi.spyOn(fs, 'writeSync').mockImplementation((...all: unknown[]) => {
      const [, bytes, at, length] = all as [number, Uint8Array, number, number];
      if (Buffer.from(bytes.subarray(at, at + length)).includes('of a')) throw down('ETIMEDOUT');
      return Reflect.apply(writeSync, fs, all) as number;
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const { problems } = await bench.run();
    expect(problems).toMatchObject([{ path: 'a', kind: 'failed' }]);
    expect([...snapshot(bench.volume).keys()]).toEqual(['b', 'd', 'd/x']);
  });

  it('is not published where it cannot be read back for its hash', async () => {
    const bench = large(['d/a'], 256 * 1024 * 1024);
    const { readSync } = fs;
    vi.spyOn(fs, 'readSync').mockImplementation((...all: unknown[]) => {
      // The small file is shorter.
      if (Number(all[3]) > 1024) throw down('ESTALE');
      return Reflect.apply(readSync, fs, all) as number;
    });
    onTestFinished(() => void vi.restoreAllMocks());
    bench.proving = 'all';
    const { problems } = await bench.run();
    vi.restoreAllMocks();
    expect(problems).toMatchObject([{ path: 'd/a', kind: 'failed' }]);
    expect([...snapshot(bench.volume).keys()]).toEqual(['d', 'small']);
  });
});

describe('what the second thread has left behind', () => {
  const content = { 'd/a': file('content of a'), 'd/b': file('content of b'), 'd/c': file('content of c') };

  /** Its second file is there in part, and it could not take that away; or it never heard that it is there. */
  const withLeftover = (): Bench => {
    const bench = new Bench(content);
    bench.threads = 2;
    const thread = threadThat((batch) => {
      const { to } = (batch.file(0), batch.file(1));
      batch.begun(1);
      fs.writeFileSync(`/proc/self/fd/${batch.stage}/${to}`, '');
      return 'is done';
    });
    withWorker(thread);
    return bench;
  };
  // The event loop in which that thread works.
  const turning = { ...still, beat: async () => new Promise<void>((resolve) => void setImmediate(resolve)) };

  it('is taken away by the first, which copies the file itself', async () => {
    const bench = withLeftover();
    const { problems } = await bench.run({}, undefined, turning);
    expect(problems).toEqual([]);
    const found = [...snapshot(bench.volume)].filter(([, { type }]) => type === 'file');
    expect(found.map(([path, { holds }]) => [path, holds])).toEqual(
      Object.keys(content).map((path) => [path, `content of ${path.at(-1)}`]),
    );
  });

  it('ends the staging where the first cannot take it away either, and nothing of it is published', async () => {
    const bench = withLeftover();
    const { unlinkSync } = fs;
    vi.spyOn(fs, 'unlinkSync').mockImplementation((at) => {
      if (at === 'b') throw down('ETIMEDOUT');
      unlinkSync(at);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    await expect(bench.run({}, undefined, turning)).rejects.toThrow(
      'd/b could not be written: the second thread could not finish it, and what was begun of it could not be removed',
    );
    vi.restoreAllMocks();
    expect([...snapshot(bench.volume).keys()]).toEqual([]);
  });
});

describe.skipIf(!canMount())('staging beside', () => {
  it('is done where another file system is mounted in the volume, and leaves nothing of itself', async () => {
    const bench = new Bench({ 'm/f': file('image'), 'm/d/g': file('deep') }, { m: directory() });
    mount(`${bench.volume}/m`, '-t', 'tmpfs', 'none');
    let beside: string[] = [];
    const { problems } = await bench.run({}, () => {
      beside = fs.readdirSync(`${bench.volume}/m`);
    });
    expect(problems).toEqual([]);
    expect(beside.every((each) => /^\.(f|d)\.volseed-[0-9a-f]{12}$/.test(each))).toBe(true);
    expect(beside).toHaveLength(2);
    expect(fs.readFileSync(`${bench.volume}/m/d/g`, 'utf8')).toBe('deep');
    expect(leftovers(bench.volume)).toEqual([]);
  });
});

const TEMPORARY = '.f.volseed-0123456789ab';
const died = (beside: unknown, volume: Parameters<typeof place>[0] = {}): string =>
  place({
    ...volume,
    '.volseed': directory({ mode: 0o700 }),
    '.volseed/stage/run-0/1/x': file(),
    '.volseed/stage/run-0/beside': file(typeof beside === 'string' ? beside : JSON.stringify(beside)),
  });
const swept = (root: string): boolean => {
  const volume = anchorAt(root);
  using state = StateDirectory.open(volume, undefined);
  return sweep(state, volume, identity());
};

describe('sweep', () => {
  it('removes what a run that died has left in the stage and beside', () => {
    const root = died([`d/${TEMPORARY}`, TEMPORARY], {
      [`d/${TEMPORARY}/x`]: file(),
      [TEMPORARY]: file(),
      'd/f': file(),
    });
    expect(swept(root)).toBe(true);
    expect(leftovers(root)).toEqual([]);
    expect(fs.readdirSync(`${root}/d`)).toEqual(['f']);
    expect(swept(root)).toBe(false);
  });

  it.each([
    ['names that are not its own', ['f', 'd/f', '.f.volseed-', '.volseed', '.f.volseed-xyz']],
    [
      'ways out of the volume',
      [`../SIBLING/outside/${TEMPORARY}`, `/${TEMPORARY}`, `d/../../SIBLING/outside/${TEMPORARY}`],
    ],
    ['ways through a link', [`l/${TEMPORARY}`]],
    ['what is no list of paths', [1, null, {}, [TEMPORARY]]],
    ['no list at all', { length: 1 }],
    ['no JSON', 'garbage'],
    ['paths that are gone', [`none/${TEMPORARY}`, `f/${TEMPORARY}`]],
  ])('believes no list of %s', (_, beside) => {
    const root = place({ [`outside/${TEMPORARY}`]: file() });
    // Two places are siblings.
    const listed = JSON.stringify(beside).replaceAll('SIBLING', basename(root));
    const volume = died(typeof beside === 'string' ? beside : listed, {
      f: file(),
      'd/f': file(),
      l: symlink(`${root}/outside`),
    });
    const before = snapshot(volume);
    expect(swept(volume)).toBe(true);
    expect(changes(before, snapshot(volume))).toEqual([]);
    expect(fs.readdirSync(`${root}/outside`)).toEqual([TEMPORARY]);
  });

  it('is done before there is a stage, and whatever else is called so', () => {
    expect(swept(place())).toBe(false);
    expect(swept(place({ '.volseed/stage': file() }))).toBe(false);
  });

  suite('as an ordinary user', ['root'], () => {
    it.each([0o555, 0])('removes what is in a directory of its own of mode %o, and closes it again', async (mode) => {
      const owned = { ...ordinary };
      const root = place({
        '.': directory(owned),
        '.volseed': directory({ ...owned, mode: 0o700 }),
        '.volseed/stage': directory(owned),
        '.volseed/stage/run-0': directory(owned),
        '.volseed/stage/run-0/beside': file(JSON.stringify([`d/${TEMPORARY}`]), owned),
        d: directory({ ...owned, mode }),
        [`d/${TEMPORARY}`]: file('', owned),
      });
      await as(ordinary, () => expect(swept(root)).toBe(true));
      expect(fs.readdirSync(`${root}/d`)).toEqual([]);
      expect(fs.statSync(`${root}/d`).mode & 0o777).toBe(mode);
    });
  });
});

it('a stage is made though a file is called so', async () => {
  const bench = new Bench({ f: file() }, { '.volseed': directory({ mode: 0o700 }), '.volseed/stage': file() });
  await expect(bench.run()).resolves.toMatchObject({ problems: [] });
});
