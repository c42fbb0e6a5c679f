/**
 * What an image says of its seed: every entry, the SHA-256 of every file, and those of the versions that earlier images shipped.
 *
 *   'volseed-manifest', format, the length of each part
 *   head       SHA-256 of the entries and of the history; image version; totals; every directory, depth first, names in byte order:
 *              depth, name, attributes, how many entries, how long their block is; samples, to be compared with the seed
 *   digest     SHA-256 of all of the above, and so of all that is below
 *   entries    a block for each directory: files, links and special files in byte order
 *   history    paths in byte order, each with the hashes of its earlier versions
 *
 * Opening reads the head, and so costs what the directories cost; the entries are read when the first directory is asked for, and
 * taken apart one directory at a time; the history, when a question is. Every one of these throws `Damaged` where the bytes make no
 * sense, and does no more work than there are bytes, whoever wrote them.
 */
import { NOBODY, type Attributes, type Directory, type Entry } from './entry.ts';
import { Damaged, Reader, toHex, unzigzag } from './octets.ts';
import { byName, join, namesOf, ROOT, toText, type Name, type RelPath } from './path.ts';

export const MAGIC = 'volseed-manifest';
export const FORMAT = 1;
export const HASH = 32;
/** Bytes; Linux has none longer. */
export const LONGEST_NAME = 255;
export const LONGEST_PATH = 4095;
export const LONGEST_VERSION = 255;
/** A record of an entry is its code and three lengths, at the least. */
const LEAST_RECORD = 4;
/** The format and three lengths. */
const LONGEST_PREAMBLE = 32;
const KINDS = ['file', 'link', 'other'] as const;
const LATEST = 2 ** 40;

/** A manifest's bytes, wherever they are. */
export interface Source {
  readonly length: number;
  /** So many bytes, or fewer where they end. */
  readonly read: (from: number, length: number) => Uint8Array;
}

export function sourceOf(bytes: Uint8Array): Source {
  return { length: bytes.length, read: (from, length) => bytes.subarray(from, from + length) };
}

/** What a runtime does better than this module could. */
export interface Tools {
  /** In hex. */
  readonly sha256: (bytes: Uint8Array) => string;
  /** A character for each byte. */
  readonly latin1: (bytes: Uint8Array) => string;
}

/** Of all regular files. */
export interface Totals {
  readonly files: number;
  readonly bytes: number;
  /** Their first and their last mtime, in whole seconds; 0 where there are none. */
  readonly oldest: number;
  readonly newest: number;
}

interface Owned {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A directory as the manifest has it; which one is its number in the order of the section, the root's being 0. */
interface Level {
  readonly name: Name;
  readonly depth: number;
  readonly entry: Directory;
  readonly entries: number;
  readonly files: number;
  readonly from: number;
  readonly to: number;
  /** Numbers of the directories in it, in byte order of their names; none for most. */
  children: number[] | undefined;
}

/** What is in one directory, in byte order. */
export interface Listing {
  readonly names: readonly Name[];
  readonly entries: readonly Entry[];
  /** Where each file's hash begins in the manifest; -1 for anything else. */
  readonly hashes: readonly number[];
}

/** An entry to be compared with the seed. */
export interface Sample {
  /** The number of its directory. */
  readonly directory: number;
  readonly name: Name;
  readonly entry: Entry;
}

/** A part that is not read until it is needed. */
interface Part {
  readonly from: number;
  readonly length: number;
  readonly sha256: string;
}

export class Manifest {
  readonly #source: Source;
  readonly #tools: Tools;
  readonly #entriesAt: Part;
  readonly #historyAt: Part;
  #entries: Uint8Array | undefined;
  readonly #attributes: readonly Owned[];
  readonly #levels: readonly Level[];
  #history: ReadonlyMap<RelPath, readonly string[]> | undefined;
  /** Of all that is in it, in hex. */
  readonly digest: string;
  /** The image's, as text. */
  readonly version: string | undefined;
  readonly totals: Totals;
  readonly samples: readonly Sample[];

  /** Throws `Damaged`. */
  constructor(source: Source, tools: Tools) {
    this.#source = source;
    this.#tools = tools;
    const { start, head, entries, history } = this.#partsOf(source);
    const bytes = source.read(0, head + HASH);
    this.digest = tools.sha256(bytes.subarray(0, head));
    if (bytes.length < head + HASH || this.digest !== toHex(bytes, head, bytes.length))
      throw new Damaged('is cut off or damaged');
    const body = new Reader(bytes, start, head);
    const [entriesHash, historyHash] = [hashIn(bytes, body), hashIn(bytes, body)];
    this.#entriesAt = { from: head + HASH, length: entries, sha256: entriesHash };
    this.#historyAt = { from: head + HASH + entries, length: history, sha256: historyHash };
    const heap = this.#heap(bytes, body);
    const texts = new Texts(heap);
    this.version = versionOf(body, texts);
    this.totals = totalsOf(body);
    this.#attributes = attributesOf(body);
    this.#levels = this.#readLevels(body, texts);
    this.samples = this.#readSamples(body, texts);
    body.finish();
    texts.finish();
  }

