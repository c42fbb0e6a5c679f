import fs from 'node:fs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { LEAVE, type Attributes, type Entry } from '../../src/core/entry.ts';
import { ALL_ATTRIBUTES, applyFix, setAttributes, type Door } from '../../src/fs/attributes.ts';
import { look } from '../../src/fs/look.ts';
import { suite } from '../support/prerequisites.ts';
import { directory, fifo, file, symlink } from '../support/tree.ts';
import { name, place } from './place.ts';

const wanted: Attributes = { mode: 0o640, uid: LEAVE, gid: LEAVE, seconds: 77, nanoseconds: 0 };
const seen = (at: string): Entry => look(name(at)) as Entry;
const apply = (at: string, expected: Entry, over: Partial<Attributes> = {}, fix = ALL_ATTRIBUTES): boolean =>
  applyFix(name(at), { ...wanted, ...over }, fix, expected);

/** A place that is the working directory. */
function here(literal: Parameters<typeof place>[0]): void {
  process.chdir(place(literal));
}

describe('applyFix', () => {
  it('gives a file, a directory and a link what they are to have', () => {
    here({ f: file('x', { mode: 0o600 }), d: directory({ mode: 0o700 }), l: symlink('f') });
    expect(['f', 'd', 'l'].map((at) => apply(at, seen(at)))).toEqual([true, true, true]);
    expect(seen('f')).toMatchObject({ mode: 0o640, seconds: 77 });
    expect(seen('d')).toMatchObject({ mode: 0o640, seconds: 77 });
    expect(seen('l')).toMatchObject({ seconds: 77, target: 'f' });
  });

  it('corrects only what is to be corrected', () => {
    here({ f: file('x', { mode: 0o600, mtime: 5 }) });
    expect(apply('f', seen('f'), {}, { mode: true, owner: false, time: false })).toBe(true);
    expect(seen('f')).toMatchObject({ mode: 0o640, seconds: 5 });
    expect(apply('f', seen('f'), { mode: 0 }, { mode: false, owner: true, time: true })).toBe(true);
    expect(seen('f')).toMatchObject({ mode: 0o640, seconds: 77 });
  });

  it('sets those of a link without following it', () => {
    here({ l: symlink('f'), f: file('x', { mode: 0o600, mtime: 5 }) });
    expect(apply('l', seen('l'))).toBe(true);
    expect(seen('f')).toMatchObject({ mode: 0o600, seconds: 5 });
  });

  it('leaves a file with a second name alone, which may be anywhere', () => {
    here({ f: file('x', { mode: 0o600, mtime: 5 }), elsewhere: directory() });
    const before = seen('f');
    fs.linkSync('f', 'elsewhere/g');
    expect(apply('f', before)).toBe(false);
    expect(seen('f')).toMatchObject({ mode: 0o600, seconds: 5 });
  });

  it('leaves alone what took the place of what was looked at, whatever it is', () => {
    here({ f: file('x'), other: file('y', { mode: 0o600 }), outside: file('z', { mode: 0o600, mtime: 5 }), p: fifo() });
    const before = seen('f');
    const replacements = [
      () => fs.renameSync('other', 'f'),
      () => (fs.unlinkSync('f'), fs.symlinkSync('outside', 'f')),
      () => (fs.unlinkSync('f'), fs.mkdirSync('f', { mode: 0o700 })),
      () => (fs.rmdirSync('f'), fs.renameSync('p', 'f')),
    ];
    for (const replace of replacements) {
      replace();
      const standing = seen('f');
      expect(apply('f', before)).toBe(false);
      expect(seen('f')).toEqual(standing);
    }
    expect(seen('outside')).toMatchObject({ mode: 0o600, seconds: 5 });
  });

  it('throws what the kernel says of a path that is gone, and leaves no descriptor open', () => {
    here({ f: file('x') });
    const before = seen('f');
    fs.unlinkSync('f');
    const descriptors = fs.readdirSync('/proc/self/fd').length;
    expect(() => apply('f', before)).toThrow('ENOENT');
    expect(fs.readdirSync('/proc/self/fd')).toHaveLength(descriptors);
  });

  it('sets a mode through a handle, and so on nothing that is put in its place between the look and the act', () => {
    here({ f: file('x', { mode: 0o600 }), outside: file('y', { mode: 0o600 }) });
    const { chmodSync } = fs;
    vi.spyOn(fs, 'chmodSync').mockImplementationOnce((at, mode) => {
      fs.renameSync('f', 'moved');
      fs.symlinkSync('outside', 'f');
      chmodSync(at, mode);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    apply('f', seen('f'));
    expect(seen('outside')).toMatchObject({ mode: 0o600 });
    expect(seen('moved')).toMatchObject({ mode: 0o640 });
  });
});

suite('applyFix as root', ['root'], () => {
  it('brings back the set-id bits that a change of owner clears', () => {
    here({ f: file('x', { mode: 0o4711 }) });
    const fix = { mode: false, owner: true, time: false };
    expect(apply('f', seen('f'), { uid: 3, gid: 4, mode: 0o4711 }, fix)).toBe(true);
    expect(seen('f')).toMatchObject({ uid: 3, gid: 4, mode: 0o4711 });
  });

  it('leaves the user or the group that is not ours to set', () => {
    here({ f: file('x', { uid: 5, gid: 6 }) });
    apply('f', seen('f'), { uid: LEAVE, gid: 4 });
    expect(seen('f')).toMatchObject({ uid: 5, gid: 4 });
    apply('f', seen('f'), { uid: 3, gid: LEAVE });
    expect(seen('f')).toMatchObject({ uid: 3, gid: 4 });
  });
});

describe('setAttributes', () => {
  it('goes from owner to mode to time, because each moves the one after it', () => {
    here({ f: file('x', { mode: 0o600 }) });
    const calls: string[] = [];
    const door: Door = {
      changeMode: () => calls.push('mode'),
      changeOwner: () => calls.push('owner'),
      changeTime: () => calls.push('time'),
    };
    setAttributes(door, seen('f'), { ...wanted, uid: 12_345 }, ALL_ATTRIBUTES);
    expect(calls).toEqual(['owner', 'mode', 'time']);
  });
});
