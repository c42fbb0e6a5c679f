// A part of a base that is brought up to date on the disk leaves, to the byte, what the whole of it would have.
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Base, type Based } from '../../src/core/base.ts';
import { join, parentOf, ROOT, type RelPath } from '../../src/core/path.ts';
import { BasePart } from '../../src/state/base-part.ts';
import { readBase, writeBase, type Standing } from '../../src/state/base.ts';
import { path } from '../core/entries.ts';
import { firstNumber, Random } from '../support/random.ts';
import { ground } from './ground.ts';

const standing: Standing = { seedDigest: null, rules: '', complete: true, same: 1, open: [] };
const attributes = { mode: 0o644, uid: 0, gid: 0, seconds: 100, nanoseconds: 5, volume: undefined, seed: undefined };
const NAMES = ['a', 'b', 'a.b', 'a-', 'caf\xe9', 'z'];

function based(random: Random): Based {
  const kind = random.pick(['file', 'file', 'directory', 'link'] as const);
  const proof = { inode: BigInt(random.below(1000)), changed: BigInt(random.below(1000)) };
  if (kind === 'directory') return { ...attributes, kind, size: 0, content: '' };
  if (kind === 'link') return { ...attributes, kind, size: 0, content: `to ${random.below(9)}` };
  const content = random.chance(80) ? random.below(16).toString(16).repeat(64) : '';
  const file: Based = {
    ...attributes,
    kind,
    size: random.below(99),
    content,
    volume: random.chance(50) ? proof : undefined,
  };
  const seed = random.chance(50) ? proof : undefined;
  return random.chance(20)
    ? { ...file, seed, offer: { kind: 'file', content: 'ab'.repeat(32), since: 'r1' } }
    : { ...file, seed };
}

/** A path whose parents are directories of the base, now and then made so. */
function somewhere(random: Random): RelPath {
  const depth = 1 + random.below(3);
  return path(Array.from({ length: depth }, () => random.pick(NAMES)).join('/'));
}

function put(base: Base, at: RelPath, what: Based): void {
  const parent = parentOf(at);
  if (parent !== ROOT && base.get(parent)?.kind !== 'directory')
    put(base, parent, { ...attributes, kind: 'directory', size: 0, content: '' });
  base.set(at, what);
}

type Step = readonly [RelPath, Based | undefined];

/** What may happen to a base, one after the other: nothing is recorded in what is no directory by then. */
function stepsOf(random: Random, base: Base): Step[] {
  const steps: Step[] = [];
  const now = new Base();
  for (const [directory, entries] of base.directories())
    for (const [name, each] of entries) now.set(join(directory, name), each);
  const step = (at: RelPath, what: Based | undefined): void => {
    steps.push([at, what]);
    apply(now, [[at, what]]);
  };
  for (let left = random.below(12); left > 0; left--) {
    const at = somewhere(random);
    if (random.chance(35)) step(at, undefined);
    else {
      const parents: RelPath[] = [];
      for (let parent = parentOf(at); parent !== ROOT; parent = parentOf(parent)) parents.unshift(parent);
      for (const parent of parents)
        if (now.get(parent)?.kind !== 'directory')
          step(parent, { ...attributes, kind: 'directory', size: 0, content: '' });
      step(at, based(random));
    }
  }
  return steps;
}

function apply(base: Base, steps: readonly Step[]): void {
  for (const [at, what] of steps) {
    if (what === undefined) base.delete(at);
    else base.set(at, what);
  }
}

const openIn = (base: Base): string[] =>
  [...base.directories()]
    .flatMap(([directory, entries]) =>
      [...entries]
        .filter(([, { offer }]) => offer)
        .map(([name]) => (directory === ROOT ? name : `${directory}/${name}`)),
    )
    .toSorted();

describe('a part of a base', () => {
  it('leaves, written, what the whole leaves, and one that was never written before, to the byte', () => {
    let cleared = 0;
    for (let n = 0; n < 400; n++) {
      const random = new Random(firstNumber + n);
      const [whole, parted, anew] = [ground(), ground(), ground()];
      const base = new Base();
      for (let left = random.below(40); left > 0; left--) put(base, somewhere(random), based(random));
      for (const { state } of [whole, parted]) writeBase(state, base, standing, false);
      const steps = stepsOf(random, base);

      apply(base, steps);
      writeBase(anew.state, base, standing, false);

      const full = readBase(whole.state) as Base;
      const before = full.size;
      apply(full, steps);
      if (full.size < before - 3) cleared++;
      writeBase(whole.state, full, standing, false);

      const part = BasePart.read(
        parted.state,
        steps.map(([at]) => at),
      );
      if (!(part instanceof BasePart)) throw new Error('there is no base');
      apply(part.base, steps);
      expect([firstNumber, n, part.open, full.open]).toEqual([firstNumber, n, openIn(base), openIn(base)]);
      part.write(parted.state, standing, false);
      const expected = fs.readFileSync(`${anew.at}/base`);
      const found = [whole, parted].map(({ at }) => fs.readFileSync(`${at}/base`).equals(expected));
      expect([firstNumber, n, found]).toEqual([firstNumber, n, [true, true]]);
    }
    expect(cleared).toBeGreaterThan(5);
  });

  it('is none where there is none, and damaged where the whole would be', () => {
    const { state, at } = ground();
    expect(BasePart.read(state, [path('a')])).toBeUndefined();
    const base = new Base();
    base.set(path('a'), { ...attributes, kind: 'directory', size: 0, content: '' });
    writeBase(state, base, standing, false);
    const good = fs.readFileSync(`${at}/base`);
    for (const bad of [good.subarray(0, -1), Buffer.concat([good, Buffer.from('x')])]) {
      fs.writeFileSync(`${at}/base`, bad);
      expect(BasePart.read(state, [path('a')])).toBe('damaged');
    }
  });
});
