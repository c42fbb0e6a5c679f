// What a base keeps apart, and how often it is taken apart.
import { describe, expect, it } from 'vitest';
import { Base, type Based, type Packed } from '../../src/core/base.ts';
import { parentOf, type Name, type RelPath } from '../../src/core/path.ts';
import { firstNumber, Random } from '../support/random.ts';
import { path } from './entries.ts';

const attributes = { mode: 0o644, uid: 0, gid: 0, seconds: 100, nanoseconds: 0 };
const file: Based = { kind: 'file', ...attributes, size: 1, content: '' };
const directory: Based = { kind: 'directory', ...attributes, size: 0, content: '' };
const offered: Based = { ...file, offer: { kind: 'file', content: '', since: 'run' } };

/** Top directories of as many directories of as many files, packed; and how often each was unpacked. */
function packed(many: number): { base: Base; unpacked: Map<RelPath, number>; files: RelPath[] } {
  const unpacked = new Map<RelPath, number>();
  const parts = new Map<RelPath, Packed>();
  const files: RelPath[] = [];
  const add = (at: RelPath, names: readonly string[], what: Based): void => {
    const unpack = (): Map<Name, Based> => {
      unpacked.set(at, (unpacked.get(at) ?? 0) + 1);
      return new Map(names.map((name) => [name as Name, what]));
    };
    parts.set(at, { count: names.length, hasOffers: what.offer !== undefined, unpack });
  };
  const numbers = Array.from({ length: many }, (_, n) => `${n}`);
  add(path(''), numbers, directory);
  for (const top of numbers) {
    add(path(top), numbers, directory);
    for (const below of numbers) {
      add(path(`${top}/${below}`), numbers, file);
      files.push(...numbers.map((name) => path(`${top}/${below}/${name}`)));
    }
  }
  return { base: new Base(parts), unpacked, files };
}

const entriesOf = (base: Base): string[] =>
  [...base.directories()].flatMap(([at, entries]) => [...entries.keys()].map((name) => `${at}/${name}`)).toSorted();

describe('a base that is packed', () => {
  it('is taken apart once by who goes through it from directory to directory, and not kept', () => {
    const { base, unpacked, files } = packed(10);
    const goThrough = (): void => {
      for (const at of files)
        for (let to = at; to !== ''; to = parentOf(to))
          expect(base.get(to)?.kind).toBe(to === at ? 'file' : 'directory');
    };
    goThrough();
    expect([unpacked.size, new Set(unpacked.values())]).toEqual([111, new Set([1])]);
    goThrough();
    expect(['', '0', '5', '0/0', '5/5'].map((at) => unpacked.get(path(at)))).toEqual([1, 2, 2, 2, 2]);
  });

  it('is not taken apart for what it does not have, nor to tell its size', () => {
    const { base, unpacked } = packed(4);
    expect([base.size, base.get(path('4/0')), base.get(path('0/9/0')), base.in(path('x')).size]).toEqual([
      84,
      undefined,
      undefined,
      0,
    ]);
    expect([...unpacked.keys()]).toEqual([]);
  });

  it('is taken apart some five times at most by who jumps to and fro', () => {
    const { base, unpacked, files } = packed(5);
    const random = new Random(firstNumber);
    for (let n = 0; n < 5000; n++) expect(base.get(random.pick(files))).toBe(file);
    const paths = [...unpacked.values()].reduce((all, times) => all + times * 5, 0);
    expect([firstNumber, paths <= 5 * base.size + 5 * 31]).toEqual([firstNumber, true]);
  });

  it('stays packed but for the directories that change', () => {
    const { base } = packed(3);
    base.set(path('0/1/new'), offered);
    base.delete(path('2/2/0'));
    base.delete(path('2/2/none'));
    const changed = [...base.parts()].flatMap(([at, part]) => ('unpack' in part ? [] : [at]));
    expect(changed).toEqual(['0/1', '2/2']);
    expect([base.size, base.in(path('0/1')).size, base.in(path('2/2')).size]).toEqual([39, 4, 2]);
    expect(base.open).toEqual(['0/1/new']);
  });

  it('forgets what was in a directory that is one no more, packed or not', () => {
    const { base } = packed(3);
    base.set(path('1/1/2'), offered);
    base.set(path('1'), file);
    expect(entriesOf(base).filter((at) => at.startsWith('1'))).toEqual([]);
    base.delete(path('0'));
    expect([base.size, entriesOf(base).filter((at) => at.startsWith('0')), base.open]).toEqual([14, [], []]);
  });

  it('looks for offers where there are some', () => {
    const offers: Packed = { count: 1, hasOffers: true, unpack: () => new Map([['a' as Name, offered]]) };
    const none: Packed = {
      count: 1,
      hasOffers: false,
      unpack: () => {
        throw new Error('unpacked');
      },
    };
    const base = new Base(
      new Map([
        [path('d'), offers],
        [path('e'), none],
      ]),
    );
    expect(base.open).toEqual(['d/a']);
  });
});
