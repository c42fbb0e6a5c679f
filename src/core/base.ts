/** The base: what a volume was last seeded with, path by path. What the volume has otherwise, somebody has made of it. */
import {
  LEAVE,
  NOBODY,
  SET_GID,
  type Attributes,
  type Directory,
  type Entry,
  type File,
  type Glance,
  type Link,
} from './entry.ts';
import { isBelow, join, nameOf, parentOf, type Name, type RelPath } from './path.ts';

/** That a file is the one that was seen: nothing can be written to it without moving its ctime. */
export interface Proof {
  readonly inode: bigint;
  /** ctime, nanoseconds since 1970. */
  readonly changed: bigint;
}

/** What is beside a path in conflict, under NAME.volseed-new. */
export interface Offer {
  /** What of: the SHA-256 of a file, the target of a link. */
  readonly kind: 'file' | 'link';
  readonly content: string;
  /** The run that the conflict is known since. */
  readonly since: string;
}

export interface Based extends Attributes {
  readonly kind: 'directory' | 'file' | 'link';
  /** Bytes; 0 for what is no file. */
  readonly size: number;
  /** SHA-256 of a file in hex, '' where it was not taken; the target of a link; '' for a directory. */
  readonly content: string;
  /** Of the file in the volume that it became, and of the seed's that it was taken from. */
  readonly volume?: Proof | undefined;
  readonly seed?: Proof | undefined;
  readonly offer?: Offer | undefined;
  /** A run was about to put an entry of another type in its place, which takes two steps: a path that is missing was not deleted. */
  readonly replacing?: boolean | undefined;
}

export const NEW = '.volseed-new';

/** The name beside a path where the image's version is placed in a conflict. */
export function besideOf(path: RelPath): RelPath {
  return `${path}${NEW}` as RelPath;
}

/** What is known of a directory, to be taken apart when it is asked for. */
export interface Packed {
  readonly count: number;
  readonly hasOffers: boolean;
  unpack(): Map<Name, Based>;
}

export class Base {
  /** Those that were changed, or were never packed. */
  readonly #directories = new Map<RelPath, Map<Name, Based>>();
  readonly #packed: Map<RelPath, Packed>;
  /** What was unpacked last, with what is above and below it: a plan comes back to these. */
  readonly #unpacked = new Map<RelPath, Map<Name, Based>>();
  /** How many paths were unpacked so far, each time counted. */
  #takenApart = 0;
  readonly #cleared: ((directory: RelPath) => void) | undefined;
  #size = 0;
  /** The directory that was asked for last: mostly the next one is the same. */
  #last: { readonly directory: RelPath; readonly entries: Map<Name, Based> } | undefined;

  /** @param cleared told of each path of which all that is below is forgotten. */
  constructor(packed = new Map<RelPath, Packed>(), cleared?: (directory: RelPath) => void) {
    this.#packed = packed;
    this.#cleared = cleared;
    for (const { count } of packed.values()) this.#size += count;
  }

  get(path: RelPath): Based | undefined {
    return this.#size === 0 ? undefined : this.#entriesIn(parentOf(path))?.get(nameOf(path));
  }

  set(path: RelPath, based: Based): void {
    const entries = this.#toChange(parentOf(path));
    const name = nameOf(path);
    const before = entries.get(name);
    if (before === undefined) this.#size++;
    entries.set(name, based);
    if (before?.kind === 'directory' && based.kind !== 'directory') this.#deleteBelow(path);
  }

