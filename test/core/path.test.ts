import { describe, expect, it } from 'vitest';
import {
  byName,
  display,
  displayText,
  fromText,
  isBelow,
  join,
  nameOf,
  namesOf,
  parentOf,
  ROOT,
  toText,
  type Name,
} from '../../src/core/path.ts';
import { firstNumber, Random } from '../support/random.ts';
import { path } from './entries.ts';

const name = (text: string): Name => text as Name;

describe('paths', () => {
  it('are their directory and their name, put together and taken apart', () => {
    for (const [directory, last, whole] of [
      ['', 'a', 'a'],
      ['a', 'b', 'a/b'],
      ['a/b', '\xff', 'a/b/\xff'],
    ] as const) {
      expect(join(path(directory), name(last))).toBe(whole);
      expect(parentOf(path(whole))).toBe(directory);
      expect(nameOf(path(whole))).toBe(last);
    }
  });

  it('end at the root, which holds itself', () => {
    expect(parentOf(ROOT)).toBe(ROOT);
    expect(namesOf(ROOT)).toEqual([]);
    expect(namesOf(path('a/b/c'))).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['a/b', 'a', true],
    ['a/b/c', 'a', true],
    ['a', '', true],
    ['a', 'a', false],
    ['', '', false],
    ['ab', 'a', false],
    ['a-/b', 'a', false],
    ['a', 'a/b', false],
  ])('%j is below %j: %s', (one, directory, expected) => {
    expect(isBelow(path(one), path(directory))).toBe(expected);
  });

  it('are in the order of their bytes, whatever the language', () => {
    const sorted = ['', '-', '0', '10', '9', 'A', 'Z', 'a', 'z', '\x7f', '\x80', '\xc3\xa9', '\xff'];
    expect(sorted.toReversed().toSorted(byName)).toEqual(sorted);
  });
});

describe('toText and fromText', () => {
  it.each(['plain', 'caf\u00e9', '\u4e2d\u6587', '\u{1f600}', '\ufeffmarked', 'a\nb'])(
    'carry %j there and back',
    (text) => {
      expect(toText(fromText(text))).toBe(text);
    },
  );

  it('hold one byte in each character', () => {
    expect(fromText('\u00e9')).toBe('\xc3\xa9');
    expect(fromText('\u{1f600}')).toBe('\xf0\x9f\x98\x80');
  });

  it('show a byte that is not UTF-8 as U+FFFD, and do not fail', () => {
    expect(toText('caf\xe9')).toBe('caf\ufffd');
  });
});

describe('display', () => {
  it.each([
    ['plain-name_1.csv', 'plain-name_1.csv'],
    ['caf\xc3\xa9', 'caf\u00e9'],
    ['\xf0\x9f\x98\x80', '\u{1f600}'],
    ['back\\slash', String.raw`back\\slash`],
    ['a\nb\rc\td', String.raw`a\nb\rc\td`],
    ['\x1b[31m', String.raw`\x1b[31m`],
    ['\0\x7f', String.raw`\x00\x7f`],
    ['\xff\xfe', String.raw`\xff\xfe`],
    ['caf\xe9', String.raw`caf\xe9`],
    // Cut off in the middle; too long for its number (overlong); half of a pair; beyond the last character.
    ['\xe4\xb8', String.raw`\xe4\xb8`],
    ['\xc0\xaf', String.raw`\xc0\xaf`],
    ['\xe0\x80\xaf', String.raw`\xe0\x80\xaf`],
    ['\xed\xa0\x80', String.raw`\xed\xa0\x80`],
    ['\xf4\x90\x80\x80', String.raw`\xf4\x90\x80\x80`],
    // Next line, right-to-left override, line separator, byte order mark: characters that a line must not have.
    ['\xc2\x85', String.raw`\u{85}`],
    ['\xe2\x80\xae', String.raw`\u{202e}`],
    ['\xe2\x80\xa8', String.raw`\u{2028}`],
    ['\xef\xbb\xbf', String.raw`\u{feff}`],
  ])('shows %j as %j', (bytes, shown) => {
    expect(display(bytes)).toBe(shown);
  });

  it('keeps to one line, and shows two names never alike, whatever their bytes', () => {
    const random = new Random(firstNumber);
    const pieces = ['a', ' ', '\\', 'n', 'x0a', 'u{85}', '\n', '\x1b', '\x80', '\xc3', '\xa9', '\xe2\x80\xae', '\xff'];
    const seen = new Map<string, string>();
    const failures: string[] = [];
    for (let n = 0; n < 5000; n++) {
      const bytes = Array.from({ length: 1 + random.below(5) }, () => random.pick(pieces)).join('');
      const shown = display(bytes);
      const oneLine = !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]/u.test(shown);
      if (!oneLine || (seen.get(shown) ?? bytes) !== bytes) failures.push(JSON.stringify(bytes));
      seen.set(shown, bytes);
    }
    expect({ VOLSEED_TEST_SEED: firstNumber, failures }).toMatchObject({ failures: [] });
    expect(seen.size).toBeGreaterThan(1000);
  });

  it('does the same for a text', () => {
    expect(displayText('/data/caf\u00e9')).toBe('/data/caf\u00e9');
    expect(displayText('one\ntwo\u202e')).toBe(String.raw`one\ntwo\u{202e}`);
  });
});
