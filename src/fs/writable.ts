/** Without root: a directory of ours that we may not write is opened for the work and closed again, as rsync does. */
import type { Identity } from '../core/identity.ts';
import type { RelPath } from '../core/path.ts';
import type { Anchor } from './anchor.ts';
import { byHandle, lookAt } from './disk.ts';

/** Directories of ours that were opened for the work, with the mode to give back. */
export class Unlocked extends Map<RelPath, number> {}

/** Opens the directory that the anchor is in, if need be; tells the mode it had, or undefined where nothing was to do. */
export function makeWritable(anchor: Anchor, self: Identity): number | undefined {
  if (self.privileged) return undefined;
  const { mode, uid } = lookAt(anchor.descriptor);
  if (uid !== self.uid || (mode & 0o700) === 0o700) return undefined;
  byHandle.changeMode(anchor.descriptor, mode | 0o700);
  return mode;
}

/** The same around one piece of work. */
export async function withWritable(
  anchor: Anchor,
  path: RelPath,
  self: Identity,
  work: () => Promise<void>,
): Promise<void> {
  const mode = makeWritable(anchor, self);
  try {
    await work();
  } finally {
    if (mode !== undefined) {
      anchor.moveTo(path);
      byHandle.changeMode(anchor.descriptor, mode);
    }
  }
}

/** Closes what is still open, where a run ended before it published. */
export function closeAgain(volume: Anchor, opened: Map<RelPath, number>): void {
  for (const [path, mode] of [...opened].toReversed()) {
    try {
      volume.moveTo(path);
      byHandle.changeMode(volume.descriptor, mode);
    } catch {
      // Gone, or swapped: it is not the directory that was opened.
    }
    opened.delete(path);
  }
}
