/**
 * Several seeds as one, each in a directory of its own or in the same: a later one wins where two ship one path.
 *
 *   earlier \ later   nothing   file or link   directory
 *   file or link      earlier   later          later
 *   directory         earlier   later          both: what is in either, with the attributes of the later
 *
 * What cannot be seeded (a FIFO, say) hides nothing. The directories above the one that a seed goes into are implied where no
 * seed ships them.
 */
import { LEAVE, type Directory, type Entry, type Glance } from '../core/entry.ts';
import type { Totals } from '../core/manifest-format.ts';
import { byName, isBelow, join, namesOf, ROOT, type Name, type RelPath } from '../core/path.ts';
import type { Seed } from './seed.ts';

export interface Part {
  readonly seed: Seed;
  /** The directory that it goes into. */
  readonly into: RelPath;
  /** Names at its root that are no data. */
  readonly passedOver: (name: Name) => boolean;
}

/** What the seeds together have at a path. */
interface Found {
  readonly entry: Entry;
  /** The numbers of the parts that hold it, the earliest first; of a directory more than one. */
  readonly parts: readonly number[];
}

interface Level {
  readonly name: Name | '';
  readonly path: RelPath;
  readonly parts: readonly number[];
  /** Of a directory whose names were asked for; what could not be looked at is there as a function that throws. */
  listed: ReadonlyMap<Name, () => Found | undefined> | undefined;
}

export class OverlaySeed implements Seed {
  readonly #parts: readonly Part[];
  readonly #levels: Level[];
  readonly root: Directory;

  /** @param parts at least one. Closing this closes them. */
  constructor(parts: readonly Part[]) {
    this.#parts = parts;
    this.#levels = [{ name: '', path: ROOT, parts: [...parts.keys()], listed: undefined }];
    const last = parts.findLastIndex(({ into }) => into === ROOT);
    this.root = last < 0 ? impliedBy(parts[0] as Part) : { ...(parts[last] as Part).seed.root, origin: last };
  }

  get roots(): readonly Directory[] {
    return this.#parts.flatMap(({ seed }) => seed.roots);
  }

