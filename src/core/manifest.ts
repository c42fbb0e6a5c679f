/**
 * What an image says of its seed: every entry, the SHA-256 of every file, and those of the versions that earlier images shipped.
 *
 *   'volseed-manifest', format, image version, totals, the length of each section
 *   directories    depth first, names in byte order: depth, name, attributes, how many entries, how long their block is
 *   entries        a block for each directory: files, links and special files in byte order
 *   history        paths in byte order, each with the hashes of its earlier versions
 *   SHA-256        of all of the above
 *
 * Opening reads the directories; a block is read when its directory is asked for, the history when a question is. Every read throws
 * `Damaged` where the bytes make no sense, and does no more work than there are bytes, whoever wrote them.
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
const KINDS = ['file', 'link', 'other'] as const;
const LATEST = 2 ** 40;

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

export class Manifest {
  readonly #bytes: Uint8Array;
  readonly #tools: Tools;
  readonly #attributes: readonly Owned[];
  readonly #levels: readonly Level[];
  readonly #historyAt: Reader;
  #history: ReadonlyMap<RelPath, readonly string[]> | undefined;
  /** Of all that is in it, in hex. */
  readonly digest: string;
  /** The image's, as text. */
  readonly version: string | undefined;
  readonly totals: Totals;

  /** Throws `Damaged`. */
  constructor(bytes: Uint8Array, tools: Tools) {
    const body = new Reader(bytes, 0, Math.max(bytes.length - HASH, 0));
    if (bytes.length < MAGIC.length || tools.latin1(bytes.subarray(0, MAGIC.length)) !== MAGIC)
      throw new Damaged('is not a manifest');
    body.skip(MAGIC.length);
    if (body.number() !== FORMAT) throw new Damaged('is of a later version of volseed');
    this.digest = tools.sha256(bytes.subarray(0, body.end));
    if (this.digest !== toHex(bytes, body.end, bytes.length)) throw new Damaged('is cut off or damaged');
    this.#bytes = bytes;
    this.#tools = tools;
    this.version = this.#version(body);
    this.totals = totalsOf(body);
    const lengths = [body.number(), body.number(), body.number()] as const;
    const [directories, entries, history] = lengths.map((length) => body.part(length)) as [Reader, Reader, Reader];
    body.finish();
    const heap = this.#heap(directories);
    this.#attributes = attributesOf(directories);
    this.#levels = this.#readLevels(directories, heap, entries);
    this.#historyAt = history;
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
    const others = this.listOthers(number);
    const children = this.#level(number).children;
    return children === undefined ? others : this.#merge(others, children);
  }

  /** What is in a directory besides directories; where `limit` says so, only the first of it. */
  listOthers(number: number, limit = Number.POSITIVE_INFINITY): Listing {
    const level = this.#level(number);
    const block = new Reader(this.#bytes, level.from, level.to);
    const heap = this.#heap(block);
    const hashesFrom = block.skip(level.files * HASH);
    const listing = this.#readEntries(block, heap, level, hashesFrom, limit);
    if (listing.names.length === level.entries) block.finish();
    return listing;
  }

  /** A file's hash in hex; undefined for -1. */
  hashAt(at: number): string | undefined {
    return at < 0 ? undefined : toHex(this.#bytes, at, at + HASH);
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

  #version(body: Reader): string | undefined {
    const length = body.number(LONGEST_VERSION + 1);
    if (length === 0) return undefined;
    const from = body.skip(length - 1);
    return toText(this.#tools.latin1(this.#bytes.subarray(from, from + length - 1)));
  }

  /** All strings of a section in one, because a call of the runtime's for each would cost more than all else. */
  #heap(section: Reader): string {
    const length = section.number();
    const from = section.skip(length);
    return this.#tools.latin1(this.#bytes.subarray(from, from + length));
  }

  #owned(index: number): Owned {
    const found = this.#attributes[index];
    if (found === undefined) throw new Damaged('has attributes that it does not name');
    return found;
  }

  #readLevels(section: Reader, heap: string, blocks: Reader): Level[] {
    const number = section.number(section.end);
    const levels: Level[] = [];
    const chain: number[] = [];
    let [at, seconds] = [0, 0];
    while (levels.length < number) {
      const depth = section.number();
      const name = heap.slice(at, (at += section.number(LONGEST_NAME))) as Name;
      const owned = this.#owned(section.number());
      const time = timeOf(section, seconds);
      seconds = time.seconds;
      const [entries, files, length] = [section.number(), section.number(), section.number()] as const;
      const from = blocks.skip(length);
      if (entries * LEAST_RECORD > length || files > entries) throw new Damaged('has an impossible number of entries');
      const parent = this.#parent(levels, chain, depth, name);
      parent?.push(levels.length);
      chain[depth] = levels.length;
      const entry: Directory = { kind: 'directory', ...owned, ...time, witness: NOBODY };
      levels.push({ name, depth, entry, entries, files, from, to: from + length, children: undefined });
    }
    if (levels.length === 0 || at !== heap.length) throw new Damaged('has no sound list of directories');
    section.finish();
    blocks.finish();
    return levels;
  }

  /** The list that a directory belongs in; undefined for the root. */
  #parent(levels: readonly Level[], chain: number[], depth: number, name: Name): number[] | undefined {
    if (levels.length === 0) {
      if (depth !== 0 || name !== '') throw new Damaged('has no root');
      return undefined;
    }
    if (depth === 0 || depth > chain.length) throw new Damaged('has a directory in nothing');
    checkName(name);
    chain.length = depth;
    const parent = levels[chain[depth - 1] ?? 0] as Level;
    const before = levels[parent.children?.at(-1) ?? 0]?.name ?? '';
    if (name <= before) throw new Damaged('has names out of order');
    return (parent.children ??= []);
  }

  #readEntries(block: Reader, heap: string, level: Level, hashesFrom: number, limit: number): Listing {
    const names: Name[] = [];
    const entries: Entry[] = [];
    const hashes: number[] = [];
    const most = Math.min(level.entries, limit);
    let [at, before, files] = [0, '', 0];
    let time: Pick<Attributes, 'seconds' | 'nanoseconds'> = level.entry;
    while (names.length < most) {
      const code = block.number();
      const shared = block.number(before.length);
      const end = block.number(before.length - shared);
      const own = heap.slice(at, (at += block.number(LONGEST_NAME - shared - end)));
      const name = (before.slice(0, shared) + own + (end === 0 ? '' : before.slice(-end))) as Name;
      checkName(name);
      if (name <= before) throw new Damaged('has names out of order');
      before = name;
      const { mode, uid, gid } = this.#owned(Math.floor(code / 8));
      if (code % 2 === 0) time = timeOf(block, time.seconds);
      const { seconds, nanoseconds } = time;
      const attributes = { mode, uid, gid, seconds, nanoseconds, witness: NOBODY };
      names.push(name);
      switch (KINDS[Math.floor(code / 2) % 4]) {
        case 'file':
          entries.push({ kind: 'file', ...attributes, size: block.number() });
          hashes.push(hashesFrom + HASH * files++);
          break;
        case 'link':
          entries.push({
            kind: 'link',
            ...attributes,
            target: checkTarget(heap.slice(at, (at += block.number(LONGEST_PATH)))),
          });
          hashes.push(-1);
          break;
        case 'other':
          entries.push({ kind: 'other', ...attributes });
          hashes.push(-1);
          break;
        default:
          throw new Damaged('has an entry of no kind');
      }
    }
    const whole = most === level.entries;
    if (at > heap.length || files > level.files || (whole && (at !== heap.length || files !== level.files)))
      throw new Damaged('has names or hashes that belong to nothing');
    return { names, entries, hashes };
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
    const section = new Reader(this.#bytes, this.#historyAt.at, this.#historyAt.end);
    const heap = this.#heap(section);
    const hashes = section.part(section.number(section.end) * HASH);
    const history = new Map<RelPath, readonly string[]>();
    let [at, before] = [0, ''];
    while (section.at < section.end) {
      const shared = section.number(before.length);
      const path = before.slice(0, shared) + heap.slice(at, (at += section.number(LONGEST_PATH - shared)));
      if (path <= before) throw new Damaged('has names out of order');
      for (const name of path.split('/')) checkName(name);
      before = path;
      const versions: string[] = [];
      for (let left = section.number(); left > 0; left--) {
        const from = hashes.skip(HASH);
        versions.push(toHex(this.#bytes, from, from + HASH));
      }
      history.set(path as RelPath, versions);
    }
    if (at !== heap.length) throw new Damaged('has names that belong to nothing');
    hashes.finish();
    return history;
  }
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

function checkName(name: string): void {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0'))
    throw new Damaged('has a name that no file has');
}

function checkTarget(target: string): string {
  if (target === '' || target.includes('\0')) throw new Damaged('has a link that leads nowhere');
  return target;
}
