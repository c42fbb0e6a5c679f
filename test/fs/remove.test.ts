import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makeDirectory } from '../../src/fs/disk.ts';
import { removeTree } from '../../src/fs/remove.ts';
import { ordinary, suite } from '../support/prerequisites.ts';
import { snapshot, changes } from '../support/snapshot.ts';
import { directory, fifo, file, socket, symlink } from '../support/tree.ts';
import { anchorAt, as, name, path, place } from './place.ts';

describe('removeTree', () => {
  it.each([
    ['a file', { x: file() }],
    ['a link to nowhere', { x: symlink('nowhere') }],
    ['a FIFO', { x: fifo() }],
    ['a socket', { x: socket() }],
    ['an empty directory', { x: directory() }],
    ['a tree', { 'x/a/b': file(), 'x/a/\xff': fifo(), 'x/c': symlink('a'), 'x/d': directory() }],
    ['nothing', {}],
  ])('removes %s, and nothing beside it', (_, literal) => {
    const root = place({ ...literal, 'beside/f': file() });
    removeTree(anchorAt(root), name('x'));
    expect(fs.readdirSync(root)).toEqual(['beside']);
    expect(fs.readdirSync(`${root}/beside`)).toEqual(['f']);
  });

  it('removes links, and never what they lead to', () => {
    const root = place({
      'outside/d/f': file(),
      'x/a/up': symlink('../..'),
      'x/out': symlink('../outside'),
      'x/f': symlink('../outside/d/f'),
    });
    const before = snapshot(`${root}/outside`);
    removeTree(anchorAt(root), name('x'));
    expect(fs.readdirSync(root)).toEqual(['outside']);
    expect(changes(before, snapshot(`${root}/outside`))).toEqual([]);
  });

  it('leaves the anchor where it was', () => {
    const root = place({ 'a/x/y/z': file() });
    const anchor = anchorAt(root);
    anchor.moveTo(path('a'));
    removeTree(anchor, name('x'));
    anchor.here();
    expect(process.cwd()).toBe(`${root}/a`);
  });

  it('goes as deep as a tree is', () => {
    const root = place();
    const anchor = anchorAt(root);
    for (let depth = 0; depth < 600; depth++) {
      anchor.here();
      makeDirectory(name('d'.repeat(100)), 0o755);
      anchor.down(name('d'.repeat(100)));
    }
    anchor.moveTo(path(''));
    removeTree(anchor, name('d'.repeat(100)));
    expect(fs.readdirSync(root)).toEqual([]);
  });
});

suite('removeTree as an ordinary user', ['root'], () => {
  it('opens directories of its own that are closed', async () => {
    const mine = { ...ordinary, mode: 0 };
    const root = place({
      '.': directory({ ...ordinary }),
      x: directory(mine),
      'x/y': directory(mine),
      'x/y/f': file(),
    });
    await as(ordinary, () => removeTree(anchorAt(root), name('x')));
    expect(fs.readdirSync(root)).toEqual([]);
  });

  it('opens nothing through a link that is put in the place of a closed directory', async () => {
    const root = place({
      '.': directory({ ...ordinary }),
      outside: directory({ ...ordinary, mode: 0o500 }),
      x: symlink('outside', ordinary),
    });
    await as(ordinary, () => removeTree(anchorAt(root), name('x')));
    expect(fs.statSync(`${root}/outside`).mode & 0o777).toBe(0o500);
  });
});
