import fs from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Entry } from '../../src/core/entry.ts';
import { LEAVE } from '../../src/core/entry.ts';
import { join, ROOT, type RelPath } from '../../src/core/path.ts';
import { close } from '../../src/fs/disk.ts';
import { OverlaySeed } from '../../src/fs/overlay-seed.ts';
import { DirectorySeed } from '../../src/fs/seed.ts';
import { build, directory, fifo, file, symlink, tree } from '../support/tree.ts';
import { name, path, place, type Literal } from './place.ts';

interface Into {
  readonly into: string;
  readonly of: Literal;
}

/** Seeds one over the other; a part without `into` goes into the root. */
function overlay(...parts: readonly (Literal | Into)[]) {
  const root = place();
  const seeds = parts.map((part, at) => {
    const { into, of } = isInto(part) ? part : { into: '', of: part };
    fs.mkdirSync(`${root}/${at}`);
    build(`${root}/${at}`, tree(of));
    return {
      seed: DirectorySeed.open(`${root}/${at}`),
      into: path(into),
      passedOver: (each: string) => each === 'lost+found',
    };
  });
  const seed = new OverlaySeed(seeds);
  onTestFinished(() => seed.close());
  return { seed, root };
}

const isInto = (part: Literal | Into): part is Into => typeof part['into'] === 'string';

/** Every path, depth first, with what it is and from which seed: as a scan walks, by names, or as a copy does, path by path. */
function all(seed: OverlaySeed, by: 'names' | 'paths' = 'names', at: RelPath = ROOT): Record<string, string> {
  seed.enter(at);
  const names = seed.names();
  const seen: Record<string, string> = {};
  for (const each of names) {
    seed.enter(at);
    const entry = by === 'names' ? seed.look(each) : lookAfresh(seed, join(at, each));
    if (entry === undefined) continue;
    seen[join(at, each)] = `${shortly(entry)} ${entry.origin}`;
    if (entry.kind === 'directory') Object.assign(seen, all(seed, by, join(at, each)));
  }
  return seen;
}

function lookAfresh(seed: OverlaySeed, at: RelPath): Entry | undefined {
  seed.enter(ROOT);
  seed.enter(at.slice(0, Math.max(at.lastIndexOf('/'), 0)) as RelPath);
  return seed.look(name(at.slice(at.lastIndexOf('/') + 1)));
}

function shortly(entry: Entry): string {
  if (entry.kind === 'link') return `-> ${entry.target}`;
  return entry.kind === 'directory' && entry.implied === true ? 'implied' : entry.kind;
}

function contentOf(seed: OverlaySeed, at: string): string {
  const [, parent = '', base = ''] = /^(?:(.*)\/)?([^/]+)$/.exec(at) ?? [];
  seed.enter(path(parent));
  const descriptor = seed.open(name(base));
  try {
    return fs.readFileSync(descriptor, 'utf8');
  } finally {
    close(descriptor);
  }
}

describe.each(['names', 'paths'] as const)('seeds laid over each other, reached by %s', (by) => {
  it('have what either has', () => {
    const { seed } = overlay({ a: file('1'), 'd/x': file('1') }, { b: file('2'), 'd/y': file('2') });
    expect(all(seed, by)).toEqual({
      a: 'file 0',
      b: 'file 1',
      d: 'directory 1',
      'd/x': 'file 0',
      'd/y': 'file 1',
    });
  });

  it('have of two files the later, whichever is newer', () => {
    const { seed } = overlay({ a: file('old', { mtime: 2000 }) }, { a: file('new', { mtime: 1000 }) });
    expect(all(seed, by)).toEqual({ a: 'file 1' });
    expect(contentOf(seed, 'a')).toBe('new');
  });

  it('have of a directory under a file or link only that', () => {
    const { seed } = overlay({ 'd/x': file(), 'e/x': file() }, { d: file(), e: symlink('d') });
    expect(all(seed, by)).toEqual({ d: 'file 1', e: '-> d 1' });
  });

  it('have of a file or link under a directory only that', () => {
    const { seed } = overlay({ d: file(), e: symlink('d') }, { 'd/x': file(), e: directory() });
    expect(all(seed, by)).toEqual({ d: 'directory 1', 'd/x': 'file 1', e: 'directory 1' });
  });

  it('have nothing of a directory that something between has hidden', () => {
    const { seed } = overlay({ 'd/x': file() }, { d: file() }, { 'd/y': file() });
    expect(all(seed, by)).toEqual({ d: 'directory 2', 'd/y': 'file 2' });
  });

  it('have each seed where it goes into, and what is above implied', () => {
    const { seed } = overlay({ a: file() }, { into: 'x/y', of: { b: file(), 'c/d': file() } });
    expect(all(seed, by)).toEqual({
      a: 'file 0',
      x: 'implied 1',
      'x/y': 'directory 1',
      'x/y/b': 'file 1',
      'x/y/c': 'directory 1',
      'x/y/c/d': 'file 1',
    });
  });

  it('have a directory above another seed as the one that ships it has it, in whichever order', () => {
    const shipped = { 'x/own': file(), x: directory({ mode: 0o700 }) };
    const deeper = { into: 'x/y', of: { b: file() } };
    expect(all(overlay(shipped, deeper).seed, by)).toMatchObject({
      x: 'directory 0',
      'x/own': 'file 0',
      'x/y/b': 'file 1',
    });
    expect(all(overlay(deeper, shipped).seed, by)).toMatchObject({
      x: 'directory 1',
      'x/own': 'file 1',
      'x/y/b': 'file 0',
    });
  });

  it('have a file in the way of what a later seed goes into hidden, and the other way round', () => {
    const blocked = { x: file() };
    const deeper = { into: 'x/y', of: { b: file() } };
    expect(all(overlay(blocked, deeper).seed, by)).toEqual({ x: 'implied 1', 'x/y': 'directory 1', 'x/y/b': 'file 1' });
    expect(all(overlay(deeper, blocked).seed, by)).toEqual({ x: 'file 1' });
  });

  it('pass over what is no data at the root of each, and nowhere else', () => {
    const seeds = { 'lost+found/x': file(), 'd/lost+found': file() };
    expect(all(overlay(seeds, { into: 'x', of: seeds }).seed, by)).toEqual({
      d: 'directory 0',
      'd/lost+found': 'file 0',
      x: 'directory 1',
      'x/d': 'directory 1',
      'x/d/lost+found': 'file 1',
    });
  });

  it('hide nothing behind what cannot be seeded', () => {
    const { seed } = overlay({ a: file(), 'd/x': file() }, { a: fifo(), d: fifo(), p: fifo() });
    expect(all(seed, by)).toEqual({ a: 'file 0', d: 'directory 0', 'd/x': 'file 0', p: 'other 1' });
  });

  it('may be one seed alone that goes into a directory', () => {
    expect(all(overlay({ into: 'x', of: { a: file() } }).seed, by)).toEqual({ x: 'directory 0', 'x/a': 'file 0' });
  });
});

