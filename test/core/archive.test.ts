import { describe, expect, it } from 'vitest';
import { byDepth, entryOf, parseIndex } from '../../src/core/archive.ts';
import { path } from './entries.ts';

const attributes = { mode: 0o644, uid: 1, gid: 2, seconds: -3, nanoseconds: 4 };
const content = { path: 'a', kind: 'file', ...attributes, size: 1, sha256: '0'.repeat(64), holds: 'content' };
const index = (entries: readonly unknown[], absent: readonly unknown[] = []): string =>
  JSON.stringify({ format: 1, entries, absent });

describe('the index of a backup', () => {
  it('is taken where everything in it can be in a volume', () => {
    const dir = { path: 'd', kind: 'directory', ...attributes, holds: 'attributes' };
    const link = { path: 'd/\xff\n', kind: 'link', ...attributes, target: '../x', holds: 'content' };
    expect(parseIndex(index([content, dir, link], ['d/new']))).toEqual({
      format: 1,
      entries: [content, dir, link],
      absent: ['d/new'],
    });
  });

  it('may have nothing where there now is a link or a file: what was there is gone', () => {
    expect(parseIndex(index([content], ['a/below']))).toMatchObject({ absent: ['a/below'] });
  });

  it.each([
    ['is no JSON', 'x', 'not JSON'],
    ['is of another format', '{"format":2,"entries":[],"absent":[]}', 'format'],
    ['is null', 'null', 'format'],
    ['lacks a part', '{"format":1,"entries":[]}', 'not complete'],
    ['has a size that is none', index([{ ...content, size: -1 }]), 'cannot be in a volume'],
    ['has a character that is no byte', index([{ ...content, path: '\u0100' }]), 'cannot be in a volume'],
    ['has a special file', index([{ ...content, kind: 'fifo' }]), 'cannot be in a volume'],
    ['has a link to nowhere', index([{ ...content, kind: 'link', target: '' }]), 'cannot be in a volume'],
    ['leads through a file', index([content, { ...content, path: 'a/b' }]), 'through a file'],
    ['has something where it says there was nothing', index([{ ...content, path: 'a/b' }], ['a']), 'contradicts'],
  ])('is refused where it %s', (_, text, words) => {
    expect(parseIndex(text)).toContain(words);
  });
});

describe('the order of a plan', () => {
  it('has a directory before what is in it, and all of that before the next name', () => {
    const paths = ['a.b', 'a/z', 'a', 'b', 'a/b/c', 'a/b'].map(path);
    expect(paths.toSorted(byDepth)).toEqual(['a', 'a/b', 'a/b/c', 'a/z', 'a.b', 'b']);
  });
});

it('an entry has all that was saved of it', () => {
  const saved = { path: path('a'), kind: 'link', ...attributes, target: 't', holds: 'content' } as const;
  expect(entryOf(saved)).toMatchObject({ kind: 'link', ...attributes, target: 't' });
});
