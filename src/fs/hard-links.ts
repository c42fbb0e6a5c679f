/**
 * The files of the volume that have several names (hard links). To take one of the names away moves the ctime that the others show,
 * and so does a correction: they are then no longer what the plan saw, though nobody else was there. So right afterwards another one is
 * looked at, and what it shows is what is expected of all the names that are still to come.
 */
import type { Entry } from '../core/entry.ts';
import { codeOf } from '../core/errors.ts';
import { nameOf, parentOf, type RelPath } from '../core/path.ts';
import type { Plan } from '../core/plan.ts';
import type { Anchor } from './anchor.ts';
import { look } from './look.ts';

export class HardLinks {
  readonly #plan: Plan;
  readonly #volume: Anchor;
  /** The paths of the plan that are still to come, by the inode that was there; made where the first is asked for. */
  #paths: Map<string, Set<RelPath>> | undefined;
  /** What an inode has become by what was done to it here. */
  readonly #become = new Map<string, Entry>();

  constructor(plan: Plan, volume: Anchor) {
    this.#plan = plan;
    this.#volume = volume;
  }

  /** What is to be found where the plan saw an entry, if nobody else was there. */
  expected(old: Entry): Entry {
    return isLinked(old) ? (this.#become.get(keyOf(old)) ?? old) : old;
  }

  /** To be told right after something was done to what the plan saw at a path. May leave another working directory. */
  changed(path: RelPath, old: Entry | undefined): void {
    if (old === undefined || !isLinked(old)) return;
    const key = keyOf(old);
    const others = (this.#paths ??= pathsByInode(this.#plan)).get(key);
    others?.delete(path);
    for (const other of others ?? []) {
      const found = this.#look(other);
      if (found !== undefined && keyOf(found) === key) {
        // RACE: what somebody writes between what was done and this look, keeping size and mtime, is not seen; microseconds.
        if (isAsLeft(found, this.expected(old))) this.#become.set(key, found);
        return;
      }
      others?.delete(other);
    }
  }

  /** Undefined also where it cannot be looked at: then it is found out when its turn comes. */
  #look(path: RelPath): Entry | undefined {
    try {
      this.#volume.moveTo(parentOf(path));
      return look(nameOf(path));
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      return undefined;
    }
  }
}

function isLinked({ kind, witness }: Entry): boolean {
  return kind !== 'directory' && witness.links > 1;
}

function keyOf({ witness: { device, inode } }: Entry): string {
  return `${device}:${inode}`;
}

function pathsByInode({ changes, removals }: Plan): Map<string, Set<RelPath>> {
  const paths = new Map<string, Set<RelPath>>();
  for (const { path, old } of [...removals, ...changes]) {
    if (old === undefined || !isLinked(old)) continue;
    const others = paths.get(keyOf(old));
    if (others === undefined) paths.set(keyOf(old), new Set([path]));
    else others.add(path);
  }
  return paths;
}

/** Whether no more than a name was taken from it. What holds no content is whatever it became: nothing of it can be lost. */
function isAsLeft(found: Entry, before: Entry): boolean {
  if (found.kind !== 'file' || before.kind !== 'file') return found.kind === before.kind;
  // A name that was put away for a moment, or that a network file system hides, still counts.
  const lost = before.witness.links - found.witness.links;
  return (
    (lost === 0 || lost === 1) &&
    found.size === before.size &&
    found.seconds === before.seconds &&
    found.nanoseconds === before.nanoseconds &&
    found.mode === before.mode &&
    found.uid === before.uid &&
    found.gid === before.gid
  );
}
