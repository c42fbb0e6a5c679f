/** What a manifest has of one directory. */
import type { Entry } from './entry.ts';
import {
  HASH,
  LONGEST_NAME,
  readEntry,
  readTime,
  Texts,
  type Owned,
  type Time,
  type Tools,
} from './manifest-format.ts';
import type { Level } from './manifest-head.ts';
import { Damaged, Reader } from './octets.ts';
import type { Name } from './path.ts';

/** What is in one directory, in byte order. */
export interface Listing {
  readonly names: readonly Name[];
  readonly entries: readonly Entry[];
  /** Where each file's hash begins among the entries' bytes; -1 for anything else. */
  readonly hashes: readonly number[];
}

/** What is in it besides directories. Throws `Damaged`. */
export function readBlock(bytes: Uint8Array, level: Level, owners: readonly Owned[], tools: Tools): Listing {
  const block = new Reader(bytes, level.from, level.to);
  const texts = new Texts(bytes, block, tools);
  let hash = block.skip(level.files * HASH);
  const hashesEnd = block.at;
  const names: Name[] = [];
  const entries: Entry[] = [];
  const hashes: number[] = [];
  let before = '';
  let time: Time = level.entry;
  while (names.length < level.entries) {
    const code = block.number();
    const name = readName(block, texts, before);
    before = name;
    // Most files of an image have the time of the one before.
    if (code % 2 === 0) time = readTime(block, time.seconds);
    const entry = readEntry(Math.floor(code / 2), time, owners, block, texts);
    names.push(name);
    entries.push(entry);
    hashes.push(entry.kind === 'file' ? hash : -1);
    if (entry.kind === 'file') hash += HASH;
  }
  if (hash !== hashesEnd) throw new Damaged('has hashes that belong to nothing');
  block.finish();
  texts.finish();
  return { names, entries, hashes };
}

/** As much as it shares with the beginning and with the end of the one before, and what is between. */
function readName(block: Reader, texts: Texts, before: string): Name {
  const shared = block.number(before.length);
  const end = block.number(before.length - shared);
  const own = texts.next(block.number(LONGEST_NAME - shared - end));
  const name = before.slice(0, shared) + own + (end === 0 ? '' : before.slice(-end));
  texts.checkName(name);
  if (name <= before) throw new Damaged('has names out of order');
  return name;
}

/** With the directories among the rest. */
export function merge(
  others: Listing,
  directories: readonly { readonly name: Name; readonly entry: Entry }[],
): Listing {
  const names: Name[] = [];
  const entries: Entry[] = [];
  const hashes: number[] = [];
  const add = (name: Name, entry: Entry, hash: number): void => {
    names.push(name);
    entries.push(entry);
    hashes.push(hash);
  };
  let at = 0;
  const addBefore = (end: Name | undefined): void => {
    for (; at < others.names.length; at++) {
      const name = others.names[at] as Name;
      if (name === end) throw new Damaged('has a name twice');
      if (end !== undefined && name > end) return;
      add(name, others.entries[at] as Entry, others.hashes[at] ?? -1);
    }
  };
  for (const { name, entry } of directories) {
    addBefore(name);
    add(name, entry, -1);
  }
  addBefore(undefined);
  return { names, entries, hashes };
}
