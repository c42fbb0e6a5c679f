import { describe, expect, it } from 'vitest';
import { closest, editDistance } from '../../src/core/suggest.ts';
import { firstNumber, Random } from '../support/random.ts';

const OPTIONS = ['source', 'target', 'policy', 'include', 'exclude', 'lock-timeout', 'log-level', 'log-format'];

describe('closest', () => {
  it.each([
    ['soruce', 'source'],
    ['taget', 'target'],
    ['exlude', 'exclude'],
    ['locktimeout', 'lock-timeout'],
    ['log-levle', 'log-level'],
    ['log_format', 'log-format'],
  ])('takes %s for %s', (typed, meant) => {
    expect(closest(typed, OPTIONS)).toBe(meant);
  });

  it('suggests nothing where nothing is near', () => {
    expect(closest('delete-everything', OPTIONS)).toBeUndefined();
    expect(closest('x', [])).toBeUndefined();
  });

  it('names the first of two that are as near', () => {
    expect(closest('ab', ['aa', 'bb'])).toBe('aa');
  });
});

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['abc', 'abd', 1],
    ['ab', 'ba', 2],
  ])('%j to %j is %d', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  it('is a distance: nought only to itself, the same both ways, never longer than a detour', () => {
    const random = new Random(firstNumber);
    const word = (): string => Array.from({ length: random.below(6) }, () => random.pick(['a', 'b', 'c'])).join('');
    const failures: string[] = [];
    for (let n = 0; n < 500; n++) {
      const [a, b, c] = [word(), word(), word()];
      const [ab, ba, bc, ac] = [editDistance(a, b), editDistance(b, a), editDistance(b, c), editDistance(a, c)];
      if ((ab === 0) !== (a === b) || ab !== ba || ac > ab + bc) failures.push(`${a},${b},${c}`);
    }
    expect({ VOLSEED_TEST_SEED: firstNumber, failures }).toMatchObject({ failures: [] });
  });
});
