// Manifests for the tests of what reads them.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { encodeManifest, type Contents, type Recorded } from '../../src/core/manifest-writing.ts';
import { nameOf, parentOf } from '../../src/core/path.ts';
import { close } from '../../src/fs/disk.ts';
import { tools, writeManifest } from '../../src/fs/manifest-file.ts';
import { scan } from '../../src/fs/scan.ts';
import { DirectorySeed } from '../../src/fs/seed.ts';
import { anchorAt, still } from './place.ts';

/** Everything a directory holds, as a manifest would have it. */
export async function contentsOf(root: string, over: Partial<Contents> = {}): Promise<Contents> {
  const seed = new DirectorySeed(anchorAt(root));
  const entries: Omit<Recorded, 'sha256'>[] = [];
  await scan({ seed, volume: undefined, passedOver: (at) => at.startsWith('.volseed'), unlocked: undefined }, still, {
    asksContent: () => false,
    visit: ({ path, seed: entry }) => {
      entries.push({ path, entry });
      return 'seed';
    },
    problem: ({ message }) => {
      throw new Error(message);
    },
  });
  const recorded = entries.map(({ path, entry }): Recorded => {
    if (entry.kind !== 'file') return { path, entry, sha256: undefined };
    seed.enter(parentOf(path));
    const descriptor = seed.open(nameOf(path));
    const sha256 = createHash('sha256').update(fs.readFileSync(descriptor)).digest('hex');
    close(descriptor);
    return { path, entry, sha256 };
  });
  return { version: undefined, root: seed.root, recorded, history: new Map(), ...over };
}

/** Gives a directory a manifest of itself, or of what `over` says. */
export async function giveManifest(root: string, over: Partial<Contents> = {}): Promise<void> {
  writeManifest(anchorAt(root), encodeManifest(await contentsOf(root, over), tools));
}
