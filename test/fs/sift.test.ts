import fs from 'node:fs';
import { beforeEach, expect, it } from 'vitest';
import type { Glance } from '../../src/core/entry.ts';
import type { Name } from '../../src/core/path.ts';
import { list } from '../../src/fs/disk.ts';
import { glance, look, written } from '../../src/fs/look.ts';
import { siftHere } from '../../src/fs/sift.ts';
import { firstNumber, Random } from '../support/random.ts';
import { directory, fifo, file, socket, symlink, type Entry } from '../support/tree.ts';
import { place } from './place.ts';

beforeEach(() => {
  for (let n = 0; n < 250; n++) look('.');
});

/** Sifts the working directory, and says what was asked. */
function sifted(passes: (name: Name) => boolean): { result: ReturnType<typeof siftHere>; asked: Map<Name, Glance> } {
  const asked = new Map<Name, Glance>();
  const { name } = written() ?? { name: new Uint8Array() };
  let begun = false;
  const ask = (shipped: Glance, length: number): boolean => {
    if (!begun || name[length] !== 0) throw new Error('asked too early, or no zero after the name');
    const as = Buffer.from(name.subarray(0, length)).toString('latin1') as Name;
    asked.set(as, { ...shipped });
    return passes(as);
  };
  const result = siftHere({ name, passes: ask }, () => (begun = true));
  return { result, asked };
}

it('leaves what does not pass and what is no file, and asks of every file what it is', () => {
  process.chdir(
    place({
      f: file('four', { mode: 0o4711, mtime: '-1.5' }),
      '\xff\n': file('x'),
      '.hidden': file(),
      '...': file(),
      ['n'.repeat(255)]: file('long'),
      d: directory(),
      l: symlink('f'),
      p: fifo(),
      s: socket(),
    }),
  );
  const { result, asked } = sifted((name) => name !== '.hidden');
  expect(result).toEqual({ left: ['.hidden', 'd', 'l', 'p', 's'], passed: 4 });
  expect(new Set(asked.keys())).toEqual(new Set(['f', '\xff\n', '.hidden', '...', 'n'.repeat(255)]));
  for (const [name, shipped] of asked) expect(shipped).toEqual(glance(name, false));
});

it('asks nothing of an empty directory', () => {
  process.chdir(place());
  expect(sifted(() => true)).toEqual({ result: { left: [], passed: 0 }, asked: new Map() });
});

it('takes any directory apart as a listing does, however many calls its list takes', () => {
  const random = new Random(firstNumber);
  for (const [count, longest] of [
    [1000, 200],
    [3000, 12],
    [200, 3],
  ] as const) {
    const name = (): string =>
      Array.from({ length: 1 + random.below(longest) }, () => random.pick(['a', 'b', '\xff', '-', '.', ' '])).join('');
    const entries = new Map<string, Entry>();
    for (let n = 0; n < count; n++) {
      const at = name();
      if (!/^\.\.?$/.test(at)) entries.set(at, random.chance(90) ? file('x'.repeat(random.below(9))) : symlink('a'));
    }
    process.chdir(place(Object.fromEntries(entries)));
    const passing = new Set(list().filter(() => random.chance(80)));
    const { result, asked } = sifted((each) => passing.has(each));
    const files = list().filter((each) => fs.lstatSync(Buffer.from(each, 'latin1')).isFile());
    expect({ VOLSEED_TEST_SEED: firstNumber, result }).toMatchObject({
      result: {
        left: list().filter((each) => !files.includes(each) || !passing.has(each)),
        passed: files.filter((each) => passing.has(each)).length,
      },
    });
    expect([...asked.keys()].toSorted()).toEqual(files);
  }
});

it('leaves a directory that cannot be listed to those who look closely', () => {
  const at = place({ f: file() });
  process.chdir(at);
  fs.rmSync(at, { recursive: true });
  expect(sifted(() => true)).toEqual({ result: undefined, asked: new Map() });
});
