import { describe, expect, it, onTestFinished } from 'vitest';
import { countFiles, isEmptySeed } from '../../src/fs/count.ts';
import { DirectorySeed } from '../../src/fs/seed.ts';
import { directory, fifo, file, symlink } from '../support/tree.ts';
import { place, still, type Literal } from './place.ts';

function seedOf(literal: Literal): DirectorySeed {
  const seed = DirectorySeed.open(place(literal));
  onTestFinished(() => seed.close());
  return seed;
}

const passesOver = (name: string): boolean => name === 'lost+found';
const some: Literal = {
  a: file(),
  l: symlink('a'),
  p: fifo(),
  'd/e/b': file(),
  'd/lost+found': file(),
  'lost+found/c': file(),
  z: directory(),
};

describe('the files of a seed', () => {
  it('are its regular files, however deep, less what is no data at its root', async () => {
    expect(await countFiles(seedOf(some), passesOver, 100, still)).toBe(3);
  });

  it('are counted no further than asked', async () => {
    expect(await countFiles(seedOf(some), passesOver, 2, still)).toBe(2);
    expect(await countFiles(seedOf(some), passesOver, 0, still)).toBe(0);
  });
});

describe('a seed', () => {
  it('is empty where it has nothing that counts', () => {
    expect(isEmptySeed(seedOf({}), passesOver)).toBe(true);
    expect(isEmptySeed(seedOf({ 'lost+found': directory() }), passesOver)).toBe(true);
    expect(isEmptySeed(seedOf({ d: directory() }), passesOver)).toBe(false);
  });
});
