/** The ordered list of changes, and what is kept and why. Pure data: printing it is `plan`, applying it is `sync`. */
import type { Based } from './base.ts';
import type { Directory, Entry, File, Link } from './entry.ts';
import { isBelow, type RelPath } from './path.ts';
import type { Fix, KeptReason, Reason, RemovalReason } from './reconcile.ts';

export interface Change {
  readonly path: RelPath;
  readonly verb: 'create' | 'replace' | 'attributes';
  /** What the volume had when the plan was made, to be looked at again before it is touched. */
  readonly old: Entry | undefined;
  /** What it is to have. */
  readonly new: Directory | File | Link;
  readonly reason: Reason;
  readonly fix?: Fix;
  /** The path of the seed that the content is from, where it is another. */
  readonly from?: RelPath;
}

/** A path that is to go. A directory goes only when nothing is left in it. */
export interface Removal {
  readonly path: RelPath;
  readonly old: Entry;
  readonly reason: RemovalReason;
}

export interface Kept {
  readonly path: RelPath;
  readonly reason: KeptReason;
}

/** What went wrong at one path, while the rest went on. */
export interface Problem {
  readonly path: RelPath;
  /**
   * failed: it could not be done (23). blocked: the volume has something in the way (23, once it is more than a plan).
   * vanished: the seed's file was gone when it was to be read (24, where nothing worse happened). passed over: no failure.
   */
  readonly kind: 'failed' | 'blocked' | 'vanished' | 'passed over';
  /** The rest of a sentence that begins with the path, with the way out where there is one. */
  readonly message: string;
}

export interface Plan {
  /** Depth first, byte order in each directory: a directory stands before all that is in it. */
  readonly changes: readonly Change[];
  /** Done before the changes, each path before the directory that it is in. */
  readonly removals: readonly Removal[];
  readonly kept: readonly Kept[];
  readonly problems: readonly Problem[];
  /** How many paths are as they should be. */
  readonly same: number;
  /** What becomes of the base, whatever is done; undefined where it is forgotten. Paths that nothing is new of are not in it. */
  readonly basing: ReadonlyMap<RelPath, Based | undefined>;
  /** How many paths of the base the seed no longer has. */
  readonly lost: number;
  /** Directories whose mtime a change inside them would move. */
  readonly directories: ReadonlyMap<RelPath, Holder>;
}

/** A directory that something is changed in, as it is to be afterwards: like the seed's, or, out of the plan's care, as it was. */
export interface Holder {
  readonly wanted: Directory;
  readonly managed: boolean;
}

/** A plan that finds everything as it should be. */
export function idlePlan(same: number): Plan {
  return {
    changes: [],
    removals: [],
    kept: [],
    problems: [],
    same,
    lost: 0,
    basing: new Map(),
    directories: new Map(),
  };
}

/** Whether there is anything to do. */
export function isIdle({ changes, removals }: Plan): boolean {
  return changes.length === 0 && removals.length === 0;
}

/** A change to one name of the volume, with all that comes with it when it is a new directory: published by one rename. */
export interface Unit {
  readonly top: Change;
  readonly below: readonly Change[];
}

/** The changes that bring new content, each new directory with all below it as one. */
export function unitsOf(changes: readonly Change[]): Unit[] {
  const units: { top: Change; below: Change[] }[] = [];
  for (const change of changes) {
    const last = units.at(-1);
    if (last !== undefined && last.top.new.kind === 'directory' && isBelow(change.path, last.top.path))
      last.below.push(change);
    else if (change.verb !== 'attributes') units.push({ top: change, below: [] });
  }
  return units;
}

/**
 * What a plan wants of the volume's file system before the first write.
 * @param block bytes: what a file takes is a multiple of it.
 */
export function needsOf(plan: Plan, block: number): { readonly bytes: number; readonly inodes: number } {
  let bytes = 0;
  let inodes = 0;
  for (const change of plan.changes) {
    if (change.verb === 'attributes') continue;
    inodes++;
    if (change.new.kind === 'file') bytes += Math.ceil(change.new.size / block) * block;
    if (change.new.kind === 'directory') bytes += block;
  }
  return { bytes, inodes };
}
