/** Removes a tree of volseed's own from an anchored directory, links unfollowed, whoever moves things meanwhile. */
import { codeOf } from '../core/errors.ts';
import type { Name } from '../core/path.ts';
import type { Anchor } from './anchor.ts';
import { byHandle, close, hasProc, isMissing, list, openHandle, removeDirectory, removeFile } from './disk.ts';
import { look, lookAt } from './look.ts';
import { removingOwn } from './patience.ts';

/** Removes what stands at a name of the directory that the anchor is in; no error where nothing does. */
export function removeTree(anchor: Anchor, name: Name): void {
  anchor.here();
  const entry = look(name);
  if (entry === undefined) return;
  try {
    if (entry.kind !== 'directory') return removingOwn(() => removeFile(name));
    enter(anchor, name);
    try {
      for (const below of list()) removeTree(anchor, below);
    } finally {
      anchor.up();
    }
    removingOwn(() => removeDirectory(name));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Without root a directory may be closed to its own owner: ours to open, since it is ours to remove. */
function enter(anchor: Anchor, name: Name): void {
  if (process.geteuid?.() !== 0 && hasProc) {
    const handle = openHandle(name);
    try {
      const { mode, kind } = lookAt(handle);
      if (kind === 'directory' && (mode & 0o700) !== 0o700) byHandle.changeMode(handle, mode | 0o700);
    } catch (error) {
      if (codeOf(error) !== 'EPERM') throw error;
    } finally {
      close(handle);
    }
  }
  anchor.down(name);
}
