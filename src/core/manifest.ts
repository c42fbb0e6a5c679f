/**
 * A manifest as it is read (manifest-format.ts has the format). Opening reads the head, and so costs what the directories cost; the
 * entries are read when the first directory is asked for, and taken apart one directory at a time; the history, when a question is.
 * Every one of these throws `Damaged` where the bytes make no sense, and does no more work than there are bytes, whoever wrote them.
 */
import type { Directory } from './entry.ts';
import { merge, readBlock, siftBlock, type Listing, type Sieve, type Sifted } from './manifest-block.ts';
import { HASH, LONGEST_PATH, type Source, type Tools, type Totals } from './manifest-format.ts';
import { readHead, type Head, type Level, type Part, type Sample } from './manifest-head.ts';
import { readHistory, type History } from './manifest-history.ts';
import { Damaged, toHex } from './octets.ts';
import { byName, join, namesOf, ROOT, type Name, type RelPath } from './path.ts';

export class Manifest {
  readonly #source: Source;
  readonly #tools: Tools;
  readonly #head: Head;
  #entries: Uint8Array | undefined;
  #history: History | undefined;

  /** Throws `Damaged`. */
  constructor(source: Source, tools: Tools) {
    this.#source = source;
    this.#tools = tools;
    this.#head = readHead(source, tools);
  }

  /** Of all that is in it, in hex. */
  get digest(): string {
    return this.#head.digest;
  }

  /** The image's, as text. */
  get version(): string | undefined {
    return this.#head.version;
  }

  get totals(): Totals {
    return this.#head.totals;
  }

  get samples(): readonly Sample[] {
    return this.#head.samples;
  }

  /** How many directories there are; they are known by their numbers, the root by 0, each after the one that it is in. */
  get directories(): number {
    return this.#head.levels.length;
  }

  directory(number: number): Pick<Level, 'name' | 'parent' | 'entry'> {
    return this.#level(number);
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

  /**
   * All that is in a directory.
   * @param found what stands for the recorded directories: those that were found, by their numbers.
   */
  list(number: number, found?: (directory: number) => Directory): Listing {
    const level = this.#level(number);
    this.#entries ??= this.#read(this.#head.entries);
    return this.#withDirectories(readBlock(this.#entries, level, this.#head.owners, this.#tools), level, found);
  }

  /** As `siftBlock`, with the directories among what is left, as in `list`. */
  sift(number: number, sieve: Sieve, found?: (directory: number) => Directory): Sifted | undefined {
    const level = this.#level(number);
    this.#entries ??= this.#read(this.#head.entries);
    const sifted = siftBlock(this.#entries, level, this.#head.owners, this.#tools, sieve);
    return sifted && { ...sifted, left: this.#withDirectories(sifted.left, level, found) };
  }

  #withDirectories(others: Listing, { children }: Level, found?: (directory: number) => Directory): Listing {
    if (children === undefined) return others;
    return merge(
      others,
      children.map((child) => {
        const { name, entry } = this.#level(child);
        return { name, entry: found?.(child) ?? entry };
      }),
    );
  }

  /** A file's hash in hex; undefined for -1. */
  hashAt(at: number): string | undefined {
    return at < 0 || this.#entries === undefined ? undefined : toHex(this.#entries, at, at + HASH);
  }

  /** The same with a character for each byte, which is had at less cost. */
  rawHashAt(at: number): string | undefined {
    return at < 0 || this.#entries === undefined
      ? undefined
      : this.#tools.latin1(this.#entries.subarray(at, at + HASH));
  }

  /** The SHA-256s of the versions that earlier images shipped, by path; the present one is not among them. */
  get history(): History {
    return (this.#history ??= readHistory(this.#read(this.#head.history), this.#tools));
  }

  /** Each directory with what is in it, each after the one that it is in. */
  *walk(): Generator<{ readonly path: RelPath; readonly listing: Listing }> {
    const paths: RelPath[] = [];
    for (let number = 0; number < this.directories; number++) {
      const { parent, name } = this.#level(number);
      const path = number === 0 ? ROOT : join(paths[parent] ?? ROOT, name);
      paths.push(path);
      yield { path, listing: this.list(number) };
    }
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

  /** Reads all that opening has left unread. Throws `Damaged`. */
  validate(): void {
    let [files, bytes] = [0, 0];
    for (const { listing } of this.walk()) {
      for (const entry of listing.entries) {
        if (entry.kind !== 'file') continue;
        files++;
        bytes += entry.size;
      }
    }
    if (files !== this.totals.files || bytes !== this.totals.bytes) throw new Damaged('contradicts its own totals');
    this.#history = this.history;
  }

  #level(number: number): Level {
    const level = this.#head.levels[number];
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

  #read({ from, length, sha256 }: Part): Uint8Array {
    const bytes = this.#source.read(from, length);
    if (bytes.length !== length || this.#tools.sha256(bytes) !== sha256) throw new Damaged('is damaged');
    return bytes;
  }
}

/** Bytes in memory as what a manifest is read from. */
export function sourceOf(bytes: Uint8Array): Source {
  return { length: bytes.length, read: (from, length) => bytes.subarray(from, from + length) };
}
