/** Where seed data comes from, a directory at a time: a directory of the image. */
import type { Directory, Entry } from '../core/entry.ts';
import type { Name, RelPath } from '../core/path.ts';
import { Anchor } from './anchor.ts';
import { list, look, lookAt, openForReading } from './disk.ts';

export interface Seed {
  /** What its root is; where there are several in one, that of the last which goes into the root, else an implied one. */
  readonly root: Directory;
  /** The roots of all that it is made of, to see whether the volume lies in one. */
  readonly roots: readonly Directory[];
  /** Goes to a directory; what follows is about it. Throws the kernel's error where it cannot be entered. */
  enter(path: RelPath): void;
  /** In byte order. */
  names(): Name[];
  look(name: Name): Entry | undefined;
  /** Opens a file for reading; throws the kernel's error. */
  open(name: Name): number;
  /** The SHA-256 of a file, in hex, where it is known without reading. */
  hash(name: Name): string | undefined;
  /** Whether an earlier image shipped a file of this SHA-256 at the path. */
  wasShipped(path: RelPath, sha256: string): boolean;
  /** One figure for all that it holds, where it is known without reading. */
  readonly digest: string | undefined;
  /** What its builder calls it; undefined where nobody said. */
  readonly version: string | undefined;
  close(): void;
}

export class DirectorySeed implements Seed {
  readonly #anchor: Anchor;
  readonly root: Directory;

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

  open(name: Name): number {
    this.#anchor.here();
    return openForReading(name);
  }

  /** Only a manifest knows. */
  readonly digest = undefined;
  readonly version = undefined;

  hash(): undefined {
    return undefined;
  }

  wasShipped(): boolean {
    return false;
  }

  close(): void {
    this.#anchor.close();
  }
}
