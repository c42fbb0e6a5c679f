/** Where seed data comes from, a directory at a time: a directory of the image, with a manifest (manifest-seed.ts) or without. */
import type { Directory, Entry, Glance } from '../core/entry.ts';
import type { Sieve } from '../core/manifest-block.ts';
import type { Totals } from '../core/manifest-format.ts';
import type { Name, RelPath } from '../core/path.ts';
import { Anchor } from './anchor.ts';
import { list, openDirectory, openForReading } from './disk.ts';
import { glance, look, lookAt } from './look.ts';
import { siftHere, type Passed } from './sift.ts';

export interface Seed {
  /** What its root is; where there are several in one, that of the last which goes into the root, else an implied one. */
  readonly root: Directory;
  /** The roots of all that it is made of, to see whether the volume lies in one. */
  readonly roots: readonly Directory[];
  /** Of the manifest, in hex: as long as it is the same, the seed is. Undefined where there is none to be believed. */
  readonly digest: string | undefined;
  /** The image's, as text. */
  readonly version: string | undefined;
  /** Of all files, as far as that is known without looking. */
  readonly totals: Totals | undefined;
  /** Goes to a directory; what follows is about it. Throws the kernel's error where it cannot be entered. */
  enter(path: RelPath): void;
  /** In byte order. */
  names(): Name[];
  look(name: Name): Entry | undefined;
  /** What is known of a regular file with least effort; undefined for anything else. Its witness only where that is asked for. */
  glance(name: Name, proving: boolean): Glance | undefined;
  /**
   * Asks of each file whether it goes through, where that can be told at less cost than by `glance`; undefined where it cannot. The root
   * may have what is not data.
   * @param begin called before the first question; the directory is another one afterwards.
   */
  sift?(sieve: Sieve, begin: () => void): Passed | undefined;
  /** Opens a file for reading; throws the kernel's error. */
  open(name: Name): number;
  /** Opens a handle on the directory itself, for a second thread; undefined where its files lie in several. */
  handle(): number | undefined;
  /** The SHA-256 of a file, in hex; undefined where it would have to be read for that. */
  hash(name: Name): string | undefined;
  /** The same with a character for each byte, which is had at less cost. */
  rawHash(name: Name): string | undefined;
  /** Whether an earlier image shipped a file of this content at this path; false where nobody knows. */
  wasShipped(path: RelPath, sha256: string): boolean;
  close(): void;
}

/** The seed's file is not what it was taken for. The message is the rest of a sentence that begins with its path. */
export class SeedChanged extends Error {}

export class DirectorySeed implements Seed {
  readonly #anchor: Anchor;
  readonly root: Directory;
  readonly digest = undefined;
  readonly version = undefined;
  readonly totals = undefined;

  constructor(anchor: Anchor) {
    this.#anchor = anchor;
    this.root = lookAt(anchor.descriptorOfRoot) as Directory;
  }

  /** Opens a directory at a path that is trusted, links and all. */
  static open(path: string): DirectorySeed {
    return new DirectorySeed(Anchor.open(path));
  }

  get roots(): readonly Directory[] {
    return [this.root];
  }

  enter(path: RelPath): void {
    this.#anchor.moveTo(path);
  }

  names(): Name[] {
    this.#anchor.here();
    return list();
  }

  look(name: Name): Entry | undefined {
    this.#anchor.here();
    return look(name);
  }

  glance(name: Name, proving: boolean): Glance | undefined {
    this.#anchor.here();
    return glance(name, proving);
  }

  sift(sieve: Sieve, begin: () => void): Passed | undefined {
    this.#anchor.here();
    return siftHere(sieve, begin);
  }

  open(name: Name): number {
    this.#anchor.here();
    return openForReading(name);
  }

  handle(): number {
    this.#anchor.here();
    return openDirectory('.');
  }

  hash(): undefined {
    return undefined;
  }

  rawHash(): undefined {
    return undefined;
  }

  wasShipped(): boolean {
    return false;
  }

  close(): void {
    this.#anchor.close();
  }
}
