import fs from 'node:fs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Interrupted, VolumeError } from '../../src/core/errors.ts';
import { flush, openToFlush, type Opener } from '../../src/fs/flush.ts';
import { ordinary, suite } from '../support/prerequisites.ts';
import { directory, fifo, file, symlink } from '../support/tree.ts';
import { anchorAt, as, name, place } from './place.ts';

const descriptors = (): number => fs.readdirSync('/proc/self/fd').length;

/** So many files, and their openers. */
function files(count: number): { root: string; openers: Opener[] } {
  const names = Array.from({ length: count }, (_, at) => `f${at}`);
  const root = place(Object.fromEntries(names.map((each) => [each, file()])));
  process.chdir(root);
  return { root, openers: names.map((each) => () => openToFlush(name(each))) };
}

/** What a process finds as `sync`. */
function syncIs(script: string): string {
  const bin = place({ sync: file(`#!/bin/sh\n${script}\n`, { mode: 0o755 }) });
  vi.stubEnv('PATH', bin);
  onTestFinished(() => void vi.unstubAllEnvs());
  return bin;
}

function watchFsync(): { count: () => number } {
  const spy = vi.spyOn(fs, 'fsync');
  onTestFinished(() => void vi.restoreAllMocks());
  return { count: () => spy.mock.calls.length };
}

describe('flush', () => {
  it('brings each of a few files to the disk by itself, and starts no process', async () => {
    const { root, openers } = files(5);
    const bin = syncIs(`echo called > "\${0%/*}/called"`);
    const fsync = watchFsync();
    const before = descriptors();
    await flush(anchorAt(root).descriptorOfRoot, openers);
    expect(fsync.count()).toBe(5);
    expect(fs.existsSync(`${bin}/called`)).toBe(false);
    expect(descriptors() - before).toBe(1);
  });

  it('brings many to the disk by one barrier on the file system that they are on', async () => {
    const { root, openers } = files(40);
    const bin = syncIs(`echo "$@" > "\${0%/*}/called"; /bin/ls "$2" >> "\${0%/*}/called"`);
    const fsync = watchFsync();
    await flush(anchorAt(root).descriptorOfRoot, openers);
    expect(fsync.count()).toBe(0);
    expect(fs.readFileSync(`${bin}/called`, 'utf8')).toMatch(/^-f \/proc\/self\/fd\/3\nf0\n/);
  });

  it.each([
    ['does not know -f', "echo 'sync: invalid option' >&2; exit 1"],
    ['was killed', 'kill -9 $$'],
  ])('goes file by file where `sync` %s', async (_, script) => {
    const { root, openers } = files(40);
    syncIs(script);
    const fsync = watchFsync();
    await flush(anchorAt(root).descriptorOfRoot, openers);
    expect(fsync.count()).toBe(40);
  });

  it('goes file by file where there is no `sync`', async () => {
    const { root, openers } = files(40);
    vi.stubEnv('PATH', '/nowhere');
    onTestFinished(() => void vi.unstubAllEnvs());
    const fsync = watchFsync();
    await flush(anchorAt(root).descriptorOfRoot, openers);
    expect(fsync.count()).toBe(40);
  });

  it.each(['sync: error syncing: Input/output error', 'sync: /proc/self/fd/3: I/O error'])(
    'ends the run where the barrier met an error of the disk: %s',
    async (words) => {
      const { root, openers } = files(40);
      syncIs(`echo '${words}' >&2; exit 1`);
      await expect(flush(anchorAt(root).descriptorOfRoot, openers)).rejects.toThrow(VolumeError);
    },
  );

  it('ends the run where one file met an error of the disk, and leaves no descriptor open', async () => {
    const { root, openers } = files(5);
    const anchor = anchorAt(root);
    const failure = Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
    vi.spyOn(fs, 'fsync').mockImplementationOnce((_, done) => done(failure));
    onTestFinished(() => void vi.restoreAllMocks());
    const before = descriptors();
    await expect(flush(anchor.descriptorOfRoot, openers)).rejects.toThrow(/input\/output error.*cannot be trusted/);
    await vi.waitFor(() => expect(descriptors()).toBe(before));
  });

  it('leaves a few large files to a process, and waits no longer for it once a signal asks for the end', async () => {
    const { root, openers } = files(1);
    syncIs('exec sleep 600');
    const pulse = {
      ended: true,
      due: () => true,
      beat: () => Promise.reject(new Interrupted('SIGTERM', 15)),
    };
    const fsync = watchFsync();
    await expect(flush(anchorAt(root).descriptorOfRoot, openers, { pulse, bytes: 2 ** 30 })).rejects.toThrow(
      Interrupted,
    );
    expect(fsync.count()).toBe(0);
  });

  it('passes over what is gone', async () => {
    const { root } = files(1);
    await expect(flush(anchorAt(root).descriptorOfRoot, [() => undefined])).resolves.toBeUndefined();
  });
});

const opens = (at: string): boolean => {
  const descriptor = openToFlush(name(at));
  if (descriptor !== undefined) fs.closeSync(descriptor);
  return descriptor !== undefined;
};

describe('openToFlush', () => {
  it('opens files, directories and the directory itself; waits for nobody; finds nothing where nothing is', () => {
    process.chdir(place({ f: file(), d: directory(), p: fifo() }));
    expect(['f', 'd', 'p', '.', 'none'].map(opens)).toEqual([true, true, true, true, false]);
  });

  it('follows no link', () => {
    process.chdir(place({ l: symlink('f'), f: file() }));
    expect(() => opens('l')).toThrow('ELOOP');
  });
});

suite('openToFlush as an ordinary user', ['root'], () => {
  it('opens what may only be written, and leaves what is closed altogether to the kernel', async () => {
    process.chdir(
      place({ '.': directory({ ...ordinary }), w: file('', { ...ordinary, mode: 0o200 }), no: file('', { mode: 0 }) }),
    );
    await as(ordinary, () => {
      const descriptor = openToFlush(name('w'));
      expect(descriptor).toBeTypeOf('number');
      fs.closeSync(descriptor ?? -1);
      expect(openToFlush(name('no'))).toBeUndefined();
    });
  });
});
