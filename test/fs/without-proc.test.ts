// Anchors in a container that has no /proc: everything goes by names, and every directory is checked.
import fs from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { Refused } from '../../src/core/errors.ts';
import { ROOT } from '../../src/core/path.ts';
import { list, makeDirectory } from '../../src/fs/disk.ts';
import { StateDirectory } from '../../src/fs/private.ts';
import { refuseWithoutProc } from '../../src/fs/trees.ts';
import { directory, file } from '../support/tree.ts';
import { anchorAt, name, path, place } from './place.ts';

vi.mock(import('../../src/fs/disk.ts'), async (original) => ({ ...(await original()), hasProc: false }));

describe('an anchor without /proc', () => {
  it('reaches every directory of its tree, in any order', () => {
    const root = place({ 'a/b/c': directory(), e: directory() });
    const anchor = anchorAt(root);
    for (const at of ['a/b/c', 'e', 'a/b', '', 'a/b/c']) {
      anchor.moveTo(path(at));
      expect(process.cwd()).toBe(at === '' ? root : `${root}/${at}`);
    }
  });

  it('forks into one whose root is where it is', () => {
    const anchor = anchorAt(place({ 'a/b/f': file() }));
    anchor.moveTo(path('a'));
    const fork = anchor.fork();
    anchor.moveTo(ROOT);
    fork.moveTo(path('b'));
    expect(list()).toEqual(['f']);
    fork.close();
  });

  it('has a state directory that can be gone back to', () => {
    const root = place({ 'a/b': directory() });
    const anchor = anchorAt(root);
    using state = StateDirectory.open(anchor, undefined);
    anchor.moveTo(path('a/b'));
    state.anchor.here();
    expect(process.cwd()).toBe(`${root}/.volseed`);
    state.create('f', Buffer.from('x'));
    expect(fs.readdirSync(`${root}/.volseed`)).toEqual(['f']);
  });

  it.each(['caf\xc3\xa9', '\xe8\xbb\x8a'])('reaches names that are not ASCII: %j', (at) => {
    const anchor = anchorAt(place({ [`${at}/f`]: file() }));
    anchor.moveTo(path(at));
    expect(list()).toEqual(['f']);
  });

  it('is gone up and down where the tree is deep', () => {
    const anchor = anchorAt(place({ other: directory() }));
    for (let depth = 0; depth < 100; depth++) {
      anchor.here();
      makeDirectory(name('d'), 0o755);
      anchor.down(name('d'));
    }
    const half = path(Array.from({ length: 20 }, () => 'd').join('/'));
    anchor.moveTo(half);
    expect(list()).toEqual(['d']);
    anchor.moveTo(path('other'));
    expect(list()).toEqual([]);
  });

  it('refuses a directory that was swapped while it was away', () => {
    const root = place({ 'a/f': file(), b: directory() });
    const [anchor, other] = [anchorAt(root), anchorAt(root)];
    anchor.moveTo(path('a'));
    other.moveTo(path('b'));
    fs.renameSync(`${root}/a`, `${root}/moved`);
    fs.renameSync(`${root}/b`, `${root}/a`);
    expect(() => anchor.here()).toThrow(Refused);
  });
});

describe.runIf(process.getuid?.() === 0)('root without /proc', () => {
  const root = { privileged: true, uid: 0, groups: new Set([0]) };

  it.each([
    ['others may write to it', directory({ mode: 0o777 })],
    ['a group may write to it', directory({ mode: 0o775 })],
    ["it is somebody else's", directory({ mode: 0o755, uid: 1000 })],
  ])('refuses a volume where %s', (_, entry) => {
    expect(() => refuseWithoutProc(anchorAt(place({ '.': entry })), root)).toThrow(Refused);
  });

  it("works on one that is root's alone", () => {
    expect(() => refuseWithoutProc(anchorAt(place({ '.': directory({ mode: 0o755 }) })), root)).not.toThrow();
  });

  it('has no objection where it is not root', () => {
    const anchor = anchorAt(place({ '.': directory({ mode: 0o777 }) }));
    expect(() => refuseWithoutProc(anchor, { ...root, uid: 1000 })).not.toThrow();
  });
});
