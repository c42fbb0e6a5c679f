/**
 * Reads seed and volume side by side, directory by directory, and asks at each path of the seed what to do below it. The
 * volume is looked at only where the seed has something: a volume may be a thousand times larger than its seed.
 *
 * Fails for one path at a time: what cannot be read is a problem of that path, and the rest goes on.
 */
import { codeOf, explain, Interrupted, Refused, UsageError } from '../core/errors.ts';
import type { Directory, Entry } from '../core/entry.ts';
import { join, nameOf, parentOf, ROOT, toText, type Name, type RelPath } from '../core/path.ts';
import type { Beside } from '../core/offer.ts';
import type { Problem } from '../core/plan.ts';
import type { Pulse } from '../core/pulse.ts';
import type { Spares } from '../core/sparing.ts';
import type { Anchor } from './anchor.ts';
import { SeedChanged, type Seed } from './seed.ts';
import { ONE_NAME } from '../core/words.ts';
import { STATE_NAME } from './private.ts';
import type { PassedOver } from './trees.ts';
import { moveInto } from './writable.ts';
import { sameContent } from './content.ts';
import { sha256 } from './hash.ts';
import { NEW } from '../core/base.ts';
import { close, isEmpty, isMissing, list, openForReading } from './disk.ts';
import { look, lookAt } from './look.ts';
import { spareNamed, spareUnnamed } from './spare.ts';

/** One path: what the seed has there, and what the volume. */
export interface Pair {
  readonly path: RelPath;
  readonly seed: Entry;
  readonly volume: Entry | undefined;
}

/**
 * both: go on below in both trees. seed: there is nothing below to compare with. skip: nothing below is of interest.
 * clear: the volume has a directory there that is in the way; tell of all that is in it.
 */
export type Descent = 'both' | 'seed' | 'skip' | 'clear';

export interface Visitor {
  /** What tells that two files of a directory need no visit, because nothing would come of it; undefined where every one does. */
  readonly spares?: (directory: RelPath) => Spares | undefined;
  /** Whether the visit turns on two files having the same bytes; they are read for it. */
  readonly asksContent: (pair: Pair) => boolean;
  /** What else the visit turns on; asked again with the answer until there is nothing left to ask. */
  readonly asks?: (pair: Pair, facts: Facts) => Question | undefined;
  /** A path of the seed, the root excepted; a directory before what is in it. */
  readonly visit: (pair: Pair, sameContent: boolean, facts: Facts) => Descent;
  readonly problem: (problem: Problem) => void;
  /** Whether what the volume has where the seed has nothing is of interest. */
  readonly asksExtra?: boolean;
  /**
   * A path that only the volume has, or that is in a directory in the way; a directory before what is in it.
   * @param kept not data of this volume: of the file system, or another one mounted here.
   * @returns whether to go on below a directory.
   */
  readonly extra?: (path: RelPath, entry: Entry, inTheWay: boolean, kept: boolean, hash?: string) => boolean;
  /** Whether the SHA-256 of a file that the seed does not have is to be told with it. */
  readonly asksHash?: (path: RelPath, entry: Entry, inTheWay: boolean) => boolean;
  /** Names that a directory was seeded with before, in byte order. */
  readonly known?: (directory: RelPath) => readonly Name[];
  /**
   * A known path that the seed does not have; `entry` and `hash` are the volume's.
   * @returns whether to go on below a directory.
   */
  readonly obsolete?: (
    path: RelPath,
    entry: Entry | undefined,
    hash: string | undefined,
    beside: Facts['beside'],
  ) => boolean;
  /** Whether what the volume has at NAME.volseed-new is to be told with it. */
  readonly asksBeside?: (path: RelPath) => boolean;
  /** What is in such a directory and not known. */
  readonly stray?: (path: RelPath) => void;
}

/** hash to adopt: the seed's, too; '' where it cannot be read, which is no problem of the path. */
export type Question = 'seed hash' | 'volume hash' | 'hash to adopt' | 'beside';

