/**
 * What an image says of its seed: every entry, the SHA-256 of every file, and those of the versions that earlier images shipped.
 *
 *   'volseed-manifest', format, the length of each part
 *   head       SHA-256 of the entries and of the history; all strings of the head; image version; totals; sets of attributes; every
 *              directory, depth first, names in byte order: depth, name, attributes, time, how many entries, how long their block
 *              is; samples, to be compared with the seed
 *   digest     SHA-256 of all of the above, and so of all that is below
 *   entries    a block for each directory: files, links and special files in byte order
 *   history    paths in byte order, each with the hashes of its earlier versions
 *
 * Numbers are core/octets.ts's; strings stand apart from the numbers that tell their lengths, so that a part's are decoded in one
 * call. manifest-writing.ts writes it, manifest.ts reads it.
 */
import { NOBODY, type Attributes, type Entry } from './entry.ts';
import { Damaged, toHex, unzigzag, type Reader } from './octets.ts';
import type { Name } from './path.ts';

export const MAGIC = 'volseed-manifest';
export const FORMAT = 1;
/** Bytes of a SHA-256. */
export const HASH = 32;
/** Bytes; Linux has none longer. */
export const LONGEST_NAME = 255;
export const LONGEST_PATH = 4095;
/** Bytes. */
export const LONGEST_VERSION = 255;
/** Of an entry that is no directory, by its code. */
export const KINDS = ['file', 'link', 'other'] as const;
/** Seconds: 35,000 years either way. */
export const LATEST = 2 ** 40;

/** What a runtime does better than these modules could. */
export interface Tools {
  /** In hex. */
  readonly sha256: (bytes: Uint8Array) => string;
  /** A character for each byte. */
  readonly latin1: (bytes: Uint8Array) => string;
}

/** A manifest's bytes, wherever they are. */
export interface Source {
  readonly length: number;
  /** So many bytes, or fewer where they end. */
  readonly read: (from: number, length: number) => Uint8Array;
}

/** Of all regular files. */
export interface Totals {
  readonly files: number;
  readonly bytes: number;
  /** Their first and their last mtime, in whole seconds; 0 where there are none. */
  readonly oldest: number;
  readonly newest: number;
}

export type Owned = Pick<Attributes, 'mode' | 'uid' | 'gid'>;
export type Time = Pick<Attributes, 'seconds' | 'nanoseconds'>;

/** The strings of a part, one after the other. */
export class Texts {
  readonly #heap: string;
  /** Nothing made of it can have what no name has: asked once for all, because it is mostly so. */
  readonly #plain: boolean;
  #at = 0;

  /** Takes them off the front of a part: their length, and then they themselves. */
  constructor(bytes: Uint8Array, part: Reader, { latin1 }: Tools) {
    const length = part.number();
    const from = part.skip(length);
    this.#heap = latin1(bytes.subarray(from, from + length));
    this.#plain = isName(this.#heap);
  }

  next(length: number): string {
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#heap.length) throw new Damaged('ends too early');
    return this.#heap.slice(from, this.#at);
  }

  /** @param name made of texts of this part. */
  checkName(name: string): asserts name is Name {
    if (name === '' || name === '.' || name === '..' || !(this.#plain || isName(name)))
      throw new Damaged('has a name that no file has');
  }

  finish(): void {
    if (this.#at !== this.#heap.length) throw new Damaged('has names that belong to nothing');
  }
}

function isName(text: string): boolean {
  return !text.includes('/') && !text.includes('\0');
}

/** The seconds as their difference from a time before, and whether nanoseconds follow. */
export function readTime(reader: Reader, before: number): Time {
  const code = reader.number();
  const seconds = before + unzigzag(Math.floor(code / 2));
  if (Math.abs(seconds) > LATEST) throw new Damaged('has a time that no file has');
  return { seconds, nanoseconds: code % 2 === 0 ? 0 : reader.number(999_999_999) };
}

/** @param code its set of attributes times four, and its kind. */
export function readEntry(code: number, time: Time, owners: readonly Owned[], reader: Reader, texts: Texts): Entry {
  const { mode, uid, gid } = ownedAt(owners, Math.floor(code / 4));
  const { seconds, nanoseconds } = time;
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

export function ownedAt(owners: readonly Owned[], index: number): Owned {
  const found = owners[index];
  if (found === undefined) throw new Damaged('has attributes that it does not name');
  return found;
}

export function readHash(bytes: Uint8Array, reader: Reader): string {
  const from = reader.skip(HASH);
  return toHex(bytes, from, from + HASH);
}

function checkTarget(target: string): string {
  if (target === '' || target.includes('\0')) throw new Damaged('has a link that leads nowhere');
  return target;
}
