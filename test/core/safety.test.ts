import { describe, expect, it } from 'vitest';
import { parseLimit, refusalOf, tooFew, type Counts, type Safety } from '../../src/core/safety.ts';

const none: Counts = { removed: 0, base: 100, lost: 0, downgrade: false };
const usual: Safety = { maxDeletes: undefined, onDowngrade: 'allow', minSeedFiles: 0 };

describe('a plan', () => {
  it.each<[what: string, counts: Partial<Counts>, safety: Partial<Safety>, refusal: string | undefined]>([
    ['that removes nothing', {}, {}, undefined],
    ['that removes some', { removed: 50, lost: 50 }, {}, undefined],
    ['of a seed that lost more than half', { removed: 51, lost: 51 }, {}, 'has lost 51 of the 100 paths'],
    ['of a seed that lost more than half, most of it edited', { removed: 1, lost: 51 }, {}, '1 path would be removed'],
    ['of a seed that lost all, and that prunes nothing', { lost: 100 }, {}, undefined],
    ['of a seed that lost all', { removed: 100, lost: 100 }, {}, 'is it mounted?'],
    ['of a volume without a base', { base: 0 }, {}, undefined],
    ['of the one path that there was', { base: 1, lost: 1, removed: 1 }, {}, '--max-deletes'],
    ['at the limit', { removed: 10, lost: 10 }, { maxDeletes: { paths: 10 } }, undefined],
    ['above the limit', { removed: 11, lost: 11 }, { maxDeletes: { paths: 10 } }, 'maxDeletes allows 10'],
    ['that may remove nothing', { removed: 1, lost: 1 }, { maxDeletes: { paths: 0 } }, 'allows 0'],
    ['at its share', { removed: 10, lost: 10 }, { maxDeletes: { percent: 10 } }, undefined],
    ['above its share', { removed: 11, lost: 11 }, { maxDeletes: { percent: 10 } }, 'allows 10'],
    ['above its share of few', { base: 9, removed: 1, lost: 1 }, { maxDeletes: { percent: 10 } }, 'allows 0'],
    ['with every removal allowed', { removed: 100, lost: 100 }, { maxDeletes: { percent: 100 } }, undefined],
    ['of an older image', { downgrade: true }, {}, undefined],
    ['of an older image that is to be kept out', { downgrade: true }, { onDowngrade: 'keep' }, undefined],
    ['of an older image that is refused', { downgrade: true }, { onDowngrade: 'refuse' }, 'onDowngrade is refuse'],
    ['of a newer image where older ones are refused', {}, { onDowngrade: 'refuse' }, undefined],
  ])('%s is refused, or not, by the table', (_, counts, safety, refusal) => {
    const answer = refusalOf({ ...none, ...counts }, { ...usual, ...safety });
    expect(answer === undefined).toBe(refusal === undefined);
    expect(answer ?? '').toContain(refusal ?? '');
  });
});

describe('a seed', () => {
  it('has too few files where it has fewer than are asked for', () => {
    expect(tooFew(0, usual)).toBeUndefined();
    expect(tooFew(3, { ...usual, minSeedFiles: 3 })).toBeUndefined();
    expect(tooFew(2, { ...usual, minSeedFiles: 3 })).toContain('has 2 files, and minSeedFiles asks for 3');
  });
});

describe('a limit', () => {
  it.each([
    ['0', { paths: 0 }],
    ['25', { paths: 25 }],
    ['10%', { percent: 10 }],
    ['100%', { percent: 100 }],
    ['101%', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['', undefined],
    ['%', undefined],
    ['ten', undefined],
  ])('%s is a number of paths, a share, or neither', (text, expected) => {
    expect(parseLimit(text)).toEqual(expected);
  });
});