/** What was asked for. Hashes are SHA-256, in hex. */
export interface Facts {
  readonly seedHash?: string;
  readonly volumeHash?: string;
  /** What the volume has at NAME.volseed-new. */
  readonly beside?: Beside;
}

/** Where the volume has no such directory. */
const NOTHING_BESIDE: Facts['beside'] = { entry: undefined, hash: undefined };

export interface Trees {
  readonly seed: Seed;
  /** Undefined where there is none yet: everything is missing. */
  readonly volume: Anchor | undefined;
  /** What is not data. */
  readonly passedOver: PassedOver;
  /** Where a directory of ours is closed to ourselves (not root, mode 0), it is opened, as rsync does; with the mode it had. */
  readonly unlocked: Map<RelPath, number> | undefined;
}

export async function scan(trees: Trees, pulse: Pulse, visitor: Visitor): Promise<void> {
  await new Scan(trees, pulse, visitor).directory(ROOT, trees.volume !== undefined);
}

/** Tells of everything in a directory of the volume that is in the way. */
export async function scanInTheWay(trees: Trees, pulse: Pulse, visitor: Visitor, path: RelPath): Promise<void> {
  await new Scan(trees, pulse, visitor).extras(path, new Set(), true);
}

class Scan {
  readonly #trees: Trees;
  readonly #pulse: Pulse;
  readonly #visitor: Visitor;
  readonly #seedRoots: readonly Entry[];
  readonly #volumeRoot: Entry | undefined;
  readonly #folds: boolean;
  /** The names that the seed has in the directories above, where extras are asked for. */
  readonly #shipped = new Map<RelPath, ReadonlySet<Name>>();

  constructor(trees: Trees, pulse: Pulse, visitor: Visitor) {
    this.#trees = trees;
    this.#pulse = pulse;
    this.#visitor = visitor;
    this.#seedRoots = trees.seed.roots;
    this.#volumeRoot = trees.volume && lookAt(trees.volume.descriptorOfRoot);
    this.#folds = trees.volume !== undefined && foldsCase(trees.volume);
  }

