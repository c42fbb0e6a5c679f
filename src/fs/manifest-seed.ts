/** A seed whose names and entries its manifest tells, and whose files are opened where they lie. */
import type { Directory, Entry, Glance } from '../core/entry.ts';
import { codeOf, explain } from '../core/errors.ts';
import type { Listing, Sieve } from '../core/manifest-block.ts';
import type { Manifest } from '../core/manifest.ts';
import type { Totals } from '../core/manifest-format.ts';
import { Damaged } from '../core/octets.ts';
import { display, ROOT, type Name, type RelPath } from '../core/path.ts';
import type { Anchor } from './anchor.ts';
import { close, openDirectory, openForReading } from './disk.ts';
import { isStill } from './look.ts';
import { spotCheck } from './manifest-check.ts';
import { openManifest, type Held } from './manifest-file.ts';
import { DirectorySeed, SeedChanged, type Seed } from './seed.ts';
import type { Passed } from './sift.ts';

/** Told in one line, the rest of a sentence that begins with the manifest, why it is not believed. */
export type Disbelief = (why: string) => void;

/** The seed by its manifest, where it has one that can be believed; else by a walk. */
export function seedAt(anchor: Anchor, disbelief: Disbelief): Seed {
  const plain = new DirectorySeed(anchor);
  let held: Held | undefined;
  try {
    held = openManifest(anchor);
    if (held === undefined) return plain;
    const found = spotCheck(held, anchor);
    if (typeof found === 'function') return new ManifestSeed(held, found, anchor, disbelief);
    disbelief(`does not match: ${display(found.path)} ${found.what}`);
  } catch (error) {
    disbelief(whyOf(error));
  }
  held?.close();
  return plain;
}

/** Why a manifest cannot be gone by. Rethrows what has nothing to do with it. */
function whyOf(error: unknown): string {
  if (error instanceof Damaged) return error.message;
  if (codeOf(error) === undefined) throw error;
  return `cannot be read: ${explain(error)}`;
}

/** One of so many is little. */
const LITTLE = 8;

export class ManifestSeed implements Seed {
  readonly #held: Held;
  readonly #manifest: Manifest;
  readonly #found: (directory: number) => Directory;
  readonly #anchor: Anchor;
  readonly #directory: DirectorySeed;
  /** Whether that is where this is. */
  #isPlain = false;
  readonly #disbelief: Disbelief;
  #believed = true;
  #path: RelPath | undefined;
  /** Of the directory; undefined where the manifest has failed for it, which is then read itself. */
  #number: number | undefined;
  #listing: Listing | undefined;
  /** What was left of directories that were sifted, by their numbers, where that is little: nobody will ask for the rest. */
  readonly #left = new Map<number, Listing>();
  /** Names are mostly asked for in their order. */
  #next = 0;
  readonly digest: string;
  readonly version: string | undefined;
  readonly totals: Totals;

  /** @param found the directories of the manifest as they are, by their numbers. */
  constructor(held: Held, found: (directory: number) => Directory, anchor: Anchor, disbelief: Disbelief) {
    const { manifest } = held;
    this.#held = held;
    this.#manifest = manifest;
    this.#found = found;
    this.#anchor = anchor;
    this.#directory = new DirectorySeed(anchor);
    this.#disbelief = disbelief;
    this.digest = manifest.digest;
    this.version = manifest.version;
    this.totals = manifest.totals;
  }

  get root(): Directory {
    return this.#directory.root;
  }

  get roots(): readonly Directory[] {
    return this.#directory.roots;
  }

