import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Refused } from '../../src/core/errors.ts';
import { ROOT, type RelPath } from '../../src/core/path.ts';
import { Anchor, WorkingDirectory } from '../../src/fs/anchor.ts';
import { close, createFile, list, makeDirectory } from '../../src/fs/disk.ts';
import { directory, file, symlink } from '../support/tree.ts';
import { anchorAt, name, path, place } from './place.ts';

const touch = (text: string): void => close(createFile(name(text), 0o600));
const openDescriptors = (): number => fs.readdirSync('/proc/self/fd').length;

describe('an anchor', () => {
  it('reaches every directory of its tree, in any order', () => {
    const root = place({ 'a/b/c': directory(), 'a/d': directory(), e: directory() });
    const anchor = anchorAt(root);
    for (const at of ['a/b/c', 'e', 'a/d', 'a/b', '', 'a/b/c', 'a', 'a/b/c']) {
      anchor.moveTo(path(at));
      expect(process.cwd()).toBe(at === '' ? root : `${root}/${at}`);
    }
    anchor.up();
    expect(process.cwd()).toBe(`${root}/a/b`);
  });

  it('reaches names that are not UTF-8', () => {
    const root = place({ '\xff\xfe/caf\xe9/f': file() });
    const anchor = anchorAt(root);
    anchor.moveTo(path('\xff\xfe/caf\xe9'));
    expect(list()).toEqual(['f']);
    anchor.moveTo(path('\xff\xfe'));
    expect(list()).toEqual(['caf\xe9']);
  });

  it('tells what the kernel says of a directory that is none, and is of use afterwards', () => {
    const anchor = anchorAt(place({ 'a/f': file(), b: directory() }));
    expect(() => anchor.moveTo(path('a/none'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect(() => anchor.moveTo(path('a/f'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
    anchor.moveTo(path('b'));
    expect(list()).toEqual([]);
    anchor.moveTo(ROOT);
    expect(list()).toEqual(['a', 'b']);
  });

  it('cannot go above its root', () => {
    const anchor = anchorAt(place());
    expect(() => anchor.up()).toThrow('already at the root');
  });

  it('takes turns with others, each where it was', () => {
    const root = place({ 'one/a': file(), 'two/b': file() });
    const [one, two] = [anchorAt(root), anchorAt(root)];
    one.moveTo(path('one'));
    two.moveTo(path('two'));
    one.here();
    expect(list()).toEqual(['a']);
    two.here();
    expect(list()).toEqual(['b']);
  });

  it('forks into one whose root is where it is', () => {
    const anchor = anchorAt(place({ 'a/b/f': file() }));
    anchor.moveTo(path('a'));
    const fork = anchor.fork();
    anchor.moveTo(ROOT);
    fork.moveTo(path('b'));
    expect(list()).toEqual(['f']);
    fork.moveTo(ROOT);
    expect(list()).toEqual(['b']);
    expect(() => fork.up()).toThrow('already at the root');
    fork.close();
  });

  it('is its tree and no other, though its root was renamed and another put in its place', () => {
    const root = place({ 'tree/mine': file(), 'other/theirs': file() });
    const anchor = anchorAt(`${root}/tree`);
    fs.renameSync(`${root}/tree`, `${root}/away`);
    fs.renameSync(`${root}/other`, `${root}/tree`);
    anchor.here();
    expect(list()).toEqual(['mine']);
  });

  it('leaves no descriptor open', () => {
    const root = place({ 'a/b/c/d': directory() });
    const before = openDescriptors();
    const anchor = Anchor.open(root);
    anchor.moveTo(path('a/b/c/d'));
    const fork = anchor.fork();
    expect(() => anchor.moveTo(path('a/none'))).toThrow('ENOENT');
    fork.close();
    anchor.close();
    expect(openDescriptors()).toBe(before);
  });
});

describe('an anchor that somebody would lead astray', () => {
  it.each(['link', 'link/below', 'a/up', 'loop'])('does not follow %s', (at) => {
    const root = place({
      'outside/below/secret': file(),
      'tree/link': symlink('../outside'),
      'tree/a/up': symlink('..'),
      'tree/loop': symlink('loop'),
    });
    const anchor = anchorAt(`${root}/tree`);
    expect(() => anchor.moveTo(path(at))).toThrow(/ENOTDIR|ELOOP/);
  });

  it('stays in a directory that was moved while it is inside, whatever was put in its place', () => {
    const root = place({ 'tree/a/b/f': file(), 'outside/b': directory() });
    const anchor = anchorAt(`${root}/tree`);
    anchor.moveTo(path('a/b'));
    fs.renameSync(`${root}/tree/a`, `${root}/moved`);
    fs.symlinkSync('../outside', `${root}/tree/a`);
    touch('new');
    anchor.moveTo(path('a'));
    expect(list()).toEqual(['b']);
    anchor.moveTo(path('a/b'));
    expect(list()).toEqual(['f', 'new']);
    expect(fs.readdirSync(`${root}/outside/b`)).toEqual([]);
    expect(fs.readdirSync(`${root}/moved/b`)).toEqual(['f', 'new']);
  });

  it('finds its way out of a directory that was removed while it is inside', () => {
    const root = place({ 'a/b': directory(), c: directory() });
    const anchor = anchorAt(root);
    anchor.moveTo(path('a/b'));
    fs.rmSync(`${root}/a`, { recursive: true });
    expect(list()).toEqual([]);
    expect(() => touch('new')).toThrow('ENOENT');
    anchor.moveTo(path('c'));
    expect(process.cwd()).toBe(`${root}/c`);
  });

  it('sees the link that took the place of a directory it had left', () => {
    const root = place({ 'tree/a/b': directory(), 'outside/b': directory() });
    const anchor = anchorAt(`${root}/tree`);
    anchor.moveTo(path('a/b'));
    anchor.moveTo(ROOT);
    fs.renameSync(`${root}/tree/a`, `${root}/moved`);
    fs.symlinkSync('../outside', `${root}/tree/a`);
    expect(() => anchor.moveTo(path('a/b'))).toThrow(/ENOTDIR|ELOOP/);
  });

  it('has a path that leads to the directory it is in, whoever moves that', () => {
    const root = place({ 'tree/a/f': file(), 'outside/g': file() });
    const anchor = anchorAt(`${root}/tree`);
    anchor.moveTo(path('a'));
    fs.renameSync(`${root}/tree/a`, `${root}/moved`);
    fs.symlinkSync('../outside', `${root}/tree/a`);
    expect(fs.readdirSync(anchor.path)).toEqual(['f']);
  });
});

describe('a tree as deep as nobody would make it', () => {
  // Together longer than PATH_MAX (4096) by far.
  const DEPTH = 600;
  const LEVEL = 'd'.repeat(200);
  const deep = Array.from({ length: DEPTH }, () => LEVEL).join('/') as RelPath;
  const upTo = (depth: number): RelPath => deep.slice(0, depth * 201 - 1) as RelPath;

  function dig(root: string): Anchor {
    const anchor = anchorAt(root);
    for (let depth = 0; depth < DEPTH; depth++) {
      anchor.here();
      makeDirectory(name(LEVEL), 0o755);
      anchor.down(name(LEVEL));
    }
    touch('bottom');
    return anchor;
  }

  it('is gone down, up, and to and fro, with few descriptors', () => {
    const before = openDescriptors();
    const anchor = dig(place());
    expect(openDescriptors() - before).toBeLessThan(80);
    for (const depth of [600, 599, 300, 598, 1, 64, 65, 66, 600, 535, 536]) {
      anchor.moveTo(upTo(depth));
      expect(list()).toEqual(depth === DEPTH ? ['bottom'] : [LEVEL]);
    }
    expect(openDescriptors() - before).toBeLessThan(80);
    anchor.moveTo(ROOT);
    for (let up = 0; up < 3; up++) {
      anchor.moveTo(deep);
      expect(list()).toEqual(['bottom']);
      anchor.moveTo(ROOT);
      expect(list()).toEqual([LEVEL]);
    }
  });

  it('is left level by level', () => {
    const anchor = dig(place());
    for (let depth = DEPTH; depth > 0; depth--) anchor.up();
    expect(() => anchor.up()).toThrow('already at the root');
    anchor.here();
    touch('top');
    expect(list()).toEqual([LEVEL, 'top']);
  });

  it('is left only for where it was: one moved from below a directory that was let go of is refused', () => {
    const root = place({ tree: directory(), outside: directory() });
    const anchor = anchorAt(`${root}/tree`);
    for (let depth = 0; depth < 100; depth++) {
      anchor.here();
      makeDirectory(name('d'), 0o755);
      anchor.down(name('d'));
    }
    const half = Array.from({ length: 30 }, () => 'd').join('/');
    fs.renameSync(`${root}/tree/${half}/d`, `${root}/outside/d`);
    expect(() => anchor.moveTo(path(half))).toThrow(Refused);
  });
});

describe('WorkingDirectory', () => {
  it('brings back the directory itself, though it was renamed', () => {
    const root = place({ 'start/f': file(), elsewhere: directory() });
    process.chdir(`${root}/start`);
    const held = new WorkingDirectory();
    anchorAt(`${root}/elsewhere`).here();
    fs.renameSync(`${root}/start`, `${root}/renamed`);
    held.restore();
    expect(fs.readdirSync('.')).toEqual(['f']);
  });

  it('takes it from the anchor that had it', () => {
    const root = place({ start: directory(), 'tree/f': file() });
    process.chdir(`${root}/start`);
    const held = new WorkingDirectory();
    const anchor = anchorAt(`${root}/tree`);
    anchor.here();
    held.restore();
    expect(list()).toEqual([]);
    anchor.here();
    expect(list()).toEqual(['f']);
  });
});
