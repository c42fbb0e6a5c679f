import { describe, expect, it } from 'vitest';
import { compileGlobs } from '../../src/config/globs.ts';
import { UsageError } from '../../src/core/errors.ts';
import { fromText, type RelPath } from '../../src/core/path.ts';

async function matches(glob: string, path: string): Promise<boolean | undefined> {
  return (await compileGlobs([glob], '--exclude'))?.(fromText(path) as RelPath);
}

describe('a glob', () => {
  it.each([
    ['tables', 'tables', true],
    ['tables', 'tables/t1.csv', false],
    ['*.csv', 't1.csv', true],
    ['*.csv', 'tables/t1.csv', false],
    ['**/*.csv', 'tables/t1.csv', true],
    ['**/*.csv', 't1.csv', true],
    ['tables/**', 'tables/a/b/c', true],
    ['tables/', 'tables', true],
    ['./tables', 'tables', true],
    ['*', '.hidden', true],
    ['**', 'a/.b/c', true],
    ['**/x', 'new\nline/x', true],
    ['a*b', 'a\nb', true],
    ['*.csv', 'caf\u00e9.csv', true],
    ['caf?', 'caf\u00e9', true],
    ['{a,b}/x', 'b/x', true],
    ['{a,b}/x', 'c/x', false],
    ['[ab]', 'a', true],
    ['[!ab]', 'a', false],
    [String.raw`\[a\]`, '[a]', true],
    [String.raw`\{a`, '{a', true],
    [String.raw`\!a`, '!a', true],
    [String.raw`\!a`, 'b', false],
    ['d/!a', 'd/!a', true],
    ['{!a,b}', '!a', true],
    ['!(a)', 'b', true],
    ['!(a)', 'a', false],
    ['!(a)', 'b/a', false],
    ['d/!(a|b)', 'd/c', true],
    ['d/!(a|b)', 'd/b', false],
    [String.raw`a!\{(b/c)`, 'a!{b/c', true],
    ['d/!([/]|b)', 'd/b', false],
    ['**/*.!(csv)', 'd/a.txt', true],
    ['**/*.!(csv)', 'd/a.csv', false],
    ['**/d/!(a)', 'x/d/a', false],
    ['**/!(a)b', 'd/ab', false],
    ['a', '\ufeffa', false],
    ['A', 'a', false],
    ['constructor', 'constructor', true],
  ])('%j and %j: %s', async (glob, path, expected) => {
    expect(await matches(glob, path)).toBe(expected);
  });

  it('sees a byte that is not UTF-8 as one character', async () => {
    const matcher = await compileGlobs(['caf?'], '--exclude');
    expect(matcher?.('caf\xe9' as RelPath)).toBe(true);
  });

  it.each(['', '/', './', '/abs', '../up', 'a/../b', '[', 'a[b', '(a', '{a', 'a}', '{a,{b}'])(
    'is an error where it would be taken literally or never match: %j',
    async (glob) => {
      await expect(compileGlobs([glob], 'VOLSEED_EXCLUDE')).rejects.toThrow(UsageError);
      await expect(compileGlobs([glob], 'VOLSEED_EXCLUDE')).rejects.toThrow(`VOLSEED_EXCLUDE: bad glob '${glob}'`);
    },
  );

  it.each(['.', './', '//.'])('is an error where it names the root: %j', async (glob) => {
    await expect(compileGlobs([glob], '--exclude')).rejects.toThrow(UsageError);
  });

  it.each(['a/./b', 'a//b', './a/b', 'a/b/', '././a/b//'])('is the same however a path is spelt: %j', async (glob) => {
    const matcher = await compileGlobs([glob], '--exclude');
    expect([matcher?.('a/b' as RelPath), matcher?.('a/c' as RelPath)]).toEqual([true, false]);
  });
});

it('is an error where a byte of it was not UTF-8, which would match any other such byte', async () => {
  const words = "--exclude: bad glob 'd/caf\ufffd': a byte of it is not UTF-8";
  await expect(compileGlobs(['d/caf\ufffd'], '--exclude')).rejects.toThrow(words);
});

it('matches with ? each byte that is not UTF-8, and the character that stands for one', async () => {
  const matcher = await compileGlobs(['caf??'], '--exclude');
  const names = ['caf\xe9\xe8', 'caf\xff\xfe', fromText('caf\ufffd\ufffd')] as RelPath[];
  expect(names.map((each) => matcher?.(each))).toEqual([true, true, true]);
  // A character that is cut short is one, of however many bytes.
  const single = await compileGlobs(['caf?'], '--exclude');
  expect(['caf\xe2\x82', 'caf\xf0\x9f\x98'].map((each) => single?.(each as RelPath))).toEqual([true, true]);
});

describe('a glob that would take in what it was written to spare', () => {
  it.each([
    ['!a', String.raw`'\!a'`],
    ['!d/f1', String.raw`'\!d/f1'`],
    ['./!d', String.raw`'\!d'`],
    ['!!a', String.raw`'\!!a'`],
    ['!', String.raw`'\!'`],
    ['!?(a)', String.raw`'\!?(a)'`],
    ['!(?=a)b', String.raw`'\!(?=a)b'`],
    ['!(?a)', String.raw`'\!(?a)'`],
  ])('is an error: %j, and the way to name it is %s', async (glob, escaped) => {
    const words = `--exclude: bad glob '${glob}': it begins with '!', which takes nothing back`;
    await expect(compileGlobs([glob], '--exclude')).rejects.toThrow(words);
    await expect(compileGlobs([glob], '--exclude')).rejects.toThrow(`is written ${escaped}`);
  });

  it.each(['!(d/f1)', 'd/!(e/f1)', '!(**/f1)', '@(a|!(d/f1))', '{a,!(b|{c,d/e})}', '!(a|@(b/c))'])(
    'is an error, by !() across levels: %j',
    async (glob) => {
      await expect(compileGlobs([glob], '--exclude')).rejects.toThrow(`bad glob '${glob}': !(...) is of one level`);
    },
  );

  it.each(['**/!(f1)', 'd/**/!(f1)', '**/!(a|b)/', '**/!(f1)/**'])(
    'is an error, by !() of any level: %j',
    async (glob) => {
      await expect(compileGlobs([glob], '--exclude')).rejects.toThrow(`bad glob '${glob}': **/!(...) matches`);
    },
  );
});

describe('several globs', () => {
  it('match where one does', async () => {
    const matcher = await compileGlobs(['a', 'b/**'], '--include');
    expect(['a', 'b/x', 'c'].map((path) => matcher?.(path as RelPath))).toEqual([true, true, false]);
  });

  it('that are none are no matcher', async () => {
    expect(await compileGlobs([], '--include')).toBeUndefined();
  });
});
