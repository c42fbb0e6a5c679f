// Large files and sparse ones. What an interrupted run leaves of one is made here by hand; test/faults/large.test.ts interrupts.
import { hash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { canMount, mount } from '../fs/place.ts';
import { suite } from '../support/prerequisites.ts';
import { program, runToEnd, volseed, type Result } from '../support/volseed.ts';
import { scratch } from '../support/tree.ts';

const MiB = 1024 * 1024;
/** More than the 256 MiB from which on a copy can be resumed. */
const SIZE = 300 * MiB;

interface Place {
  readonly root: string;
  readonly seed: string;
  readonly volume: string;
  readonly sync: (...options: string[]) => Result;
}

/** A seed with one sparse file that has something in it at every 16th MiB, and an empty volume. */
function place(): Place {
  const held = scratch();
  onTestFinished(() => held[Symbol.dispose]());
  const [seed, volume] = [join(held.path, 'seed'), join(held.path, 'volume')];
  fs.mkdirSync(join(seed, 'data'), { recursive: true });
  fs.mkdirSync(volume);
  sparse(join(seed, 'data/big'), SIZE);
  const sync = (...options: string[]): Result => volseed(['sync', '--source', seed, '--target', volume, ...options]);
  return { root: held.path, seed, volume, sync };
}

function sparse(path: string, size: number): void {
  const descriptor = fs.openSync(path, 'w');
  for (let at = 0; at < size; at += 16 * MiB) fs.writeSync(descriptor, `here are ${at} bytes`, at + 5000);
  fs.ftruncateSync(descriptor, size);
  fs.closeSync(descriptor);
}

const isSame = (a: string, b: string): boolean => runToEnd('cmp', [a, b]).code === 0;
const held = (path: string): number => fs.statSync(path).blocks * 512;

/** Where an interrupted run leaves what it had of a path. */
function partOf(volume: string, path: string): string {
  const parts = join(volume, '.volseed/stage/parts');
  fs.mkdirSync(parts, { recursive: true });
  for (const each of ['.volseed', '.volseed/stage', '.volseed/stage/parts']) fs.chmodSync(join(volume, each), 0o700);
  return join(parts, hash('sha256', path));
}

const leftOf = (volume: string): string[] => fs.readdirSync(join(volume, '.volseed/stage'));

suite('a large file that an interrupted run has begun', [], () => {
  it('is gone on with from where it stops being the source, and is whole in the end', () => {
    const { seed, volume, sync } = place();
    const part = partOf(volume, 'data/big');
    fs.copyFileSync(join(seed, 'data/big'), part);
    fs.truncateSync(part, 250 * MiB);
    const descriptor = fs.openSync(part, 'r+');
    fs.writeSync(descriptor, 'not what the seed has', 200 * MiB + 77);
    fs.closeSync(descriptor);
    const { code, stdout, stderr } = sync();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('data/big: 209.7 MB of 314.6 MB are there from a run that was interrupted');
    expect(isSame(join(seed, 'data/big'), join(volume, 'data/big'))).toBe(true);
    expect(leftOf(volume)).toEqual([]);
    expect(sync().stdout).toContain('nothing to copy');
  });

  it('is copied anew where nothing of the part is the source, and says nothing of it', () => {
    const { seed, volume, sync } = place();
    fs.writeFileSync(partOf(volume, 'data/big'), 'x'.repeat(2 * MiB));
    const { code, stdout } = sync();
    expect(code).toBe(0);
    expect(stdout).not.toContain('interrupted');
    expect(isSame(join(seed, 'data/big'), join(volume, 'data/big'))).toBe(true);
  });

  it('is never written into by a second name: a part that has one is left to whom it belongs', () => {
    const { seed, volume, sync } = place();
    fs.writeFileSync(join(volume, 'mine'), 'a person wrote this');
    fs.linkSync(join(volume, 'mine'), partOf(volume, 'data/big'));
    expect(sync().code).toBe(0);
    expect(fs.readFileSync(join(volume, 'mine'), 'utf8')).toBe('a person wrote this');
    expect(isSame(join(seed, 'data/big'), join(volume, 'data/big'))).toBe(true);
  });

  it.each([
    ['a link', (at: string) => fs.symlinkSync('../../../mine', at)],
    ['a directory', (at: string) => fs.mkdirSync(join(at, 'deep'), { recursive: true })],
    ['a FIFO', (at: string) => void runToEnd('mkfifo', [at])],
  ])('is copied anew where %s has the name of the part', (_, plant) => {
    const { seed, volume, sync } = place();
    fs.writeFileSync(join(volume, 'mine'), 'a person wrote this');
    plant(partOf(volume, 'data/big'));
    expect(sync().code).toBe(0);
    expect(fs.readFileSync(join(volume, 'mine'), 'utf8')).toBe('a person wrote this');
    expect(isSame(join(seed, 'data/big'), join(volume, 'data/big'))).toBe(true);
    expect(leftOf(volume)).toEqual([]);
  });

  it.each(['an idle run', 'a run that copies something else'])(
    'and that no plan wants any more goes with %s',
    (which) => {
      const { seed, volume, sync } = place();
      expect(sync().code).toBe(0);
      fs.writeFileSync(partOf(volume, 'data/other'), 'a part of what the image has dropped');
      if (which !== 'an idle run') fs.writeFileSync(join(seed, 'small'), 'new');
      expect(sync().code).toBe(0);
      expect(leftOf(volume)).toEqual([]);
    },
  );
});

suite('a large file under merge', ['strace'], () => {
  it('in a new directory is proven by its inode from then on, and not read again', () => {
    const { root, seed, volume, sync } = place();
    expect(sync('--policy', 'merge').code).toBe(0);
    expect(fs.statSync(join(volume, 'data/big')).nlink).toBe(1);
    // What is new makes the next run look at every path.
    fs.writeFileSync(join(seed, 'small'), 'new');
    const log = join(root, 'log');
    const args = ['sync', '--policy', 'merge', '--source', seed, '--target', volume];
    expect(runToEnd('strace', ['-f', '-o', log, '-e', 'trace=openat', ...program, ...args]).code).toBe(0);
    const opened = fs
      .readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"big"'));
    expect(opened.filter((line) => !line.includes('O_PATH'))).toEqual([]);
  });
});

suite('a sparse file', [], () => {
  it.each([
    ['large', SIZE],
    ['of a few MiB', 40 * MiB],
  ])('%s keeps its holes, as far as whole blocks are holes', (_, size) => {
    const { seed, volume, sync } = place();
    sparse(join(seed, 'data/sparse'), size);
    expect(sync().code).toBe(0);
    expect(isSame(join(seed, 'data/sparse'), join(volume, 'data/sparse'))).toBe(true);
    expect(held(join(volume, 'data/sparse'))).toBeLessThanOrEqual(held(join(seed, 'data/sparse')));
  });

  it('that ends in a hole, or is nothing but one, has its size', () => {
    const { seed, volume, sync } = place();
    for (const [at, size] of [
      ['data/end', 20 * MiB + 1],
      ['data/all', 3 * MiB],
    ] as const) {
      fs.writeFileSync(join(seed, at), at === 'data/end' ? 'something' : '');
      fs.truncateSync(join(seed, at), size);
    }
    expect(sync().code).toBe(0);
    for (const at of ['data/end', 'data/all']) expect(isSame(join(seed, at), join(volume, at))).toBe(true);
    expect(held(join(volume, 'data/all'))).toBe(0);
  });
});

suite('a sparse file that is larger than the volume', ['root'], () => {
  it.skipIf(!canMount())('is seeded where what is in it fits', () => {
    const { seed, volume, sync } = place();
    mount(volume, '-t', 'tmpfs', '-o', 'size=8m', 'none');
    const { code, stderr } = sync();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(isSame(join(seed, 'data/big'), join(volume, 'data/big'))).toBe(true);
  });
});