describe('a directory of several seeds', () => {
  it('has the attributes of the later one', () => {
    const { seed } = overlay(
      { d: directory({ mode: 0o700, mtime: 2000 }) },
      { d: directory({ mode: 0o711, mtime: 1000 }) },
    );
    seed.enter(ROOT);
    expect(seed.look(name('d'))).toMatchObject({ mode: 0o711, seconds: 1000 });
  });

  it('that is implied is as mkdir makes it, with an owner that is left as it comes', () => {
    const { seed } = overlay({ into: 'x/y', of: {} });
    seed.enter(ROOT);
    expect(seed.look(name('x'))).toMatchObject({ mode: 0o755, uid: LEAVE, gid: LEAVE, implied: true });
    seed.enter(path('x'));
    expect(seed.look(name('y'))).not.toHaveProperty('implied');
  });

  it('lists names in byte order, each once', () => {
    const { seed } = overlay({ b: file(), a: file(), Z: file() }, { a: file(), '\xff': file(), ab: file() });
    seed.enter(ROOT);
    expect(seed.names()).toEqual(['Z', 'a', 'ab', 'b', '\xff']);
  });
});

describe('the root of several seeds', () => {
  it('is that of the last that goes into the root', () => {
    const { seed, root } = overlay({}, {}, { into: 'x', of: {} });
    expect(seed.root.witness.inode).toBe(fs.statSync(`${root}/1`, { bigint: true }).ino);
    expect(seed.roots).toHaveLength(3);
  });

  it('is implied where none does', () => {
    expect(overlay({ into: 'x', of: {} }).seed.root.implied).toBe(true);
  });
});

describe('what is not there', () => {
  it('is nothing to look at, and an error to go to or to open', () => {
    const { seed } = overlay({ a: file() }, { into: 'x', of: {} });
    expect(seed.look(name('none'))).toBeUndefined();
    expect(() => seed.enter(path('none'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect(() => seed.enter(path('a'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
    seed.enter(ROOT);
    expect(() => seed.open(name('none'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  it('data at the root of a seed is nothing to look at either, whether names were asked for or not', () => {
    const { seed } = overlay({ 'lost+found/x': file() }, { into: 'x', of: { 'lost+found': file() } });
    expect(seed.look(name('lost+found'))).toBeUndefined();
    expect(() => seed.enter(path('lost+found'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    seed.enter(path('x'));
    expect(seed.look(name('lost+found'))).toBeUndefined();
  });

  it('any more, since the names were read, is nothing to look at', () => {
    const { seed, root } = overlay({ a: file(), b: file() }, {});
    seed.enter(ROOT);
    fs.rmSync(`${root}/0/a`);
    expect(seed.names()).toEqual(['b']);
    fs.rmSync(`${root}/0/b`);
    expect(() => seed.open(name('b'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});

describe('a link in a seed', () => {
  it('is never gone through', () => {
    const { seed } = overlay({ l: symlink('d'), 'd/x': file() }, { into: 'l/y', of: { z: file() } });
    expect(all(seed)).toMatchObject({ l: 'implied 1', 'l/y/z': 'file 1' });
    const other = overlay({ l: symlink('d'), 'd/x': file() }, {}).seed;
    expect(() => other.enter(path('l'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
  });
});
