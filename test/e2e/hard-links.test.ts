// The promise: what volseed itself does to one name of a file is nobody's edit of the others, whatever the run is for.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Ground, ground, leftovers, type Literal, unlikeSeed } from '../support/probe.ts';
import { snapshot } from '../support/snapshot.ts';
import { directory, file, linked, symlink } from '../support/tree.ts';
import { runToEnd, volseed, type Result } from '../support/volseed.ts';

const newer = { mtime: 2_000_000_000 };
const sync = (on: Ground, ...args: string[]): Result => volseed(['sync', ...on.where, ...args]);
const read = (on: Ground, path: string): string => readFileSync(join(on.volume, path), 'utf8');
const paths = (on: Ground): string[] => [...snapshot(on.volume).keys()];
const contents = ({ volume }: Ground): unknown => [...snapshot(volume)].map(([path, { holds }]) => [path, holds]);
const clean = { code: 0, stderr: '' };

/** Names of one file of the user's. */
const three: Literal = { a: linked(1, 'users'), 'd/b': linked(1, 'users'), 'e/f/c': linked(1, 'users') };

it('one run updates all names of a file, as rsync does', () => {
  const seed = { a: file('image a', newer), 'd/b': file('image b', newer), 'e/f/c': file('image c', newer) };
  const on = ground(seed, { ...three, theirs: linked(1, 'users') });
  const asRsync = ground(seed, { ...three, theirs: linked(1, 'users') });
  const result = sync(on);
  expect(result).toMatchObject(clean);
  expect(result.stdout).not.toContain('changed meanwhile');
  runToEnd('rsync', ['-au', '--', `${asRsync.seed}/`, `${asRsync.volume}/`]);
  expect(contents(on)).toEqual(contents(asRsync));
  expect(read(on, 'theirs')).toBe('users');
});

it('takes two names of a file for a directory, a link and a file', () => {
  const seed = { a: directory(), 'a/x': file('1'), 'd/b': symlink('../a'), 'e/f/c': file('image', newer) };
  const on = ground(seed, three);
  expect(sync(on)).toMatchObject(clean);
  expect(unlikeSeed(on)).toEqual([]);
});

it('corrects all names of a symbolic link', () => {
  const on = ground({ a: symlink('x', { mtime: 100 }), b: symlink('x', { mtime: 100 }) }, { a: symlink('x') });
  linkSync(join(on.volume, 'a'), join(on.volume, 'b'));
  const result = sync(on);
  expect(result).toMatchObject(clean);
  expect(result.stdout).not.toContain('changed meanwhile');
  expect(unlikeSeed(on)).toEqual([]);
});

it('resets all names of a file, and restore --last brings them back', () => {
  const seed = { a: file('image a'), 'd/b': file('image b'), 'e/f/c': file('image c') };
  const on = ground(seed, three);
  const before = contents(on);
  expect(volseed(['reset', '--all', '--yes', ...on.where])).toMatchObject(clean);
  expect(unlikeSeed(on)).toEqual([]);
  expect(volseed(['restore', '--last', '--target', on.volume])).toMatchObject(clean);
  expect(contents(on)).toEqual(before);
});

it('restores over all names of a file', () => {
  const on = ground({ a: file('image'), b: file('image') }, { a: file('users'), b: file('users') });
  volseed(['reset', '--all', '--yes', ...on.where]);
  rmSync(join(on.volume, 'b'));
  linkSync(join(on.volume, 'a'), join(on.volume, 'b'));
  expect(volseed(['restore', '--last', '--target', on.volume])).toMatchObject(clean);
  expect([read(on, 'a'), read(on, 'b')]).toEqual(['users', 'users']);
});

it('--delete-extra, and a directory in the way, remove all names of a file', () => {
  const on = ground({ way: file('image') }, { ...three, 'way/x': linked(1, 'users'), 'way/y/z': linked(1, 'users') });
  expect(volseed(['reset', '--all', '--yes', '--delete-extra', ...on.where])).toMatchObject(clean);
  expect(paths(on)).toEqual(['way']);
});

it('a reset with an id resets all names of a file at its one time', () => {
  const seed = { a: file('image a'), 'd/b': file('image b'), 'e/f/c': file('image c') };
  const on = ground(seed, three);
  expect(sync(on, '--reset', 'all', '--reset-id', 'R1')).toMatchObject(clean);
  expect(unlikeSeed(on)).toEqual([]);
});

it.each(['newer', 'merge'])('--prune removes all names of a file that the image has dropped (%s)', (policy) => {
  const dropped = { 'old/a': file('same'), 'old/b': file('same'), 'old/deep/c': file('same') };
  const on = ground({ ...dropped, stays: file('1') });
  expect(sync(on, '--policy', policy, '--prune')).toMatchObject(clean);
  // What deduplicates files does this.
  for (const path of ['old/b', 'old/deep/c']) {
    linkSync(join(on.volume, 'old/a'), join(on.volume, 'spare'));
    renameSync(join(on.volume, 'spare'), join(on.volume, path));
    rmSync(join(on.volume, 'spare'), { force: true });
  }
  rmSync(join(on.seed, 'old'), { recursive: true });
  expect(sync(on, '--policy', policy, '--prune', '--max-deletes', '100%')).toMatchObject(clean);
  expect(paths(on)).toEqual(['stays']);
});

it('merge updates all names of a file that nobody edited', () => {
  const on = ground({ a: file('one'), b: file('one'), c: file('one') });
  expect(sync(on, '--policy', 'merge')).toMatchObject(clean);
  for (const path of ['b', 'c']) {
    rmSync(join(on.volume, path));
    linkSync(join(on.volume, 'a'), join(on.volume, path));
  }
  for (const path of ['a', 'b', 'c']) writeFileSync(join(on.seed, path), `two of ${path}`);
  expect(sync(on, '--policy', 'merge')).toMatchObject(clean);
  expect(unlikeSeed(on)).toEqual([]);
  expect(leftovers(on.volume)).toEqual([]);
});
