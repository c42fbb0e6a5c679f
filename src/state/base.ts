/** The base on disk: `base`, one file beside the state. Its header says what it was made of; the entries follow, directory by directory. */
import { Base, type Based, type Packed } from '../core/base.ts';
import { NOBODY } from '../core/entry.ts';
import { isName, nameOf, ROOT, type Name, type RelPath } from '../core/path.ts';
import type { PrivateDirectory } from '../core/private.ts';
import type { Recording } from '../core/recording.ts';
import { checkEntry, decodeEntry, encodeEntry } from './base-entry.ts';
import { Reader, Writer } from './packing.ts';
import { readHeader, readSealed, writeSealed } from './sealed.ts';

const FILE = 'base';
const BASE = { file: FILE, format: 'volseed-base 1' };

/** What the base was made of, and whether a run on the same has anything to do. */
export interface Standing {
  /** The seed's, where it has one. */
  readonly seedDigest: string | null;
  /** Of everything else that the decisions turn on. */
  readonly rules: string;
  /** The last run had no problem. */
  readonly complete: boolean;
  /** How many paths were as they should be. */
  readonly same: number;
  /** Paths in conflict, with an offer beside them or none: to be looked at in every run. */
  readonly open: readonly RelPath[];
}

/** Undefined where there is none, or it cannot be read. Only the first lines are read. */
export function readStanding(directory: PrivateDirectory): Standing | undefined {
  return parseStanding(readHeader(directory, BASE));
}

/** Undefined where there is none; 'damaged' where it is none of ours. */
export function readBase(directory: PrivateDirectory): Base | 'damaged' | undefined {
  return readBody(directory, decode);
}

/** What a function makes of the entries of a base; 'damaged' where it throws. */
export function readBody<T>(directory: PrivateDirectory, make: (body: Buffer) => T): T | 'damaged' | undefined {
  return readSealed(directory, BASE, (header, body) => {
    if (parseStanding(header) === undefined) throw new Error('no standing');
    return make(body);
  });
}

/** @param durable whether it is on the disk when this returns. */
export function writeBase(directory: PrivateDirectory, base: Base, standing: Standing, durable: boolean): void {
  writeBody(directory, standing, durable, (head) => encode(base, head));
}

/** The same of what a first seeding has done, in a third of the time that a base of it would take to make and write. */
export function writeFirst(directory: PrivateDirectory, done: Recording, standing: Standing, durable: boolean): void {
  writeBody(directory, standing, durable, (head) => encodeFirst(done, head));
}

/** @param encodeBehind writes the entries behind a head. */
export function writeBody(
  directory: PrivateDirectory,
  standing: Standing,
  durable: boolean,
  encodeBehind: (head: Uint8Array) => Buffer,
): void {
  writeSealed(directory, BASE, standing, durable, encodeBehind);
}

/** @returns the name that a base which could not be read was moved to. */
export function moveAside(directory: PrivateDirectory): string {
  const name = `${FILE}.corrupt-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
  directory.rename(FILE, name, false);
  return name;
}

function parseStanding(header: unknown): Standing | undefined {
  if (typeof header !== 'object' || header === null) return undefined;
  const { seedDigest, rules, complete, open, same } = header as Partial<Record<keyof Standing, unknown>>;
  if (!isPaths(open)) return undefined;
  return {
    seedDigest: typeof seedDigest === 'string' ? seedDigest : null,
    rules: String(rules),
    complete: complete === true,
    same: Number(same),
    open,
  };
}

/** Whether a header has paths of the volume there, and nothing that leads out of it. */
export function isPaths(all: unknown): all is RelPath[] {
  return Array.isArray(all) && all.every((path) => typeof path === 'string' && path.split('/').every(isName));
}

/** Behind a head. */
export function encode(base: Base, head: Uint8Array): Buffer {
  const out = new Writer(head, base.size);
  const parts = [...base.parts()].toSorted(([a], [b]) => (a < b ? -1 : 1));
  for (const [directory, part] of parts) {
    if (part instanceof Section) {
      part.copyTo(out);
      continue;
    }
    const entries = 'unpack' in part ? part.unpack() : part;
    out.text(directory);
    out.u32(entries.size);
    for (const name of [...entries.keys()].toSorted()) {
      const based = entries.get(name) as Based;
      encodeEntry(out, name, based, based);
    }
  }
  return out.bytes();
}

export function encodeFirst(done: Recording, head: Uint8Array): Buffer {
  const directories = [...done.fresh()].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const out = new Writer(head, done.size);
  for (const [directory, numbers] of directories) {
    out.text(directory);
    out.u32(numbers.length);
    for (const number of numbers) {
      const { change, place, proof } = done.at(number);
      const { new: entry, path } = change;
      const volume = entry.kind === 'file' ? proof : undefined;
      const seed = entry.kind === 'file' && entry.witness !== NOBODY ? entry.witness : undefined;
      const isHashed = place !== -1 && done.makings?.isHashed(place) === true;
      const hash = isHashed && done.makings !== undefined ? { bytes: done.makings.hashes, from: place * 32 } : '';
      const content = entry.kind === 'link' ? entry.target : entry.kind === 'file' ? hash : '';
      encodeEntry(out, nameOf(path), entry, { content, volume, seed });
    }
  }
  return out.bytes();
}

/** Throws where it is not what `encode` writes. */
export function decode(body: Buffer): Base {
  const packed = new Map<RelPath, Section>();
  const from = new Reader(body);
  while (!from.ended) {
    const { at } = from;
    const directory = from.text() as RelPath;
    if (directory !== ROOT && !directory.split('/').every(isName)) throw new Error('no path');
    const count = from.u32();
    const begin = from.at;
    let hasOffers = false;
    for (let left = count; left > 0; left--) if (checkEntry(from)) hasOffers = true;
    packed.set(directory, new Section(body, { at, from: begin, to: from.at }, count, hasOffers));
  }
  return new Base(packed);
}

/** A directory of a base as it was written, taken apart when a decision turns on it. */
class Section implements Packed {
  readonly #body: Buffer;
  readonly #place: { readonly at: number; readonly from: number; readonly to: number };
  readonly count: number;
  readonly hasOffers: boolean;

  /** @param place where it begins, where its entries do, and where it ends. */
  constructor(body: Buffer, place: { at: number; from: number; to: number }, count: number, hasOffers: boolean) {
    this.#body = body;
    this.#place = place;
    this.count = count;
    this.hasOffers = hasOffers;
  }

  unpack(): Map<Name, Based> {
    const from = new Reader(this.#body);
    from.at = this.#place.from;
    const entries = new Map<Name, Based>();
    for (let left = this.count; left > 0; left--) entries.set(...decodeEntry(from));
    return entries;
  }

  copyTo(out: Writer): void {
    out.copy(this.#body, this.#place.at, this.#place.to);
  }
}