  get directories(): number {
    return this.#levels.length;
  }

  /** The number of a directory; undefined where there is none at the path. */
  find(path: RelPath): number | undefined {
    let at: number | undefined = 0;
    for (const name of namesOf(path)) {
      at = this.#child(at, name);
      if (at === undefined) return undefined;
    }
    return at;
  }

  directory(number: number): { readonly name: Name; readonly depth: number; readonly entry: Directory } {
    return this.#level(number);
  }

  /** The names of the directories in one. */
  subdirectories(number: number): readonly { readonly name: Name; readonly number: number }[] {
    return (this.#level(number).children ?? []).map((child) => ({ name: this.#level(child).name, number: child }));
  }

  /** All that is in a directory. */
  list(number: number): Listing {
    const others = this.#listOthers(number);
    const children = this.#level(number).children;
    return children === undefined ? others : this.#merge(others, children);
  }

  /** What is in a directory besides directories. */
  #listOthers(number: number): Listing {
    const level = this.#level(number);
    const bytes = (this.#entries ??= this.#read(this.#entriesAt));
    const block = new Reader(bytes, level.from, level.to);
    const texts = new Texts(this.#heap(bytes, block));
    const listing = this.#readEntries(block, texts, level, block.skip(level.files * HASH));
    block.finish();
    texts.finish();
    return listing;
  }

  /** A file's hash in hex; undefined for -1. */
  hashAt(at: number): string | undefined {
    return at < 0 || this.#entries === undefined ? undefined : toHex(this.#entries, at, at + HASH);
  }

  /** The SHA-256s of the versions that earlier images shipped, by path; the present one is not among them. */
  get history(): ReadonlyMap<RelPath, readonly string[]> {
    return (this.#history ??= this.#readHistory());
  }

  /** Reads all that opening has left unread. Throws `Damaged`. */
  validate(): void {
    let [files, bytes] = [0, 0];
    for (let number = 0; number < this.directories; number++) {
      for (const entry of this.list(number).entries) {
        if (entry.kind !== 'file') continue;
        files++;
        bytes += entry.size;
      }
    }
    if (files !== this.totals.files || bytes !== this.totals.bytes) throw new Damaged('contradicts its own totals');
    this.#history = this.#readHistory();
  }

  /** Each file's path and hash; none of a path that is longer than a history takes. */
  *hashes(): Generator<{ readonly path: RelPath; readonly sha256: string }> {
    for (const { path, listing } of this.walk()) {
      if (path.length > LONGEST_PATH) continue;
      for (const [at, name] of listing.names.entries()) {
        const sha256 = this.hashAt(listing.hashes[at] ?? -1);
        if (sha256 !== undefined) yield { path: join(path, name), sha256 };
      }
    }
  }

  /** Each directory with what is in it, depth first. */
  *walk(): Generator<{ readonly path: RelPath; readonly listing: Listing }> {
    const above: RelPath[] = [];
    for (const [number, { depth, name }] of this.#levels.entries()) {
      const path = depth === 0 ? ROOT : join(above[depth - 1] ?? ROOT, name);
      above[depth] = path;
      yield { path, listing: this.list(number) };
    }
  }

  #level(number: number): Level {
    const level = this.#levels[number];
    if (level === undefined) throw new Error(`no directory ${number}`);
    return level;
  }

  #child(number: number, name: Name): number | undefined {
    const children = this.#level(number).children ?? [];
    let [low, high] = [0, children.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const child = children[middle] ?? 0;
      const order = byName(this.#level(child).name, name);
      if (order === 0) return child;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return undefined;
  }

  /** Where the parts are; the head's own length includes what is read here. */
  #partsOf({ length, read }: Source): { start: number; head: number; entries: number; history: number } {
    const bytes = read(0, MAGIC.length + LONGEST_PREAMBLE);
    if (bytes.length < MAGIC.length || this.#tools.latin1(bytes.subarray(0, MAGIC.length)) !== MAGIC)
      throw new Damaged('is not a manifest');
    const preamble = new Reader(bytes, MAGIC.length, bytes.length);
    if (preamble.number() !== FORMAT) throw new Damaged('is of a later version of volseed');
    const [head, entries, history] = [preamble.number(), preamble.number(), preamble.number()] as const;
    const start = preamble.at;
    if (start + head + HASH + entries + history !== length) throw new Damaged('is cut off or damaged');
    return { start, head: start + head, entries, history };
  }

  #read({ from, length, sha256 }: Part): Uint8Array {
    const bytes = this.#source.read(from, length);
    if (bytes.length !== length || this.#tools.sha256(bytes) !== sha256) throw new Damaged('is damaged');
    return bytes;
  }

  /** All strings of a part in one, because a call of the runtime's for each would cost more than all else. */
  #heap(bytes: Uint8Array, part: Reader): string {
    const length = part.number();
    const from = part.skip(length);
    return this.#tools.latin1(bytes.subarray(from, from + length));
  }

  #owned(index: number): Owned {
    const found = this.#attributes[index];
    if (found === undefined) throw new Damaged('has attributes that it does not name');
    return found;
  }

  #readLevels(section: Reader, texts: Texts): Level[] {
    const number = section.number(section.end);
    const levels: Level[] = [];
    const chain: number[] = [];
    let [seconds, from] = [0, 0];
    while (levels.length < number) {
      const depth = section.number();
      const name = texts.next(section.number(LONGEST_NAME)) as Name;
      const owned = this.#owned(section.number());
      const time = timeOf(section, seconds);
      seconds = time.seconds;
      const [entries, files, length] = [section.number(), section.number(), section.number()] as const;
      if (entries * LEAST_RECORD > length || files > entries) throw new Damaged('has an impossible number of entries');
      const parent = this.#parent(levels, chain, depth, name, texts);
      parent?.push(levels.length);
      chain[depth] = levels.length;
      const entry: Directory = { kind: 'directory', ...owned, ...time, witness: NOBODY };
      levels.push({ name, depth, entry, entries, files, from, to: from + length, children: undefined });
      from += length;
    }
    if (levels.length === 0) throw new Damaged('has no root');
    if (from !== this.#entriesAt.length) throw new Damaged('has entries that belong to nothing');
    return levels;
  }

  /** The list that a directory belongs in; undefined for the root. */
  #parent(levels: readonly Level[], chain: number[], depth: number, name: Name, texts: Texts): number[] | undefined {
    if (levels.length === 0) {
      if (depth !== 0 || name !== '') throw new Damaged('has no root');
      return undefined;
    }
    if (depth === 0 || depth > chain.length) throw new Damaged('has a directory in nothing');
    texts.checkName(name);
    chain.length = depth;
    const parent = levels[chain[depth - 1] ?? 0] as Level;
    const before = levels[parent.children?.at(-1) ?? 0]?.name ?? '';
    if (name <= before) throw new Damaged('has names out of order');
    return (parent.children ??= []);
  }