  delete(path: RelPath): void {
    const directory = parentOf(path);
    if (this.#entriesIn(directory)?.has(nameOf(path)) !== true) return;
    const entries = this.#toChange(directory);
    entries.delete(nameOf(path));
    this.#size--;
    if (entries.size === 0) {
      this.#directories.delete(directory);
      this.#last = undefined;
    }
    this.#deleteBelow(path);
  }

  #entriesIn(directory: RelPath): Map<Name, Based> | undefined {
    if (this.#last?.directory === directory) return this.#last.entries;
    const entries = this.#directories.get(directory) ?? this.#unpack(directory);
    if (entries !== undefined) this.#last = { directory, entries };
    return entries;
  }

  #unpack(directory: RelPath): Map<Name, Based> | undefined {
    const known = this.#unpacked.get(directory);
    const packed = this.#packed.get(directory);
    if (known !== undefined || packed === undefined) return known;
    // Whoever jumps to and fro keeps all, rather than to have the same taken apart time and again.
    if (this.#takenApart < 4 * this.#size)
      for (const other of this.#unpacked.keys())
        if (!isBelow(directory, other) && !isBelow(other, directory)) this.#unpacked.delete(other);
    this.#takenApart += packed.count;
    const entries = packed.unpack();
    this.#unpacked.set(directory, entries);
    return entries;
  }

  #toChange(directory: RelPath): Map<Name, Based> {
    const entries = this.#entriesIn(directory) ?? new Map<Name, Based>();
    if (this.#directories.get(directory) === entries) return entries;
    this.#directories.set(directory, entries);
    this.#packed.delete(directory);
    this.#last = { directory, entries };
    return entries;
  }

  /** What was in a directory that is none any more is no deletion of a user's when it comes back. */
  #deleteBelow(path: RelPath): void {
    this.#cleared?.(path);
    for (const name of this.in(path).keys()) this.delete(join(path, name));
  }

  /** How many paths. */
  get size(): number {
    return this.#size;
  }

  /** What it has in a directory, in no order. */
  in(directory: RelPath): ReadonlyMap<Name, Based> {
    return this.#entriesIn(directory) ?? NONE;
  }

  /** All of it, in no order; what is packed, packed. */
  *parts(): Iterable<[RelPath, ReadonlyMap<Name, Based> | Packed]> {
    yield* this.#directories;
    yield* this.#packed;
  }

  *directories(): Iterable<[RelPath, ReadonlyMap<Name, Based>]> {
    for (const [directory, part] of this.parts()) yield [directory, 'unpack' in part ? part.unpack() : part];
  }

  /** Paths with an offer beside them, in byte order. */
  get open(): RelPath[] {
    const open: RelPath[] = [];
    for (const [directory, part] of this.parts()) {
      if ('unpack' in part && !part.hasOffers) continue;
      const entries = 'unpack' in part ? part.unpack() : part;
      for (const [name, { offer }] of entries) if (offer !== undefined) open.push(join(directory, name));
    }
    return open.toSorted();
  }
}

const NONE: ReadonlyMap<Name, Based> = new Map();

/** @param content as in `Based`. */
export function basedOn(entry: Directory | File | Link, content: string, volume: Proof | undefined): Based {
  const { kind, mode, uid, gid, seconds, nanoseconds } = entry;
  return {
    kind,
    mode,
    uid,
    gid,
    seconds,
    nanoseconds,
    size: kind === 'file' ? entry.size : 0,
    content: kind === 'link' ? entry.target : content,
    volume: kind === 'file' ? volume : undefined,
    seed: kind === 'file' && entry.witness !== NOBODY ? proofOf(entry) : undefined,
  };
}

export function proofOf({ witness }: Pick<Entry, 'witness'>): Proof {
  return witness;
}

export function isProven(entry: Pick<Glance, 'witness'>, proof: Proof | undefined): boolean {
  // What was not looked at itself proves nothing.
  if (proof === undefined || entry.witness === NOBODY) return false;
  return entry.witness.inode === proof.inode && entry.witness.changed === proof.changed;
}

export function isSameBased(a: Based, b: Based): boolean {
  return (
    a.kind === b.kind &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.seconds === b.seconds &&
    a.nanoseconds === b.nanoseconds &&
    a.size === b.size &&
    a.content === b.content &&
    isSameProof(a.volume, b.volume) &&
    isSameProof(a.seed, b.seed) &&
    a.offer?.content === b.offer?.content &&
    a.offer?.kind === b.offer?.kind &&
    (a.replacing ?? false) === (b.replacing ?? false)
  );
}

function isSameProof(a: Proof | undefined, b: Proof | undefined): boolean {
  return a?.inode === b?.inode && a?.changed === b?.changed;
}

/** Whether this process keeps the set-group-id bit on a file or directory of that group and owner. */
export type KeepsGroup = (gid: number, owner: number) => boolean;

/** Mode and owner go three ways by themselves: the seed's where the volume still has the base's, else the volume's. */
export function attributesFor<T extends Directory | File | Link>(
  base: Based,
  seed: T,
  volume: Entry,
  keepsGroup: KeepsGroup,
): T {
  // The kernel took the bit when it was seeded, and would again. From whom it does not, somebody else took it: a writer or an
  // operator, after whom it must not come back.
  const had = keepsGroup(volume.gid, volume.uid) ? base.mode : base.mode & ~SET_GID;
  const isBase = base.mode === volume.mode || had === volume.mode;
  // A file's mode would close a directory, and a link has none.
  const mode = isBase || volume.kind !== seed.kind ? seed.mode : volume.mode;
  return { ...seed, mode, uid: idFor(base.uid, seed.uid, volume.uid), gid: idFor(base.gid, seed.gid, volume.gid) };
}

function idFor(base: number, seed: number, volume: number): number {
  return base === LEAVE || base === volume || seed === LEAVE ? seed : volume;
}
