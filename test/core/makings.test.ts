import { describe, expect, it } from 'vitest';
import { Makings } from '../../src/core/makings.ts';
import { change, file } from './entries.ts';

const hash = (n: number): string => n.toString(16).padStart(64, '0');
const made = (n: number) => ({ proof: { inode: BigInt(n), changed: BigInt(-n) }, sha256: hash(n) });
const changes = Array.from({ length: 1000 }, (_, n) => change(`f${n}`, file()));

function filled(): Makings {
  const makings = new Makings();
  for (const [n, each] of changes.entries()) makings.set(makings.add(each), made(n));
  return makings;
}

describe('what is known of new files', () => {
  it('is found in the order in which they were made, and in any other', () => {
    const makings = filled();
    expect(changes.map((each) => makings.get(each))).toEqual(changes.map((_, n) => made(n)));
    expect(changes.toReversed().map((each) => makings.get(each))).toEqual(changes.map((_, n) => made(n)).toReversed());
  });

  it('is nothing of one that failed, or that was never made', () => {
    const makings = new Makings();
    const [failed, never] = changes;
    if (failed === undefined || never === undefined) throw new Error('no changes');
    makings.add(failed);
    expect([makings.get(failed), makings.get(never)]).toEqual([undefined, undefined]);
  });

  it('has no hash where none was taken', () => {
    const makings = new Makings();
    const [first] = changes;
    if (first === undefined) throw new Error('no changes');
    makings.set(makings.add(first), { proof: made(1).proof, sha256: undefined });
    expect(makings.get(first)).toEqual({ proof: made(1).proof, sha256: undefined });
  });

  it('is corrected where a file was touched since, whoever is asked for next', () => {
    const makings = filled();
    const [first, , third] = changes;
    if (first === undefined || third === undefined) throw new Error('no changes');
    makings.correct(third, 77n, 78n);
    expect(makings.get(first)).toEqual(made(0));
    expect(makings.get(third)).toEqual({ proof: { inode: 77n, changed: 78n }, sha256: hash(2) });
  });

  it('is that of the second time where a file was made twice', () => {
    const makings = filled();
    makings.restart();
    const again = changes.slice(0, 3);
    for (const [n, each] of again.entries()) makings.set(makings.add(each), made(n + 5000));
    expect(again.map((each) => makings.get(each))).toEqual([5000, 5001, 5002].map(made));
  });
});