  #readEntries(block: Reader, texts: Texts, level: Level, hashesFrom: number): Listing {
    const names: Name[] = [];
    const entries: Entry[] = [];
    const hashes: number[] = [];
    let [before, files] = ['', 0];
    let time: Pick<Attributes, 'seconds' | 'nanoseconds'> = level.entry;
    while (names.length < level.entries) {
      const code = block.number();
      const shared = block.number(before.length);
      const end = block.number(before.length - shared);
      const own = texts.next(block.number(LONGEST_NAME - shared - end));
      const name = (before.slice(0, shared) + own + (end === 0 ? '' : before.slice(-end))) as Name;
      texts.checkName(name);
      if (name <= before) throw new Damaged('has names out of order');
      before = name;
      if (code % 2 === 0) time = timeOf(block, time.seconds);
      const entry = this.#entry(Math.floor(code / 2), time, block, texts);
      names.push(name);
      entries.push(entry);
      hashes.push(entry.kind === 'file' ? hashesFrom + HASH * files++ : -1);
    }
    if (files !== level.files) throw new Damaged('has hashes that belong to nothing');
    return { names, entries, hashes };
  }

  #entry(
    code: number,
    { seconds, nanoseconds }: Pick<Attributes, 'seconds' | 'nanoseconds'>,
    reader: Reader,
    texts: Texts,
  ): Entry {
    const { mode, uid, gid } = this.#owned(Math.floor(code / 4));
    const attributes = { mode, uid, gid, seconds, nanoseconds, witness: NOBODY };
    switch (KINDS[code % 4]) {
      case 'file':
        return { kind: 'file', ...attributes, size: reader.number() };
      case 'link':
        return { kind: 'link', ...attributes, target: checkTarget(texts.next(reader.number(LONGEST_PATH))) };
      case 'other':
        return { kind: 'other', ...attributes };
      default:
        throw new Damaged('has an entry of no kind');
    }
  }

  #readSamples(section: Reader, texts: Texts): Sample[] {
    const samples: Sample[] = [];
    let directory = 0;
    for (let left = section.number(section.end); left > 0; left--) {
      directory += section.number(this.directories - 1 - directory);
      const name = texts.next(section.number(LONGEST_NAME)) as Name;
      texts.checkName(name);
      const code = section.number();
      samples.push({ directory, name, entry: this.#entry(code, timeOf(section, 0), section, texts) });
    }
    return samples;
  }

  #merge(others: Listing, children: readonly number[]): Listing {
    const names: Name[] = [];
    const entries: Entry[] = [];
    const hashes: number[] = [];
    let at = 0;
    const takeUntil = (end: Name | undefined): void => {
      for (; at < others.names.length; at++) {
        const name = others.names[at] as Name;
        if (name === end) throw new Damaged('has a name twice');
        if (end !== undefined && name > end) return;
        names.push(name);
        entries.push(others.entries[at] as Entry);
        hashes.push(others.hashes[at] ?? -1);
      }
    };
    for (const child of children) {
      const { name, entry } = this.#level(child);
      takeUntil(name);
      names.push(name);
      entries.push(entry);
      hashes.push(-1);
    }
    takeUntil(undefined);
    return { names, entries, hashes };
  }

  #readHistory(): Map<RelPath, readonly string[]> {
    const bytes = this.#read(this.#historyAt);
    const part = new Reader(bytes, 0, bytes.length);
    const texts = new Texts(this.#heap(bytes, part));
    const hashes = part.part(part.number(part.end) * HASH);
    const history = new Map<RelPath, readonly string[]>();
    let before = '';
    while (part.at < part.end) {
      const shared = part.number(before.length);
      const path = before.slice(0, shared) + texts.next(part.number(LONGEST_PATH - shared));
      if (path <= before) throw new Damaged('has names out of order');
      for (const name of path.split('/')) texts.checkName(name);
      before = path;
      const versions: string[] = [];
      for (let left = part.number(); left > 0; left--) versions.push(hashIn(bytes, hashes));
      history.set(path as RelPath, versions);
    }
    hashes.finish();
    texts.finish();
    return history;
  }
}

