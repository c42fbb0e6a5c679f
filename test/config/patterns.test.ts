import { describe, expect, it } from 'vitest';
import { selectBy } from '../../src/config/patterns.ts';
import { fromText, type RelPath } from '../../src/core/path.ts';
import { ALL } from '../../src/core/selection.ts';

const paths = [
  '!z',
  'a',
  'a/.hidden',
  'a/b',
  'a/b/c.csv',
  'a/d.csv',
  'odd[1].txt',
  fromText('u\ufffd'),
  'z',
] as RelPath[];
const terms = { by: 'reset', target: '/data', paths, selection: ALL, of: 'the seed' };
const selected = async (...patterns: string[]): Promise<string[]> => {
  const matches = await selectBy(patterns, terms);
  return paths.filter((path) => matches(path));
};

describe('a pattern', () => {
  it.each([
    ['a path that exists', 'a/d.csv', ['a/d.csv']],
    ['a path with more slashes and dots', './a//d.csv/', ['a/d.csv']],
    ['a path inside the target', '/data/a/d.csv', ['a/d.csv']],
    ['a path that reads like a glob', 'odd[1].txt', ['odd[1].txt']],
    ['a path that begins like a negation', '!z', ['!z']],
    ['a glob', '**/*.csv', ['a/b/c.csv', 'a/d.csv']],
    ['DIR/**, with DIR itself and its dot files', 'a/**', ['a', 'a/.hidden', 'a/b', 'a/b/c.csv', 'a/d.csv']],
  ])('may be %s', async (_, pattern, expected) => {
    expect(await selected(pattern)).toEqual(expected);
  });

  it.each([
    ['selects nothing', 'a/d.csw', "'a/d.csw' selects nothing of the seed; closest are a/d.csv"],
    ['goes up', 'a/../z', "'..'"],
    ['is outside the target', '/dat/a', 'outside the target /data'],
    ['is empty', '', 'empty'],
    ['has a byte that is not UTF-8', 'a/caf\ufffd', "reset: bad glob 'a/caf\ufffd': a byte of it is not UTF-8"],
    ['has one, and exists', 'u\ufffd', "reset: bad glob 'u\ufffd': a byte of it is not UTF-8"],
    ['is a negation', '!a', "reset: bad glob '!a': it begins with '!'"],
    ['is a negation inside the target', '/data/!a', "reset: bad glob '!a': it begins with '!'"],
    ['is a glob that cannot be', 'a/[', "bad glob 'a/['"],
  ])('is an error where it %s, whatever others select', async (_, pattern, words) => {
    await expect(selected('a', pattern)).rejects.toThrow(words);
  });

  it('does not select what is excluded from the seed, nor what is below that', async () => {
    const selection = { include: undefined, exclude: (path: string) => path === 'a' };
    await expect(selectBy(['a/d.csv'], { ...terms, selection })).rejects.toThrow('selects nothing');
  });
});
