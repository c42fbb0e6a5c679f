/** What a manifest has of one directory. */
import { NOBODY, type Entry, type Glance } from './entry.ts';
import {
  HASH,
  KINDS,
  LONGEST_NAME,
  LONGEST_PATH,
  ownedAt,
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

/** What is done with the files that a directory is sifted of. */
export interface Sieve {
  /** Where the bytes of a name are while it is asked, with a zero after them; nobody else writes there. */
  readonly name: Uint8Array;
  /** Whether a file goes through. What it was shipped as is true for no longer than the question. */
  readonly passes: (shipped: Glance, nameLength: number) => boolean;
}

export interface Sifted {
  /** What has not gone through, and all that is no file, in byte order. */
  readonly left: readonly Name[];
  /** How many have. */
  readonly passed: number;
}

/**
 * Asks of each file of a directory whether it goes through, and makes neither a name nor an entry of one that does: that would take
 * as long as a fifth of looking at it. Undefined where a block is not as plain as they are; `readBlock` reads it then, or says why not.
 */
export function siftBlock(
  bytes: Uint8Array,
  level: Level,
  owners: readonly Owned[],
  { latin1 }: Tools,
  { name, passes }: Sieve,
): Sifted | undefined {
  const block = new Reader(bytes, level.from, level.to);
  const length = block.number();
  let text = block.skip(length);
  const textsEnd = text + length;
  const texts = bytes.subarray(text, textsEnd);
  if (texts.includes(0)) return undefined;
  // The targets of links are among them.
  const mayHaveSlash = texts.includes(SLASH);
  block.skip(level.files * HASH);
  const left: Name[] = [];
  const shipped = { size: 0, seconds: 0, nanoseconds: 0, mode: 0, uid: 0, gid: 0, witness: NOBODY };
  let [files, before] = [0, 0];
  let time: Time = level.entry;
  for (let n = 0; n < level.entries; n++) {
    const code = block.number();
    const shared = block.number(before);
    const end = block.number(before - shared);
    const own = block.number(LONGEST_NAME - shared - end);
    const place = shared + own;
    if (own + end === 0 || text + own > textsEnd) return undefined;
    // Names are in byte order, and share as much as they can.
    const first = own > 0 ? bytes[text] : name[before - end];
    if (shared < before && (first ?? 0) <= (name[shared] ?? 0)) return undefined;
    if (end > 0 && place !== before - end) name.copyWithin(place, before - end, before);
    for (let at = 0; at < own; at++) name[shared + at] = bytes[text + at] ?? 0;
    if (mayHaveSlash && name.subarray(shared, place).includes(SLASH)) return undefined;
    text += own;
    before = place + end;
    name[before] = 0;
    if (name[0] === DOT && before <= 2) return undefined;
    // Most files of an image have the time of the one before.
    if (code % 2 === 0) time = readTime(block, time.seconds);
    const what = Math.floor(code / 2);
    const { mode, uid, gid } = ownedAt(owners, Math.floor(what / 4));
    const kind = KINDS[what % 4];
    if (kind === 'file') {
      shipped.size = block.number();
      shipped.seconds = time.seconds;
      shipped.nanoseconds = time.nanoseconds;
      shipped.mode = mode;
      shipped.uid = uid;
      shipped.gid = gid;
      files++;
      if (passes(shipped, before)) continue;
    } else if (kind === 'link') {
      const target = block.number(LONGEST_PATH);
      if (target === 0) return undefined;
      text += target;
    } else if (kind === undefined) {
      return undefined;
    }
    left.push(latin1(name.subarray(0, before)) as Name);
  }
  if (files !== level.files || text !== textsEnd || block.at !== block.end) return undefined;
  return { left, passed: level.entries - left.length };
}

const [SLASH, DOT] = [0x2f, 0x2e];

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
