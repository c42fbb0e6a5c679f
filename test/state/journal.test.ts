// What a run is about to do, on disk: what goes in comes out, and nothing else does.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Base, type Based } from '../../src/core/base.ts';
import type { Intent } from '../../src/core/intent.ts';
import type { RelPath } from '../../src/core/path.ts';
import { readJournal, removeJournal, writeJournal } from '../../src/state/journal.ts';
import { path } from '../core/entries.ts';
import { ground } from './ground.ts';

const file: Based = {
  kind: 'file',
  mode: 0o644,
  uid: 0,
  gid: 3_000_000_000,
  seconds: 100,
  nanoseconds: 5,
  size: 3,
  content: 'ab'.repeat(32),
  volume: { inode: 7n, changed: -5n },
};

function intent(over: Partial<Omit<Intent, 'placed'>> = {}): Intent {
  const placed = new Base();
  for (const at of ['a', 'd/caf\xe9', 'd/e/x']) placed.set(path(at), file);
  const none = new Set<RelPath>();
  return { placed, corrected: none, offered: none, removed: none, ...over };
}

const plain = (all: Intent | 'damaged' | undefined): unknown =>
  typeof all === 'object'
    ? { ...all, placed: [...all.placed.directories()].map(([at, entries]) => [at, [...entries]]) }
    : all;

describe('the journal', () => {
  it('keeps what is placed, corrected, offered and removed, until it is taken away', () => {
    const { state } = ground();
    expect(readJournal(state)).toBeUndefined();
    const written = intent({
      corrected: new Set([path('a')]),
      offered: new Set([path('d/caf\xe9')]),
      removed: new Set([path('old/\xff'), path('old')]),
    });
    writeJournal(state, written, true);
    const there = { offer: undefined, seed: undefined };
    const read = readJournal(state) as Intent;
    expect([read.corrected, read.offered, read.removed]).toEqual([written.corrected, written.offered, written.removed]);
    expect(read.placed.get(path('d/caf\xe9'))).toEqual({ ...file, ...there });
    expect(read.placed.size).toBe(3);
    removeJournal(state);
    removeJournal(state);
    expect(readJournal(state)).toBeUndefined();
  });

  it.each(['../x', '/etc/x', 'a//x', '.', 'a/..', 'a\0b'])('is damaged where a path of it is %j', (bad) => {
    const { state } = ground();
    for (const list of ['corrected', 'offered', 'removed']) {
      writeJournal(state, intent({ [list]: new Set([path(bad)]) }), false);
      expect(readJournal(state)).toBe('damaged');
    }
  });

  it('is damaged, or can be read as a whole, wherever one byte of it is another', () => {
    const { state, at } = ground();
    writeJournal(state, intent(), false);
    const good = fs.readFileSync(`${at}/journal`);
    const body = good.indexOf('\n', good.indexOf('\n') + 1) + 1;
    for (let where = 0; where < good.length; where++) {
      const bad = Buffer.from(good);
      bad[where] = (bad[where] ?? 0) ^ 0x21;
      fs.writeFileSync(`${at}/journal`, bad);
      expect([where, readJournal(state)]).toEqual([where, 'damaged']);
      const sum = createHash('sha256').update(bad.subarray(body)).digest('hex');
      bad.write(sum, bad.indexOf('\n') - sum.length);
      fs.writeFileSync(`${at}/journal`, bad);
      expect(() => plain(readJournal(state))).not.toThrow();
    }
  });
});