  async directory(path: RelPath, both: boolean): Promise<void> {
    for (const pair of this.#pairs(path, both)) {
      if (this.#pulse.due()) await this.#pulse.beat();
      const same = this.#visitor.asksContent(pair) ? await this.#sameContent(path, pair) : false;
      if (same === undefined) continue;
      const facts = await this.#facts(path, pair, both);
      if (facts === undefined) continue;
      const descent = this.#visitor.visit(pair, same, facts);
      if (descent === 'clear') await this.extras(pair.path, new Set(), true);
      if (pair.seed.kind !== 'directory' || descent === 'skip') continue;
      this.#refuseNesting(pair.seed, pair.volume);
      await this.directory(pair.path, descent === 'both' && pair.volume?.kind === 'directory');
    }
    // Where the seed's directory could not be read, nobody knows what is only in the volume.
    const shipped = this.#shipped.get(path);
    if (both && shipped !== undefined && this.#visitor.asksExtra === true) await this.extras(path, shipped, false);
    if (both && shipped !== undefined) await this.#obsolete(path, shipped);
    this.#shipped.delete(path);
  }

  /** What the volume was seeded with in a directory, and the seed does not have. */
  async #obsolete(directory: RelPath, shipped: ReadonlySet<Name>): Promise<void> {
    const names = this.#visitor.known?.(directory) ?? [];
    for (const name of names) {
      const path = join(directory, name);
      if (shipped.has(name) || this.#trees.passedOver(path)) continue;
      if (this.#pulse.due()) await this.#pulse.beat();
      const found = this.#attempt(path, 'the volume', () => {
        this.#enterVolume(directory);
        return { entry: look(name) };
      });
      if (found === undefined || this.#trees.passedOver(path, found.entry)) continue;
      const { entry } = found;
      const hash = await this.#hashIfAsked(path, entry, false);
      const beside = this.#visitor.asksBeside?.(path) === true ? await this.#beside(directory, path) : undefined;
      if (hash === null || this.#visitor.obsolete?.(path, entry, hash, beside) !== true) continue;
      await this.#obsolete(path, new Set());
      this.#tellStrays(path);
    }
  }

  #tellStrays(directory: RelPath): void {
    const known = new Set(this.#visitor.known?.(directory));
    this.#attempt(directory, 'the volume', () => {
      this.#enterVolume(directory);
      for (const name of list()) if (!known.has(name)) this.#visitor.stray?.(join(directory, name));
    });
  }

  /** Of a file of the volume; undefined where it was not asked for, null where it could not be read. */
  async #hashIfAsked(path: RelPath, entry: Entry | undefined, inTheWay: boolean): Promise<string | null | undefined> {
    if (entry?.kind !== 'file' || this.#visitor.asksHash?.(path, entry, inTheWay) !== true) return undefined;
    return (await this.#hashOf(path, 'the volume')) ?? null;
  }

  /** Undefined where something could not be read, and the problem has been told. */
  async #facts(directory: RelPath, pair: Pair, both: boolean): Promise<Facts | undefined> {
    let facts: Facts = {};
    for (;;) {
      const question = this.#visitor.asks?.(pair, facts);
      if (question === undefined) return facts;
      if (question === 'beside') {
        const beside = both ? await this.#beside(directory, pair.path) : NOTHING_BESIDE;
        if (beside === undefined) return undefined;
        facts = { ...facts, beside };
        continue;
      }
      if (question === 'hash to adopt') {
        facts = { ...facts, seedHash: await this.#hashToAdopt(pair.path) };
        continue;
      }
      const where = question === 'seed hash' ? 'the seed' : 'the volume';
      const hash = await this.#hashOf(pair.path, where);
      if (hash === undefined) return undefined;
      facts = { ...facts, [question === 'seed hash' ? 'seedHash' : 'volumeHash']: hash };
    }
  }

  async #beside(directory: RelPath, path: RelPath): Promise<Facts['beside']> {
    const name = `${nameOf(path)}${NEW}` as Name;
    const found = this.#attempt(path, 'the volume', () => {
      this.#enterVolume(directory);
      return lookBeside(name);
    });
    if (found?.entry?.kind !== 'file') return found && { ...found, hash: undefined };
    const hash = await this.#hashOf(join(directory, name), 'the volume');
    return hash === undefined ? undefined : { ...found, hash };
  }

  async #hashOf(path: RelPath, where: 'the seed' | 'the volume'): Promise<string | undefined> {
    const descriptor = this.#attempt(path, where, () => this.#open(path, where));
    if (descriptor === undefined) return undefined;
    if (typeof descriptor === 'string') return descriptor;
    try {
      return await sha256(descriptor, this.#pulse);
    } catch (error) {
      return this.#attempt<never>(path, where, () => {
        throw error;
      });
    } finally {
      close(descriptor);
    }
  }

  async #hashToAdopt(path: RelPath): Promise<string> {
    let descriptor: number | undefined;
    try {
      const opened = this.#open(path, 'the seed');
      if (typeof opened === 'string') return opened;
      descriptor = opened;
      return await sha256(descriptor, this.#pulse);
    } catch (error) {
      if (error instanceof Refused || error instanceof Interrupted || codeOf(error) === undefined) throw error;
      return '';
    } finally {
      if (descriptor !== undefined) close(descriptor);
    }
  }

  /** The hash itself where the seed knows it. */
  #open(path: RelPath, where: 'the seed' | 'the volume'): number | string {
    const { seed, volume } = this.#trees;
    if (where === 'the seed') {
      seed.enter(parentOf(path));
      return seed.hash(nameOf(path)) ?? seed.open(nameOf(path));
    }
    volume?.moveTo(parentOf(path));
    return openForReading(nameOf(path));
  }

  /** What a directory of the volume has besides what the seed has there. */
  async extras(path: RelPath, shipped: ReadonlySet<Name>, inTheWay: boolean): Promise<void> {
    const entries = this.#attempt(path, 'the volume', () => {
      this.#enterVolume(path);
      const device = lookAt(this.#trees.volume?.descriptor ?? -1).witness.device;
      return list()
        .filter((name) => !shipped.has(name))
        .map((name) => ({ at: join(path, name), entry: look(name), device }));
    });
    for (const { at, entry, device } of entries ?? []) {
      if (this.#pulse.due()) await this.#pulse.beat();
      if (entry === undefined) continue;
      const kept = this.#trees.passedOver(at, entry) || entry.witness.device !== device;
      const hash = inTheWay ? await this.#hashIfAsked(at, entry, true) : undefined;
      if (this.#visitor.extra?.(at, entry, inTheWay, kept, hash ?? undefined) === true)
        await this.extras(at, new Set(), inTheWay);
    }
  }

  #pairs(path: RelPath, both: boolean): Pair[] {
    const left = (both ? this.#sift(path) : undefined) ?? this.#toVisit(path, both);
    if (left === undefined || left.length === 0) return [];
    const seeds = this.#attempt(path, 'the seed', () => {
      this.#trees.seed.enter(path);
      return this.#seedEntries(path, left);
    });
    if (seeds === undefined) return [];
    const volumes = both
      ? this.#attempt(path, 'the volume', () => {
          this.#enterVolume(path);
          return seeds.map(({ name, at, seed }) => this.#volumeEntry(name, at, seed));
        })
      : [];
    if (volumes === undefined) return [];
    const pairs = seeds
      .map(({ at, seed }, index) => ({ path: at, seed, volume: volumes[index] }))
      .filter(({ path: at, volume }) => !this.#trees.passedOver(at, volume));
    return both && this.#folds ? this.#withoutTwins(path, pairs) : pairs;
  }

  /** Where the volume takes several names for one, what it has belongs to the one that it lists. */
  #withoutTwins(directory: RelPath, pairs: readonly Pair[]): Pair[] {
    const listed = new Set(this.#attempt(directory, 'the volume', list));
    const owned = new Set(
      pairs
        .map(({ path }) => nameOf(path))
        .filter((name) => listed.has(name))
        .map(folded),
    );
    return pairs.filter(({ path, volume }) => {
      const name = nameOf(path);
      if (volume === undefined || listed.has(name) || !owned.has(folded(name))) return true;
      this.#visitor.problem({ path, kind: 'failed', message: ONE_NAME });
      return false;
    });
  }

  #names(path: RelPath): readonly Name[] {
    return this.#trees.seed.names().filter((name) => !this.#trees.passedOver(join(path, name)));
  }

  /** The names that have to be visited; undefined where they cannot be read, and the problem has been told. */
  #toVisit(path: RelPath, both: boolean): readonly Name[] | undefined {
    const names = this.#attempt(path, 'the seed', () => {
      this.#trees.seed.enter(path);
      return this.#names(path);
    });
    if (names !== undefined && this.#asksNames(path)) this.#shipped.set(path, new Set(names));
    const spares = both ? this.#spares(path) : undefined;
    if (names === undefined || spares === undefined) return names;
    return spareNamed(spares, names, this.#trees.seed, () => this.#enterVolume(path));
  }

  #asksNames(path: RelPath): boolean {
    return this.#visitor.asksExtra === true || (this.#visitor.known?.(path) ?? []).length > 0;
  }

  /** What passing over a directory's files leaves to be visited, where not even their names are asked for; undefined where they are. */
  #sift(path: RelPath): readonly Name[] | undefined {
    const spares = this.#spares(path);
    // At the root there may be files that are not data.
    if (spares === undefined || path === ROOT || this.#asksNames(path)) return undefined;
    const { seed, passedOver } = this.#trees;
    const left = spareUnnamed(spares, path, seed, () => this.#enterVolume(path));
    return left?.filter((name) => !passedOver(join(path, name)));
  }

  /** Undefined where names fold: what a look finds there may be another's. */
  #spares(path: RelPath): Spares | undefined {
    return this.#folds ? undefined : this.#visitor.spares?.(path);
  }

  #seedEntries(path: RelPath, names: readonly Name[]): { name: Name; at: RelPath; seed: Entry }[] {
    const entries: { name: Name; at: RelPath; seed: Entry }[] = [];
    const tree = this.#trees.seed;
    for (const name of names) {
      const at = join(path, name);
      const seed = this.#attempt(at, 'the seed', () => tree.look(name));
      if (seed !== undefined) entries.push({ name, at, seed });
    }
    return entries;
  }

  /** A directory in the way that cannot be looked into is taken for empty: rmdir removes no other, and says so. */
  #volumeEntry(name: Name, path: RelPath, seed: Entry): Entry | undefined {
    const entry = look(name);
    if (entry?.kind !== 'directory' || seed.kind === 'directory') return entry;
    return { ...entry, empty: this.#attempt(path, 'the volume', () => isEmpty(name)) ?? true };
  }

  #enterVolume(path: RelPath): void {
    const { volume, unlocked } = this.#trees;
    if (volume === undefined) return;
    if (unlocked === undefined) return volume.moveTo(path);
    const mode = moveInto(volume, path);
    if (mode !== undefined) unlocked.set(path, mode);
  }

  async #sameContent(directory: RelPath, { path }: Pair): Promise<boolean | undefined> {
    const trees = this.#trees;
    const seed = this.#attempt(path, 'the seed', () => {
      trees.seed.enter(directory);
      return trees.seed.open(nameOf(path));
    });
    let volume: number | undefined;
    try {
      volume =
        seed &&
        this.#attempt(path, 'the volume', () => {
          trees.volume?.moveTo(directory);
          return openForReading(nameOf(path));
        });
      if (seed === undefined || volume === undefined) return undefined;
      return await sameContent(seed, volume, this.#pulse);
    } catch (error) {
      return this.#attempt<never>(path, 'the seed and the volume', () => {
        throw error;
      });
    } finally {
      if (seed !== undefined) close(seed);
      if (volume !== undefined) close(volume);
    }
  }

  /** A nested mount, or one of the trees inside the other by a name that the paths do not show. */
  #refuseNesting(seed: Directory, volume: Entry | undefined): void {
    if (isOneInode(seed, this.#volumeRoot) || this.#seedRoots.some((root) => isOneInode(volume, root))) {
      throw new UsageError('the source and the target lie inside one another; give two separate directories');
    }
  }

  /** Runs what may fail for one path; undefined where it did, and the problem has been told. */
  #attempt<T>(path: RelPath, where: string, action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (error instanceof Refused || error instanceof Interrupted) throw error;
      const kind = where === 'the seed' && isMissing(error) ? 'vanished' : 'failed';
      const message = kind === 'vanished' ? 'vanished from the seed' : `cannot be read in ${where}: ${explain(error)}`;
      this.#visitor.problem({ path, kind, message: error instanceof SeedChanged ? error.message : message });
      return undefined;
    }
  }
}

/** The longest names, most often of 255 bytes, leave no room for what NAME.volseed-new has more. */
function lookBeside(name: Name): Omit<Beside, 'hash'> {
  try {
    return { entry: look(name) };
  } catch (error) {
    if (codeOf(error) !== 'ENAMETOOLONG') throw error;
    return { entry: undefined, isTooLong: true };
  }
}

/** Whether names that differ in case only are one in the volume; told by the one name that is always there. */
function foldsCase(volume: Anchor): boolean {
  volume.moveTo(ROOT);
  const other = STATE_NAME.toUpperCase() as Name;
  // Not by inodes: over FUSE each name may have one of its own.
  return look(other) !== undefined && !list().includes(other);
}

function folded(name: Name): string {
  return toText(name).normalize().toLowerCase();
}

function isOneInode(a: Entry | undefined, b: Entry | undefined): boolean {
  return a !== undefined && a.witness.inode === b?.witness.inode && a.witness.device === b.witness.device;
}
