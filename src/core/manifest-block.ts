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
  /** What has not gone through, and all that is no file. */
  readonly left: Listing;
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
  const texts = new TextBytes(bytes, block.skip(length), length, name);
  let hash = block.skip(level.files * HASH);
  const hashesEnd = block.at;
  const [names, entries, hashes]: [Name[], Entry[], number[]] = [[], [], []];
  const shipped = {
    kind: 'file' as const,
    size: 0,
    seconds: 0,
    nanoseconds: 0,
    mode: 0,
    uid: 0,
    gid: 0,
    witness: NOBODY,
  };
  let time: Time = level.entry;
  for (let n = 0; n < level.entries; n++) {
    const code = block.number();
    if (!texts.nextName(block)) return undefined;
    // Most files of an image have the time of the one before.
    if (code % 2 === 0) time = readTime(block, time.seconds);
    const what = Math.floor(code / 2);
    const { mode, uid, gid } = ownedAt(owners, Math.floor(what / 4));
    const { seconds, nanoseconds } = time;
    const kind = KINDS[what % 4];
    if (kind === 'file') {
      shipped.size = block.number();
      shipped.seconds = seconds;
      shipped.nanoseconds = nanoseconds;
      shipped.mode = mode;
      shipped.uid = uid;
      shipped.gid = gid;
      hash += HASH;
      if (passes(shipped, texts.nameLength)) continue;
      entries.push({ ...shipped });
    } else if (kind === 'link') {
      const target = texts.next(block.number(LONGEST_PATH));
      if (target === undefined) return undefined;
      entries.push({ kind, mode, uid, gid, seconds, nanoseconds, witness: NOBODY, target: latin1(target) });
    } else if (kind === 'other') {
      entries.push({ kind, mode, uid, gid, seconds, nanoseconds, witness: NOBODY });
    } else return undefined;
    names.push(latin1(name.subarray(0, texts.nameLength)) as Name);
    hashes.push(kind === 'file' ? hash - HASH : -1);
  }
  if (hash !== hashesEnd || !texts.ended || block.at !== block.end) return undefined;
  return { left: { names, entries, hashes }, passed: level.entries - names.length };
}

const [SLASH, DOT] = [0x2f, 0x2e];

/** As `Texts`, of which no strings are made; it says no to whatever it does not know to be sound. */
class TextBytes {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #name: Uint8Array;
  readonly #hasZero: boolean;
  /** In the targets of links, mostly. */
  readonly #hasSlash: boolean;
  #at: number;
  nameLength = 0;

  /** @param name holds the name that was read last. */
  constructor(bytes: Uint8Array, from: number, length: number, name: Uint8Array) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = from + length;
    this.#name = name;
    const all = bytes.subarray(from, this.#end);
    this.#hasZero = all.includes(0);
    this.#hasSlash = all.includes(SLASH);
  }

  /** Writes the next name over the one before, and a zero after it. */
  nextName(block: Reader): boolean {
    const [name, bytes, before, from] = [this.#name, this.#bytes, this.nameLength, this.#at];
    const shared = block.number(before);
    const end = block.number(before - shared);
    const own = block.number(LONGEST_NAME - shared - end);
    const place = shared + own;
    if (own + end === 0 || from + own > this.#end || this.#hasZero) return false;
    // Names are in byte order, and share as much as they can.
    const first = own > 0 ? bytes[from] : name[before - end];
    if (shared < before && (first ?? 0) <= (name[shared] ?? 0)) return false;
    if (end > 0 && place !== before - end) name.copyWithin(place, before - end, before);
    for (let at = 0; at < own; at++) name[shared + at] = bytes[from + at] ?? 0;
    this.#at = from + own;
    this.nameLength = place + end;
    name[this.nameLength] = 0;
    if (this.#hasSlash && name.subarray(shared, place).includes(SLASH)) return false;
    return name[0] !== DOT || this.nameLength > 2;
  }

  /** Undefined where there is not so much, or nothing. */
  next(length: number): Uint8Array | undefined {
    const from = this.#at;
    this.#at += length;
    return length === 0 || this.#at > this.#end ? undefined : this.#bytes.subarray(from, this.#at);
  }

  get ended(): boolean {
    return this.#at === this.#end;
  }
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
