import { describe, expect, it } from 'vitest';
import { asHeld, isSame, nounOf } from '../../src/core/entry.ts';
import { directory, file, link, other, witness } from './entries.ts';

describe('isSame', () => {
  const kinds = { file, link, directory, other };

  it.each(Object.entries(kinds))('knows a %s again that nobody touched', (_, make) => {
    expect(isSame(make(), make())).toBe(true);
  });

  it.each(Object.entries(kinds))('does not take another inode for the same %s', (_, make) => {
    expect(isSame(make(), make({ witness: { ...witness, inode: 2n } }))).toBe(false);
    expect(isSame(make(), make({ witness: { ...witness, device: 2n } }))).toBe(false);
  });

  it.each(Object.entries({ file, link, other }))('sees by its ctime alone that a %s was written to', (_, make) => {
    expect(isSame(make(), make({ witness: { ...witness, changed: 2n } }))).toBe(false);
  });

  it('takes a directory for the same when only its entries changed', () => {
    expect(isSame(directory(), directory({ witness: { ...witness, changed: 2n } }))).toBe(true);
  });

  it('does not take two kinds for the same, though the inode number was used again', () => {
    const made = Object.values(kinds).map((make) => make());
    for (const [at, one] of made.entries())
      for (const another of made.slice(at + 1)) expect(isSame(one, another)).toBe(false);
  });
});

it('calls every kind of entry by a word that a person knows', () => {
  expect([file(), link(), directory(), other()].map(nounOf)).toEqual([
    'file',
    'symbolic link',
    'directory',
    'special file',
  ]);
});

describe('asHeld', () => {
  it.each([
    ['a time beyond what ext4 holds', 99_999_999_999, 15_032_385_535, 15_032_385_535],
    ['a time beyond what XFS holds', 99_999_999_999, 16_299_260_424, 16_299_260_424],
    ['a later time that the volume could hold', 2_000_000_000, 1_999_999_999, 2_000_000_000],
    ['a time after the end of 32 bits, which is one like others', 2 ** 31, 2 ** 31 - 1, 2 ** 31],
    ['an earlier time', 1_000_000_000, 15_032_385_535, 1_000_000_000],
  ])('takes %s for what the volume made of it, or for itself', (_, seed, volume, held) => {
    expect(asHeld(file({ seconds: seed }), file({ seconds: volume })).seconds).toBe(held);
  });
});