  enter(path: RelPath): void {
    const names = namesOf(path);
    let shared = 0;
    while (shared < names.length && this.#levels[shared + 1]?.name === names[shared]) shared++;
    this.#levels.length = shared + 1;
    for (const name of names.slice(shared)) {
      const found = this.#find(name);
      if (found?.entry.kind !== 'directory') throw kernelError(found === undefined ? 'ENOENT' : 'ENOTDIR');
      this.#levels.push({ name, path: join(this.#here.path, name), parts: found.parts, listed: undefined });
    }
  }

  names(): Name[] {
    const level = this.#here;
    const listings = new Map(level.parts.map((number) => [number, this.#listingOf(number, level.path)]));
    const all = new Set([...listings.values()].flatMap((listing) => [...listing.keys()]));
    level.listed = new Map(
      [...all].map((name) => {
        const find = (): Found | undefined => topOf(level.parts, (number) => listings.get(number)?.get(name)?.());
        return [name, once(find)];
      }),
    );
    // oxlint-disable-next-line unicorn/no-array-sort -- the array is nobody else's, and may be large
    return [...all].sort(byName);
  }

  look(name: Name): Entry | undefined {
    return this.#find(name)?.entry;
  }

  glance(name: Name): Glance | undefined {
    const entry = this.look(name);
    return entry?.kind === 'file' ? entry : undefined;
  }

  open(name: Name): number {
    return this.#holderOf(name).open(name);
  }

  handle(): number | undefined {
    const { parts, path } = this.#here;
    const inside = parts.filter((number) => insideOf(this.#parts[number] as Part, path) !== undefined);
    const part = this.#parts[inside[0] ?? -1];
    if (inside.length !== 1 || part === undefined) return undefined;
    part.seed.enter(insideOf(part, path) ?? ROOT);
    return part.seed.handle();
  }

  hash(name: Name): string | undefined {
    return this.#holderOf(name).hash(name);
  }

  rawHash(name: Name): string | undefined {
    return this.#holderOf(name).rawHash(name);
  }

  wasShipped(path: RelPath, sha256: string): boolean {
    return this.#parts.some((part) => {
      const inside = insideOf(part, path);
      return inside !== undefined && inside !== ROOT && part.seed.wasShipped(inside, sha256);
    });
  }

  /** Known where all of them are. */
  get digest(): string | undefined {
    const digests = this.#parts.map(({ seed, into }) => seed.digest && `${seed.digest} ${into}`);
    return digests.every((digest) => digest !== undefined) ? digests.join('\n') : undefined;
  }

  /** What a later seed hides is counted, too. */
  get totals(): Totals | undefined {
    const all = this.#parts.map(({ seed }) => seed.totals);
    if (!all.every((each) => each !== undefined)) return undefined;
    const some = all.filter(({ files }) => files > 0);
    return {
      files: sum(some.map(({ files }) => files)),
      bytes: sum(some.map(({ bytes }) => bytes)),
      oldest: some.length === 0 ? 0 : Math.min(...some.map(({ oldest }) => oldest)),
      newest: some.length === 0 ? 0 : Math.max(...some.map(({ newest }) => newest)),
    };
  }

  /** Of several images nobody can tell which is older. */
  readonly version = undefined;

  close(): void {
    for (const { seed } of this.#parts) seed.close();
  }

  get #here(): Level {
    return this.#levels.at(-1) as Level;
  }

  /** The seed that a name's entry comes from, entered where that is. Throws ENOENT where none has it. */
  #holderOf(name: Name): Seed {
    const number = this.#find(name)?.entry.origin;
    const part = number === undefined ? undefined : this.#parts[number];
    const inside = part && insideOf(part, this.#here.path);
    if (part === undefined || inside === undefined) throw kernelError('ENOENT');
    part.seed.enter(inside);
    return part.seed;
  }

  #find(name: Name): Found | undefined {
    const { listed, parts, path } = this.#here;
    if (listed !== undefined) return listed.get(name)?.();
    return topOf(parts, (number) => this.#lookIn(number, path, name));
  }

  #lookIn(number: number, directory: RelPath, name: Name): Entry | undefined {
    const part = this.#parts[number] as Part;
    const inside = insideOf(part, directory);
    if (inside === undefined) return onTheWay(part, join(directory, name));
    if (inside === ROOT && part.passedOver(name)) return undefined;
    part.seed.enter(inside);
    return part.seed.look(name);
  }

  /** Everything that one seed has in a directory, looked at while it is there. */
  #listingOf(number: number, directory: RelPath): Map<Name, () => Entry | undefined> {
    const part = this.#parts[number] as Part;
    const inside = insideOf(part, directory);
    if (inside === undefined) {
      const name = namesOf(part.into)[namesOf(directory).length] as Name;
      return new Map([[name, () => onTheWay(part, join(directory, name))]]);
    }
    part.seed.enter(inside);
    const names = part.seed.names().filter((name) => inside !== ROOT || !part.passedOver(name));
    return new Map(names.map((name) => [name, settled(() => part.seed.look(name))]));
  }
}

/** The directory of a part that goes to a directory of the whole; undefined for one above what it goes into. */
function insideOf({ into }: Part, directory: RelPath): RelPath | undefined {
  if (into === ROOT) return directory;
  if (directory === into) return ROOT;
  return isBelow(directory, into) ? (directory.slice(into.length + 1) as RelPath) : undefined;
}

/** What a part has at or above what it goes into. */
function onTheWay(part: Part, path: RelPath): Directory | undefined {
  if (path === part.into) return part.seed.root;
  return isBelow(part.into, path) ? impliedBy(part) : undefined;
}

/** As mkdir makes it; with the time of the seed's root, because nothing else is the same at every start. */
function impliedBy({ seed }: Part): Directory {
  return { ...seed.root, mode: 0o755, uid: LEAVE, gid: LEAVE, implied: true };
}

/** The table above. */
function topOf(parts: readonly number[], entryIn: (number: number) => Entry | undefined): Found | undefined {
  let top: Entry | undefined;
  let special: Found | undefined;
  const holding: number[] = [];
  for (const number of parts.toReversed()) {
    const entry = entryIn(number);
    if (entry === undefined) continue;
    if (entry.kind === 'other') {
      special ??= { entry: { ...entry, origin: number }, parts: [number] };
      continue;
    }
    if (top !== undefined && entry.kind !== 'directory') break;
    // An implied directory has nothing to say of one that is shipped.
    if (top === undefined || (isImplied(top) && !isImplied(entry))) top = { ...entry, origin: number };
    holding.unshift(number);
    if (entry.kind !== 'directory') break;
  }
  return top === undefined ? special : { entry: top, parts: holding };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function isImplied(entry: Entry): boolean {
  return entry.kind === 'directory' && entry.implied === true;
}

/** Does it now, and hands out what came of it, an error too, whenever it is asked. */
function settled<T>(action: () => T): () => T {
  try {
    const value = action();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function once<T>(action: () => T): () => T {
  let known: (() => T) | undefined;
  return () => (known ??= settled(action))();
}

function kernelError(code: 'ENOENT' | 'ENOTDIR'): Error {
  return Object.assign(new Error(code), { code });
}
