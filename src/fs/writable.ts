/** Without root: a directory of ours that we may not write is opened for the work and closed again, as rsync does. */
import type { Identity } from '../core/identity.ts';
import { codeOf } from '../core/errors.ts';
import { nameOf, parentOf, type RelPath } from '../core/path.ts';
import type { Anchor } from './anchor.ts';
import { byHandle, close, openHandle } from './disk.ts';
import { lookAt } from './look.ts';

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

/**
 * Goes to a directory of the volume, and opens it on the way where it is ours and closed to ourselves (mode 0, without root).
 * @returns the mode it had, where it was opened.
 */
export function moveInto(anchor: Anchor, path: RelPath): number | undefined {
  try {
    anchor.moveTo(path);
    return undefined;
  } catch (error) {
    if (codeOf(error) !== 'EACCES') throw error;
    const mode = openFromAbove(anchor, path);
    if (mode === undefined) throw error;
    anchor.moveTo(path);
    return mode;
  }
}

/** Undefined where it is not ours to open. */
function openFromAbove(anchor: Anchor, path: RelPath): number | undefined {
  anchor.moveTo(parentOf(path));
  const handle = openHandle(nameOf(path));
  try {
    const { mode } = lookAt(handle);
    byHandle.changeMode(handle, mode | 0o700);
    return mode;
  } catch (error) {
    if (codeOf(error) === 'EPERM') return undefined;
    throw error;
  } finally {
    close(handle);
  }
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
