/** What a run that was ended in its publishing has left, found out: of each path that it was about to change, whether it did. */
import { besideOf, isProven, proofOf, type Base, type Based } from '../core/base.ts';
import type { Entry } from '../core/entry.ts';
import { codeOf } from '../core/errors.ts';
import { isKnown, type Intent } from '../core/intent.ts';
import { join, nameOf, parentOf, type RelPath } from '../core/path.ts';
import type { Pulse } from '../core/pulse.ts';
import type { Anchor } from './anchor.ts';
import { close, openForReading } from './disk.ts';
import { sha256 } from './hash.ts';
import { look } from './look.ts';

/**
 * Brings a base up to date with what the volume shows of it; what cannot be read stays as it was known.
 * @returns whether anything of the base has changed.
 */
export async function heal(base: Base, intent: Intent, volume: Anchor, pulse: Pulse): Promise<boolean> {
  const { corrected, offered, placed, removed } = intent;
  let changed = false;
  const set = (path: RelPath, based: Based): void => {
    base.set(path, based);
    changed = true;
  };
  for (const [directory, entries] of placed.directories())
    for (const [name, based] of entries) {
      if (pulse.due()) await pulse.beat();
      const path = join(directory, name);
      const before = base.get(path);
      if (isKnown(before, based)) continue;
      const at = offered.has(path) ? besideOf(path) : path;
      const found = foundAt(volume, at);
      if (found === undefined) continue;
      if (corrected.has(path)) {
        if (before !== undefined && isCorrected(found, before))
          set(path, { ...before, mode: based.mode, uid: based.uid, gid: based.gid });
      } else if (offered.has(path)) {
        const { kind, content } = based.offer ?? based;
        if (kind === found.kind && (await holds(volume, at, found, content, pulse))) set(path, based);
      } else if (await isPlaced(volume, at, found, based, pulse))
        set(path, { ...based, volume: found.kind === 'file' ? proofOf(found) : undefined });
    }
  for (const path of removed) {
    if (base.get(path) === undefined || foundAt(volume, path) !== undefined) continue;
    base.delete(path);
    changed = true;
  }
  return changed;
}

/** Undefined where nothing is there, or that cannot be told. */
function foundAt(volume: Anchor, path: RelPath): Entry | undefined {
  try {
    volume.moveTo(parentOf(path));
    return look(nameOf(path));
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}

/** Somebody was at it; whether that was the run or a user, an attribute that is not the image's is the user's afterwards. */
function isCorrected(found: Entry, before: Based): boolean {
  return (
    found.kind === before.kind && (found.mode !== before.mode || found.uid !== before.uid || found.gid !== before.gid)
  );
}

async function isPlaced(volume: Anchor, path: RelPath, found: Entry, based: Based, pulse: Pulse): Promise<boolean> {
  if (found.kind !== based.kind) return false;
  if (found.kind === 'file') {
    if (found.size !== based.size) return false;
    if (isProven(found, based.volume)) return true;
    // What was not hashed is told by its time, which is set by a double, to the microsecond.
    if (based.content === '')
      return found.seconds === based.seconds && Math.abs(found.nanoseconds - based.nanoseconds) < 1000;
  }
  return await holds(volume, path, found, based.content, pulse);
}

/** @param content as in `Based`. */
async function holds(volume: Anchor, path: RelPath, found: Entry, content: string, pulse: Pulse): Promise<boolean> {
  if (found.kind === 'link') return found.target === content;
  if (found.kind !== 'file') return true;
  try {
    volume.moveTo(parentOf(path));
    const descriptor = openForReading(nameOf(path));
    try {
      return (await sha256(descriptor, pulse)) === content;
    } finally {
      close(descriptor);
    }
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return false;
  }
}
