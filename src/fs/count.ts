/** How many files a seed has. */
import { join, ROOT, type Name, type RelPath } from '../core/path.ts';
import type { Pulse } from '../core/pulse.ts';
import type { Seed } from './seed.ts';

/** Regular files, counted at least up to `most`. What cannot be read counts for nothing here: the scan says so. */
export async function countFiles(
  seed: Seed,
  passedOver: (name: Name) => boolean,
  most: number,
  pulse: Pulse,
): Promise<number> {
  // A manifest knows, and holds nothing that is passed over.
  if (seed.totals !== undefined) return seed.totals.files;
  let found = 0;
  const waiting: RelPath[] = [ROOT];
  while (found < most) {
    const directory = waiting.pop();
    if (directory === undefined) break;
    for (const name of namesIn(seed, directory)) {
      if (pulse.due()) await pulse.beat();
      if (directory === ROOT && passedOver(name)) continue;
      seed.enter(directory);
      const kind = quietly(() => seed.look(name))?.kind;
      if (kind === 'directory') waiting.push(join(directory, name));
      if (kind === 'file' && ++found >= most) break;
    }
  }
  return found;
}

/** Whether there is nothing in a seed; one that cannot be read is not empty. */
export function isEmptySeed(seed: Seed, passedOver: (name: Name) => boolean): boolean {
  if (seed.totals !== undefined && seed.totals.files > 0) return false;
  return (
    quietly(() => {
      seed.enter(ROOT);
      return seed.names().every(passedOver);
    }) ?? false
  );
}

function namesIn(seed: Seed, directory: RelPath): Name[] {
  const names = quietly(() => {
    seed.enter(directory);
    return seed.names();
  });
  return names ?? [];
}

function quietly<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
