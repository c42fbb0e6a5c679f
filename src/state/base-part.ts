/**
 * Some paths of a base, to be brought up to date where no decision turns on the rest: that is passed over when it is read, and copied
 * as it is when it is written. For 1% of 100,000 paths this takes a tenth of what taking all of it apart does.
 */
import { Base } from '../core/base.ts';
import { isBelow, isName, join, nameOf, parentOf, ROOT, type Name, type RelPath } from '../core/path.ts';
import type { PrivateDirectory } from '../core/private.ts';
import { decodeEntry, encodeEntry, isNameAt, nameAt, skipEntry } from './base-entry.ts';
import { readBody, writeBody, type Standing } from './base.ts';
import { NUMBERS as ENTRY, Reader, Writer } from './packing.ts';

/** What is written of one directory. */
interface Section {
  /** Where it begins, where its entries do, and where it ends. */
  readonly at: number;
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** What was asked for of it, as far as it is there; undefined where nothing was. */
  readonly found: readonly Placed[] | undefined;
}

interface Placed {
  readonly name: Name;
  readonly from: number;
  readonly to: number;
}

/** So many names are looked for in bytes; of more, it takes less to make a name of each that is there. */
const FEW = 4;

export class BasePart {
  /** The paths that were asked for, as far as they were known; to be changed. */
  readonly base: Base;
  readonly #asked: ReadonlyMap<RelPath, ReadonlySet<Name>>;
  readonly #body: Buffer;
  readonly #sections = new Map<RelPath, Section>();
  /** Paths with an offer beside them, of those that were not asked for. */
  readonly #offers: RelPath[] = [];
  /** Directories of which nothing is known any more. */
  readonly #cleared: RelPath[] = [];

  /** Throws where it is no base. */
  private constructor(body: Buffer, asked: ReadonlyMap<RelPath, ReadonlySet<Name>>) {
    this.#body = body;
    this.#asked = asked;
    const from = new Reader(body);
    const known: Base = new Base(undefined, (path) => this.#clear(known, path));
    while (!from.ended) this.#read(from, known);
    this.base = known;
  }

  /** Undefined where there is none; 'damaged' where it is none of ours. */
  static read(directory: PrivateDirectory, paths: Iterable<RelPath>): BasePart | 'damaged' | undefined {
    const asked = new Map<RelPath, Set<Name>>();
    for (const path of paths) {
      const names = asked.get(parentOf(path)) ?? new Set();
      asked.set(parentOf(path), names.add(nameOf(path)));
    }
    return readBody(directory, (body) => new BasePart(body, asked));
  }

  /** Paths with an offer beside them, in byte order. */
  get open(): RelPath[] {
    return [...this.#offers.filter((path) => !this.#isCleared(parentOf(path))), ...this.base.open].toSorted();
  }

  /** @param durable whether it is on the disk when this returns. */
  write(directory: PrivateDirectory, standing: Standing, durable: boolean): void {
    writeBody(directory, standing, durable, (head) => this.#encode(head));
  }

  #read(from: Reader, known: Base): void {
    const { at } = from;
    const directory = from.text() as RelPath;
    if (directory !== ROOT && !directory.split('/').every(isName)) throw new Error('no path');
    const count = from.u32();
    const asked = this.#asked.get(directory);
    const section = { at, from: from.at, count };
    const found: Placed[] = [];
    for (let left = count; left > 0; left--) {
      const begin = from.at;
      const hasOffer = skipEntry(from);
      const to = from.at;
      const name = asked && this.#nameAmong(asked, from, begin);
      if (name !== undefined) {
        from.at = begin;
        known.set(join(directory, name), decodeEntry(from)[1]);
        found.push({ name, from: begin, to });
      } else if (hasOffer) this.#offers.push(join(directory, nameAt(from, begin)));
      from.at = to;
    }
    this.#sections.set(directory, { ...section, to: from.at, found: asked && found });
  }

  /** The name of the entry that begins at a place, where it is one of those. */
  #nameAmong(asked: ReadonlySet<Name>, from: Reader, at: number): Name | undefined {
    if (asked.size > FEW) {
      const name = nameAt(from, at);
      return asked.has(name) ? name : undefined;
    }
    for (const name of asked) if (isNameAt(this.#body, at, name)) return name;
    return undefined;
  }

  /** What lies between a directory and what was asked for below it is not among what is known here. */
  #clear(known: Base, path: RelPath): void {
    this.#cleared.push(path);
    const below = [...known.directories()].filter(([directory]) => isBelow(directory, path));
    for (const [directory, entries] of below) for (const name of entries.keys()) known.delete(join(directory, name));
  }

  #encode(head: Uint8Array): Buffer {
    const out = new Writer(head, this.#body.length / ENTRY + this.base.size);
    const changed = new Map(this.base.directories());
    const directories = new Set([...this.#sections.keys(), ...changed.keys()]);
    for (const directory of [...directories].toSorted()) {
      const section = this.#isCleared(directory) ? undefined : this.#sections.get(directory);
      if (section === undefined) this.#encodeAnew(out, directory, []);
      else if (section.found === undefined) out.copy(this.#body, section.at, section.to);
      else this.#encodeChanged(out, directory, section, section.found);
    }
    return out.bytes();
  }

  /** In their places, where there are no new ones. */
  #encodeChanged(out: Writer, directory: RelPath, section: Section, found: readonly Placed[]): void {
    const changed = this.base.in(directory);
    const kept = found.filter(({ name }) => changed.has(name));
    if (kept.length < changed.size) {
      const asked = this.#asked.get(directory);
      const left = this.#entriesOf(section).filter(({ name }) => asked?.has(name) !== true);
      return this.#encodeAnew(out, directory, left);
    }
    const count = section.count - found.length + kept.length;
    if (count === 0) return;
    out.text(directory);
    out.u32(count);
    let at = section.from;
    for (const { name, from, to } of found) {
      out.copy(this.#body, at, from);
      const based = changed.get(name);
      if (based !== undefined) encodeEntry(out, name, based, based);
      at = to;
    }
    out.copy(this.#body, at, section.to);
  }

  #entriesOf({ from, count }: Section): Placed[] {
    const reader = new Reader(this.#body);
    reader.at = from;
    return Array.from({ length: count }, () => {
      const begin = reader.at;
      skipEntry(reader);
      const to = reader.at;
      const name = nameAt(reader, begin);
      reader.at = to;
      return { name, from: begin, to };
    });
  }

  /** What has changed of a directory, among the entries that are left of it. */
  #encodeAnew(out: Writer, directory: RelPath, left: readonly Placed[]): void {
    const changed = this.base.in(directory);
    const places = new Map(left.map(({ name, from, to }) => [name, { from, to }]));
    const names = [...places.keys(), ...changed.keys()].toSorted();
    if (names.length === 0) return;
    out.text(directory);
    out.u32(names.length);
    for (const name of names) {
      const place = places.get(name);
      const based = changed.get(name);
      if (based !== undefined) encodeEntry(out, name, based, based);
      else if (place !== undefined) out.copy(this.#body, place.from, place.to);
    }
  }

  #isCleared(directory: RelPath): boolean {
    return this.#cleared.some((path) => directory === path || isBelow(directory, path));
  }
}
