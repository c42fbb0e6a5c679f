/** A seed against its manifest, every entry and every hash: what `verify` asks, and no start could afford. */
import type { Entry } from '../core/entry.ts';
import { codeOf, explain } from '../core/errors.ts';
import type { Listing } from '../core/manifest-block.ts';
import type { Manifest } from '../core/manifest.ts';
import { join, nameOf, parentOf, ROOT, type Name, type RelPath } from '../core/path.ts';
import type { Problem } from '../core/plan.ts';
import type { Pulse } from '../core/pulse.ts';
import { close, isMissing } from './disk.ts';
import { sha256 } from './hash.ts';
import { differenceOf, NOT_DATA, type Difference } from './manifest-check.ts';
import type { Seed } from './seed.ts';

export interface Checked {
  /** Paths that are as the manifest says. */
  readonly same: number;
  readonly differing: readonly Difference[];
}

/**
 * @param seed read itself, not by the manifest.
 * @param problem told of what cannot be read.
 * Throws `Damaged` where the manifest is.
 */
export async function checkAll(
  manifest: Manifest,
  seed: Seed,
  pulse: Pulse,
  problem: (problem: Problem) => void,
): Promise<Checked> {
  manifest.validate();
  const checking = new Checking(manifest, seed, pulse, problem);
  for (const { path, listing } of manifest.walk()) await checking.directory(path, listing);
  const { same, differing } = checking;
  return { same, differing };
}

class Checking {
  readonly #manifest: Manifest;
  readonly #seed: Seed;
  readonly #pulse: Pulse;
  readonly #problem: (problem: Problem) => void;
  /** Directories that are not there, or cannot be looked into, with all below them. */
  readonly #closed = new Set<RelPath>();
  readonly differing: Difference[] = [];
  same = 0;

  constructor(manifest: Manifest, seed: Seed, pulse: Pulse, problem: (problem: Problem) => void) {
    this.#manifest = manifest;
    this.#seed = seed;
    this.#pulse = pulse;
    this.#problem = problem;
  }

  async directory(path: RelPath, listing: Listing): Promise<void> {
    if (this.#closed.has(path) || (path !== ROOT && this.#closed.has(parentOf(path)))) {
      this.#closed.add(path);
      return;
    }
    const names = await this.#attempt(path, async () => {
      this.#seed.enter(path);
      return this.#seed.names();
    });
    if (names === undefined) {
      this.#closed.add(path);
      return;
    }
    const listed = new Set<string>([...listing.names, ...(path === ROOT ? NOT_DATA : [])]);
    for (const name of names)
      if (!listed.has(name)) this.differing.push({ path: join(path, name), what: 'is not in it' });
    for (const [at, name] of listing.names.entries()) {
      if (this.#pulse.due()) await this.#pulse.beat();
      await this.#entry(join(path, name), listing.entries[at] as Entry, listing.hashes[at] ?? -1);
    }
  }

  async #entry(path: RelPath, recorded: Entry, hashAt: number): Promise<void> {
    const what = await this.#attempt(path, async () => {
      this.#seed.enter(parentOf(path));
      const found = this.#seed.look(nameOf(path));
      // A socket is no part of an image, whatever was there when it was built.
      if (found === undefined) return recorded.kind === 'other' ? '' : 'is gone';
      if (recorded.kind === 'directory' && found.kind !== 'directory') this.#closed.add(path);
      const difference = differenceOf(recorded, found);
      if (difference !== undefined || recorded.kind !== 'file') return difference ?? '';
      const hash = await this.#hashOf(nameOf(path));
      return hash === this.#manifest.hashAt(hashAt) ? '' : 'has another content';
    });
    if (what === '') this.same++;
    else if (what !== undefined) this.differing.push({ path, what });
    if (what === undefined || what === 'is gone') this.#closed.add(path);
  }

  async #hashOf(name: Name): Promise<string> {
    const descriptor = this.#seed.open(name);
    try {
      return await sha256(descriptor, this.#pulse);
    } finally {
      close(descriptor);
    }
  }

  /** Undefined where it failed, and that has been told. */
  async #attempt<T>(path: RelPath, action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      if (isMissing(error)) this.differing.push({ path, what: 'is gone' });
      else this.#problem({ path, kind: 'failed', message: `cannot be read in the seed: ${explain(error)}` });
      return undefined;
    }
  }
}
