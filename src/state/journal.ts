/** `journal`: what a run is about to make of the volume, there from before the first path is touched until the base knows of it. */
import type { Intent } from '../core/intent.ts';
import type { RelPath } from '../core/path.ts';
import type { PrivateDirectory } from '../core/private.ts';
import type { Recording } from '../core/recording.ts';
import { decode, encode, encodeFirst, isPaths } from './base.ts';
import { readSealed, writeSealed } from './sealed.ts';

const FILE = 'journal';
const JOURNAL = { file: FILE, format: 'volseed-journal 1' };
const SETS = ['corrected', 'offered', 'removed'] as const;

/** @param durable whether it is on the disk when this returns. */
export function writeJournal(directory: PrivateDirectory, { placed, ...sets }: Intent, durable: boolean): void {
  const header = Object.fromEntries(SETS.map((name) => [name, [...sets[name]]]));
  writeSealed(directory, JOURNAL, header, durable, (head) => encode(placed, head));
}

/** The same of a first seeding, of which nothing is known before, at a third of the cost. */
export function writeFirstJournal(directory: PrivateDirectory, all: Recording, durable: boolean): void {
  writeSealed(directory, JOURNAL, { corrected: [], offered: [], removed: [] }, durable, (head) =>
    encodeFirst(all, head),
  );
}

/** Undefined where there is none; 'damaged' where it is none of ours. */
export function readJournal(directory: PrivateDirectory): Intent | 'damaged' | undefined {
  return readSealed(directory, JOURNAL, (header, body) => {
    const lists = header as Partial<Record<(typeof SETS)[number], unknown>>;
    return {
      placed: decode(body),
      corrected: setOf(lists.corrected),
      offered: setOf(lists.offered),
      removed: setOf(lists.removed),
    };
  });
}

export function removeJournal(directory: PrivateDirectory): void {
  directory.remove(FILE);
}

/** Throws where it is no list of paths. */
function setOf(list: unknown): ReadonlySet<RelPath> {
  if (!isPaths(list)) throw new Error('no paths');
  return new Set(list);
}
