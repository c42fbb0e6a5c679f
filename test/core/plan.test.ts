import { describe, expect, it } from 'vitest';
import { needsOf, unitsOf, type Plan } from '../../src/core/plan.ts';
import { change, directory, file, link } from './entries.ts';

const planOf = (changes: Plan['changes']): Plan => ({
  changes,
  removals: [],
  kept: [],
  problems: [],
  same: 0,
  basing: new Map(),
  lost: 0,
  directories: new Map(),
});

const shape = (changes: Plan['changes']): string[] =>
  unitsOf(changes).map(({ top, below }) => [top.path, ...below.map((each) => each.path)].join(' '));

describe('unitsOf', () => {
  it('makes one unit of a new directory with all below it', () => {
    expect(
      shape([
        change('a', directory()),
        change('a/b', directory()),
        change('a/b/c', file()),
        change('a/d', link()),
        change('e', file()),
      ]),
    ).toEqual(['a a/b a/b/c a/d', 'e']);
  });

  it('makes a unit of each path in a directory that exists', () => {
    expect(shape([change('a', directory(), 'attributes'), change('a/b', file()), change('a/c', file())])).toEqual([
      'a/b',
      'a/c',
    ]);
  });

  it('does not take a name for what is below a directory of which it only has the beginning', () => {
    expect(shape([change('a', directory()), change('a-b', file()), change('ab/c', file())])).toEqual([
      'a',
      'a-b',
      'ab/c',
    ]);
  });

  it('takes what replaces like what is new', () => {
    expect(shape([change('a', directory(), 'replace'), change('a/b', file()), change('c', file(), 'replace')])).toEqual(
      ['a a/b', 'c'],
    );
  });

  it('takes nothing for below a file or a link', () => {
    expect(shape([change('a', link(), 'replace'), change('a/b', file())])).toEqual(['a', 'a/b']);
  });

  it('leaves attributes out', () => {
    expect(shape([change('a', file(), 'attributes')])).toEqual([]);
  });
});

describe('needsOf', () => {
  it('counts an inode for all that is new, the blocks of files, and a block for a directory', () => {
    const changes = [
      change('a', directory()),
      change('a/b', file({ size: 10 })),
      change('c', link(), 'replace'),
      change('d', file({ size: 5 }), 'replace'),
      change('e', file({ size: 1000 }), 'attributes'),
    ];
    expect(needsOf(planOf(changes), 1)).toEqual({ bytes: 16, inodes: 4 });
    expect(needsOf(planOf(changes), 4)).toEqual({ bytes: 12 + 8 + 4, inodes: 4 });
  });

  it('needs nothing for nothing', () => {
    expect(needsOf(planOf([]), 4096)).toEqual({ bytes: 0, inodes: 0 });
  });
});