  enter(path: RelPath): void {
    if (path === this.#path && this.#number !== undefined) return;
    this.#path = path;
    this.#next = 0;
    this.#listing = undefined;
    // Nothing that the manifest has told of: whoever asks gets what is there.
    this.#number = this.#believed ? this.#manifest.find(path) : undefined;
    this.#isPlain = false;
    if (this.#number === undefined) this.#enterPlain();
  }

  names(): Name[] {
    const listing = this.#list();
    return listing === undefined ? this.#enterPlain().names() : [...listing.names];
  }

  look(name: Name): Entry | undefined {
    const found = this.#find(name);
    return found === undefined ? this.#enterPlain().look(name) : found.listing.entries[found.at];
  }

  glance(name: Name, proving: boolean): Glance | undefined {
    const found = this.#find(name);
    if (found === undefined) return this.#enterPlain().glance(name, proving);
    const entry = found.listing.entries[found.at];
    return entry?.kind === 'file' ? entry : undefined;
  }

  sift(sieve: Sieve, begin: () => void): Passed | undefined {
    const number = this.#number;
    if (number === undefined) return this.#enterPlain().sift(sieve, begin);
    begin();
    try {
      const sifted = this.#manifest.sift(number, sieve, this.#found);
      if (sifted !== undefined && sifted.left.names.length * LITTLE <= sifted.passed)
        this.#left.set(number, sifted.left);
      return sifted && { ...sifted, left: sifted.left.names };
    } catch (error) {
      // Whoever reads the listing meets it again, and is told.
      whyOf(error);
      return undefined;
    }
  }

  open(name: Name): number {
    this.#anchor.moveTo(this.#path ?? ('' as RelPath));
    const descriptor = openForReading(name);
    try {
      const recorded = this.look(name);
      if (recorded?.kind === 'file' && !isStill(descriptor, recorded))
        throw new SeedChanged(
          'is not what the manifest of the seed says; run volseed manifest again where the image is built',
        );
      return descriptor;
    } catch (error) {
      close(descriptor);
      throw error;
    }
  }

  handle(): number {
    this.#anchor.moveTo(this.#path ?? ROOT);
    return openDirectory('.');
  }

  hash(name: Name): string | undefined {
    const found = this.#find(name);
    return found && this.#manifest.hashAt(found.listing.hashes[found.at] ?? -1);
  }

  rawHash(name: Name): string | undefined {
    const found = this.#find(name);
    return found && this.#manifest.rawHashAt(found.listing.hashes[found.at] ?? -1);
  }

  wasShipped(path: RelPath, sha256: string): boolean {
    try {
      return this.#manifest.history.get(path)?.includes(sha256) === true;
    } catch (error) {
      whyOf(error);
      return false;
    }
  }

  close(): void {
    this.#held.close();
    this.#directory.close();
  }

  /** What the manifest has of the directory; undefined where it is the directory itself that is to be asked. */
  #list(): Listing | undefined {
    if (this.#listing !== undefined || this.#number === undefined) return this.#listing;
    try {
      return (this.#listing = this.#manifest.list(this.#number, this.#found));
    } catch (error) {
      this.#disbelief(whyOf(error));
      this.#believed = false;
      this.#number = undefined;
      return undefined;
    }
  }

  /** The directory itself, for what the manifest has failed for. Throws the kernel's error as long as it cannot be entered. */
  #enterPlain(): DirectorySeed {
    if (!this.#isPlain) this.#directory.enter(this.#path ?? ROOT);
    this.#isPlain = true;
    return this.#directory;
  }

  /** Where the manifest has a name, at -1 where it does not; undefined where the directory itself is to be asked. */
  #find(name: Name): { readonly listing: Listing; readonly at: number } | undefined {
    const left = this.#listing === undefined && this.#number !== undefined ? this.#left.get(this.#number) : undefined;
    const at = left === undefined ? -1 : this.#at(left, name);
    if (left !== undefined && at !== -1) return { listing: left, at };
    const listing = this.#list();
    return listing && { listing, at: this.#at(listing, name) };
  }

  #at({ names }: Listing, name: Name): number {
    if (names[this.#next] === name) return this.#next++;
    let [low, high] = [0, names.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((names[middle] as Name) < name) low = middle + 1;
      else high = middle;
    }
    if (names[low] !== name) return -1;
    this.#next = low + 1;
    return low;
  }
}
