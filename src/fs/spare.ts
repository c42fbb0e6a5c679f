/**
 * Passes over the files of a directory of which quick looks tell that they need no visit, counts them, and returns the names that are
 * left. A look that fails decides nothing: whoever visits finds out what the error is about, and of which path.
 */
import type { Glance } from '../core/entry.ts';
import { codeOf, Interrupted, Refused } from '../core/errors.ts';
import type { Name, RelPath } from '../core/path.ts';
import type { Spares } from '../core/sparing.ts';
import { glance, written } from './look.ts';
import type { Seed } from './seed.ts';

/** Where only attributes are compared. */
const NO_NAME = '' as Name;
const noHash = (): undefined => undefined;

/**
 * The seed has been entered.
 * @param names of the directory that the seed is in.
 * @param enterVolume goes to the directory of the volume.
 */
export function spareNamed(
  spares: Spares,
  names: readonly Name[],
  seed: Seed,
  enterVolume: () => void,
): readonly Name[] {
  const hashOf = (name: Name): string | undefined => seed.hash(name);
  try {
    const seeds = names.map((name) => seed.glance(name, spares.asksProof));
    enterVolume();
    const left = names.filter((name, at) => {
      const shipped = seeds[at];
      const found = shipped && glance(name, spares.asksProof);
      return shipped === undefined || found === undefined || !spares.isSame(shipped, found, name, hashOf);
    });
    spares.count(names.length - left.length);
    return left;
  } catch (error) {
    return unlessOurs(error) ?? names;
  }
}

/** The same without a name made of what is spared; undefined where that cannot be had, and nothing has been counted. */
export function spareUnnamed(
  spares: Spares,
  path: RelPath,
  seed: Seed,
  enterVolume: () => void,
): readonly Name[] | undefined {
  const there = written();
  if (there === undefined || seed.sift === undefined || spares.asksProof) return undefined;
  const passes = (shipped: Glance): boolean => {
    const found = there.glance();
    return found !== undefined && spares.isSame(shipped, found, NO_NAME, noHash);
  };
  try {
    seed.enter(path);
    const sifted = seed.sift({ name: there.name, passes }, enterVolume);
    if (sifted !== undefined) spares.count(sifted.passed);
    return sifted?.left;
  } catch (error) {
    return unlessOurs(error);
  }
}

/** Undefined for what the kernel said. Rethrows anything else. */
function unlessOurs(error: unknown): undefined {
  if (error instanceof Refused || error instanceof Interrupted || codeOf(error) === undefined) throw error;
}
