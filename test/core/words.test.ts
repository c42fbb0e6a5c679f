import { expect, it } from 'vitest';
import { ROOT } from '../../src/core/path.ts';
import { count, originsOf, sizeOf, type Origin } from '../../src/core/words.ts';
import { path } from './entries.ts';

it.each([
  [0, '0 bytes'],
  [999, '999 bytes'],
  [1000, '1.0 kB'],
  [1234, '1.2 kB'],
  [1_000_000, '1.0 MB'],
  [2_500_000_000, '2.5 GB'],
  [7e12, '7.0 TB'],
  [9e15, '9000.0 TB'],
])('%d bytes are %s', (bytes, words) => {
  expect(sizeOf(bytes)).toBe(words);
});

it('never says a thousand of a unit where there is a larger one', () => {
  for (const bytes of [999_949, 999_950, 999_999, 999_999_999]) expect(sizeOf(bytes)).not.toMatch(/^1000/);
});

it('counts one without an s, and all else with it', () => {
  expect([0, 1, 2].map((number) => count(number, 'problem'))).toEqual(['0 problems', '1 problem', '2 problems']);
});

it('names every seed, and where it goes', () => {
  const [a, b, c] = ['/a', '/b', '/c'].map((source) => ({ source, into: ROOT })) as [Origin, Origin, Origin];
  expect(originsOf([a])).toBe('/a');
  expect(originsOf([a, { ...b, into: path('x/y') }], "'")).toBe("'/a' and '/b' (into 'x/y')");
  expect(originsOf([a, b, c])).toBe('/a, /b and /c');
  expect(originsOf([{ ...a, source: '/a\nb' }])).toBe(String.raw`/a\nb`);
});
