import * as fs from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sharedBeginning, transfer } from '../../src/fs/transfer.ts';
import { file } from '../support/tree.ts';
import { place, still } from './place.ts';

const MiB = 1024 * 1024;

/** Bytes of which no two pieces are alike. */
const bytes = (size: number): string =>
  Array.from({ length: Math.ceil(size / 16) }, (_, n) => n.toString(16).padStart(16, '.'))
    .join('')
    .slice(0, size);

interface Ends {
  readonly source: number;
  readonly target: number;
  readonly written: () => string;
}

function ends(content: string, there: string): Ends {
  const root = place({ from: file(content), to: file(there) });
  const [source, target] = [fs.openSync(`${root}/from`, 'r'), fs.openSync(`${root}/to`, 'r+')];
  onTestFinished(() => [source, target].forEach((each) => fs.closeSync(each)));
  return { source, target, written: () => fs.readFileSync(`${root}/to`, 'latin1') };
}

describe('sharedBeginning', () => {
  const whole = bytes(3 * MiB + 5);
  it.each([
    ['nothing', '', 0],
    ['other bytes', 'x'.repeat(MiB), 0],
    ['a beginning', whole.slice(0, 2 * MiB), 2 * MiB],
    ['a beginning that ends within a piece', whole.slice(0, 2 * MiB + 7), 2 * MiB],
    ['a beginning with one byte changed', `${whole.slice(0, MiB + 3)}x${whole.slice(MiB + 4)}`, MiB],
    ['all of it', whole, 3 * MiB + 5],
    ['more than all of it', `${whole}more`, 3 * MiB + 5],
  ])('of %s is what is surely the same', async (_, there, shared) => {
    const { source, target } = ends(whole, there);
    expect(await sharedBeginning({ source, target, size: whole.length, pulse: still })).toBe(shared);
  });
});

describe('transfer', () => {
  const whole = bytes(3 * MiB + 5);
  it.each([0, MiB, 2 * MiB, 3 * MiB + 5])(
    'goes on from byte %i, and takes away what was wrong behind it',
    async (from) => {
      const { source, target, written } = ends(whole, `${whole.slice(0, from)}${'wrong'.repeat(MiB)}`);
      const told: number[] = [];
      const copied = (done: number): void => void told.push(done);
      expect(await transfer({ source, target, size: whole.length, from, pulse: still, copied })).toBe(whole.length);
      expect(written() === whole).toBe(true);
      expect(told).toEqual(told.toSorted((a, b) => a - b));
    },
  );

  it('tells how much there was where the source has become shorter, and copies no more than was asked for', async () => {
    const short = ends(whole, whole.slice(0, MiB));
    expect(await transfer({ ...short, size: 9 * MiB, from: MiB, pulse: still })).toBe(whole.length);
    const long = ends(whole, whole.slice(0, MiB));
    expect(await transfer({ ...long, size: 2 * MiB, from: MiB, pulse: still })).toBe(2 * MiB);
    expect(long.written() === whole.slice(0, 2 * MiB)).toBe(true);
  });
});