/** The strings of a heap, one after the other. */
class Texts {
  readonly #heap: string;
  /** Nothing made of it can have what no name has: asked once for all, because it is mostly so. */
  readonly #plain: boolean;
  #at = 0;

  constructor(heap: string) {
    this.#heap = heap;
    this.#plain = !heap.includes('/') && !heap.includes('\0');
  }

  /** @param name made of texts of this heap. */
  checkName(name: string): void {
    if (name === '' || name === '.' || name === '..' || !(this.#plain || isName(name)))
      throw new Damaged('has a name that no file has');
  }

  next(length: number): string {
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#heap.length) throw new Damaged('ends too early');
    return this.#heap.slice(from, this.#at);
  }

  finish(): void {
    if (this.#at !== this.#heap.length) throw new Damaged('has names that belong to nothing');
  }
}

function hashIn(bytes: Uint8Array, reader: Reader): string {
  const from = reader.skip(HASH);
  return toHex(bytes, from, from + HASH);
}

function versionOf(body: Reader, texts: Texts): string | undefined {
  const length = body.number(LONGEST_VERSION + 1);
  return length === 0 ? undefined : toText(texts.next(length - 1));
}

function totalsOf(body: Reader): Totals {
  const [files, bytes] = [body.number(), body.number()];
  return { files, bytes, oldest: unzigzag(body.number(2 * LATEST)), newest: unzigzag(body.number(2 * LATEST)) };
}

function attributesOf(section: Reader): Owned[] {
  const attributes: Owned[] = [];
  for (let left = section.number(section.end); left > 0; left--)
    attributes.push({
      mode: section.number(0o7777),
      uid: section.number(2 ** 32 - 1),
      gid: section.number(2 ** 32 - 1),
    });
  return attributes;
}

/** The difference in seconds from the time before, and whether nanoseconds follow. */
function timeOf(reader: Reader, before: number): Pick<Attributes, 'seconds' | 'nanoseconds'> {
  const code = reader.number();
  const seconds = before + unzigzag(Math.floor(code / 2));
  if (Math.abs(seconds) > LATEST) throw new Damaged('has a time that no file has');
  return { seconds, nanoseconds: code % 2 === 0 ? 0 : reader.number(999_999_999) };
}

function isName(name: string): boolean {
  return !name.includes('/') && !name.includes('\0');
}

function checkTarget(target: string): string {
  if (target === '' || target.includes('\0')) throw new Damaged('has a link that leads nowhere');
  return target;
}
