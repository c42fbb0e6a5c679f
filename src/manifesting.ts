/**
 * `manifest`, where an image is built: lists the seed with the hash of every file, adds what earlier images shipped, and puts the
 * list into the seed.
 *
 * Fail: what cannot be read is named, and there is no new manifest; the one that was there stays, and will not be believed.
 */
import type { Settings } from './config/settings.ts';
import type { Context } from './core/context.ts';
import { isSame, isTime, type File } from './core/entry.ts';
import { codeOf, EXIT, explain, UsageError, VolumeError } from './core/errors.ts';
import { encodeManifest, pastOf, type Recorded } from './core/manifest-writing.ts';
import { Manifest, sourceOf } from './core/manifest.ts';
import { Damaged } from './core/octets.ts';
import { displayText, nameOf, parentOf, type RelPath } from './core/path.ts';
import type { Pulse } from './core/pulse.ts';
import { count, sizeOf } from './core/words.ts';
import { close } from './fs/disk.ts';
import { lookAt } from './fs/look.ts';
import { sha256 } from './fs/hash.ts';
import { MANIFEST_NAME, openManifestAt, sweepManifest, tools, writeManifest } from './fs/manifest-file.ts';
import { scan, type Visitor } from './fs/scan.ts';
import { DirectorySeed, SeedChanged } from './fs/seed.ts';
import { openSource, passedOver } from './fs/trees.ts';
import { Account } from './report/account.ts';

type History = Map<RelPath, Set<string>>;

/** Returns the exit code. Throws `UsageError` where an earlier manifest is none, `VolumeError` where the seed cannot be written to. */
export async function manifest(settings: Settings, { log, pulse }: Context): Promise<number> {
  const history = historyOf(settings.history);
  const [place] = settings.seeds;
  if (place === undefined) throw new UsageError('manifest needs a seed: --source DIR');
  const { source } = place;
  const { imageVersion } = settings;
  const anchor = openSource(place);
  try {
    const account = new Account(log, 'Manifest');
    change(source, () => sweepManifest(anchor));
    const seed = new DirectorySeed(anchor);
    const recorded = await record(seed, passedOver(settings), pulse, account.problem);
    if (account.exitCode !== EXIT.done) {
      log.write('error', 'No manifest was written: a manifest that leaves something out would be no help.');
      return EXIT.partial;
    }
    const { root } = seed;
    const bytes = encodeManifest({ version: imageVersion, root, recorded, history }, tools);
    change(source, () => writeManifest(anchor, bytes));
    const { digest } = new Manifest(sourceOf(bytes), tools);
    const earlier = pastOf(recorded, history).reduce((sum, [, versions]) => sum + versions.length, 0);
    const line =
      `Wrote ${displayText(`${source}/${MANIFEST_NAME}`)}: ${count(recorded.length, 'path')} in ${sizeOf(bytes.length)}, ` +
      `${count(earlier, 'earlier version')}, digest ${digest}.`;
    const fields = { event: 'manifest', paths: recorded.length, bytes: bytes.length, earlier, digest };
    log.write('info', line, { ...fields, version: imageVersion });
    return EXIT.done;
  } finally {
    anchor.close();
  }
}

/** Every path of the seed, with the hash of every file. What cannot be read is a problem. */
async function record(
  seed: DirectorySeed,
  ignored: (path: RelPath) => boolean,
  pulse: Pulse,
  problem: Visitor['problem'],
): Promise<Recorded[]> {
  const recorded: Recorded[] = [];
  await scan({ seed, volume: undefined, passedOver: ignored, unlocked: undefined }, pulse, {
    asksContent: () => false,
    visit: ({ path, seed: entry }) => {
      recorded.push({ path, entry, sha256: undefined });
      if (entry.kind === 'other')
        problem({ path, kind: 'passed over', message: 'is a FIFO, socket or device in the seed; passed over' });
      return 'seed';
    },
    problem,
  });
  const hashed: Recorded[] = [];
  for (const each of recorded) {
    if (each.entry.kind !== 'file') {
      hashed.push(each);
      continue;
    }
    try {
      hashed.push({ ...each, sha256: await hashOf(seed, each.path, each.entry, pulse) });
    } catch (error) {
      if (codeOf(error) === undefined && !(error instanceof SeedChanged)) throw error;
      const message = error instanceof SeedChanged ? error.message : `cannot be read: ${explain(error)}`;
      problem({ path: each.path, kind: 'failed', message });
    }
  }
  return hashed;
}

async function hashOf(seed: DirectorySeed, path: RelPath, entry: File, pulse: Pulse): Promise<string> {
  seed.enter(parentOf(path));
  const descriptor = seed.open(nameOf(path));
  try {
    const hash = await sha256(descriptor, pulse);
    const found = lookAt(descriptor);
    if (!isSame(entry, found) || !isTime(entry, found))
      throw new SeedChanged('changed while it was read; run again once the seed is at rest');
    return hash;
  } finally {
    close(descriptor);
  }
}

/** All that earlier manifests know of. */
function historyOf(paths: readonly string[]): History {
  const history: History = new Map();
  const add = (path: RelPath, hash: string): void => {
    const known = history.get(path);
    if (known === undefined) history.set(path, new Set([hash]));
    else known.add(hash);
  };
  for (const at of paths) {
    try {
      const { manifest: earlier, close: release } = openManifestAt(at);
      try {
        earlier.validate();
        for (const { path, sha256: hash } of earlier.hashes()) add(path, hash);
        for (const [path, hashes] of earlier.history) for (const hash of hashes) add(path, hash);
      } finally {
        release();
      }
    } catch (error) {
      const why = error instanceof Damaged ? error.message : `cannot be read: ${explain(error)}`;
      if (!(error instanceof Damaged) && codeOf(error) === undefined) throw error;
      throw new UsageError(
        `--history: ${displayText(at)} ${why}; name a manifest that volseed manifest wrote, or the directory that it lies in`,
        { cause: error },
      );
    }
  }
  return history;
}

function change(source: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    const shown = displayText(source);
    throw new VolumeError(
      `the manifest cannot be written to ${shown}: ${explain(error)}; run volseed manifest where the image is built`,
      { cause: error },
    );
  }
}
