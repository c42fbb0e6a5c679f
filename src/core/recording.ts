/** Keeps the base true to what a run really did: what failed, or was changed meanwhile, is recorded as it was before. */
import { basedOn, isProven, isSameBased, proofOf, type Base, type Based, type Proof } from './base.ts';
import type { Entry } from './entry.ts';
import type { RelPath } from './path.ts';
import type { Change, Plan, Removal } from './plan.ts';

/** What is known of new content since it was written. */
export interface Made {
  readonly proof: Proof;
  /** In hex; undefined where it was not taken. */
  readonly sha256: string | undefined;
}

interface Done {
  readonly change: Change;
  readonly proof: Proof | undefined;
  readonly sha256: string | undefined;
}

export class Recording {
  readonly #done: Done[] = [];
  readonly #removed = new Set<RelPath>();

  /** @param placed the entry under its own name, where its ctime has moved since it was made. */
  done(change: Change, made: Made | undefined, placed: Entry | undefined): void {
    const proof = placed === undefined ? made?.proof : isAsMade(placed, change) ? proofOf(placed) : undefined;
    this.#done.push({ change, proof, sha256: made?.sha256 });
  }

  removed({ path }: Removal): void {
    this.#removed.add(path);
  }

  get isEmpty(): boolean {
    return this.#done.length === 0 && this.#removed.size === 0;
  }

  /**
   * Brings a base up to date.
   * @param run its id, for what is noted for the first time.
   * @returns whether anything of it has changed.
   */
  apply(base: Base, { changes, removals, basing }: Plan, run: string): boolean {
    let changed = false;
    const set = (path: RelPath, based: Based | undefined): void => {
      const before = base.get(path);
      if (based === undefined) {
        if (before === undefined) return;
        base.delete(path);
      } else {
        if (before !== undefined && isSameBased(before, based)) return;
        base.set(path, since(based, run));
      }
      changed = true;
    };
    if (basing.size > 0) {
      const planned = new Set([...changes, ...removals].map(({ path }) => path));
      const done = new Set(this.#done.map(({ change }) => change.path));
      const failed = new Set(changes.filter(({ path }) => !done.has(path)).map(({ from, path }) => from ?? path));
      for (const [path, based] of basing) if (!planned.has(path) && !failed.has(path)) set(path, based);
    }
    if (basing.size === 0 && base.size === 0) return this.#begin(base);
    for (const path of this.#removed) set(path, undefined);
    for (const done of this.#done) {
      const { path, from } = done.change;
      if (from !== undefined) continue;
      const based = seededWith(done, basing.get(path), base.get(path));
      if (based !== undefined) set(path, based);
    }
    return changed;
  }

  /** A first seeding, where there is nothing to compare with. */
  #begin(base: Base): boolean {
    for (const done of this.#done) {
      if (done.change.from !== undefined) continue;
      const based = seededWith(done, undefined, undefined);
      if (based !== undefined) base.set(done.change.path, based);
    }
    return base.size > 0;
  }
}

/**
 * Notes in the base, before anything is touched, what takes two steps: a directory that makes way for a file or link, or the
 * reverse. Killed between the two, the path is missing, and nobody has deleted it.
 * @returns whether anything had to be noted.
 */
export function noteReplacing(base: Base, { changes }: Plan): boolean {
  let noted = false;
  for (const { path, verb, old, new: wanted } of changes) {
    const based = base.get(path);
    if (verb !== 'replace' || based === undefined) continue;
    if ((old?.kind === 'directory') === (wanted.kind === 'directory') || based.replacing === true) continue;
    base.set(path, { ...based, replacing: true });
    noted = true;
  }
  return noted;
}

/** Nobody has written to it between the publishing and the look: that would have moved its mtime. */
function isAsMade(placed: Entry, { verb, new: wanted, old, fix }: Change): boolean {
  const time = verb === 'attributes' && fix?.time !== true ? old : wanted;
  const file = verb === 'attributes' ? old : wanted;
  if (placed.kind !== 'file' || file?.kind !== 'file' || placed.size !== file.size || time === undefined) return false;
  // A time is set by a double, to the microsecond.
  return placed.seconds === time.seconds && Math.abs(placed.nanoseconds - time.nanoseconds) < 1000;
}

/** @param planned what `merge` wants recorded; its attributes are the image's, whatever was given to the file. */
function seededWith(done: Done, planned: Based | undefined, before: Based | undefined): Based | undefined {
  const { change, proof, sha256 } = done;
  if (change.verb === 'attributes' && planned === undefined) {
    if (before === undefined || change.old === undefined) return undefined;
    const { mode, uid, gid } = change.new;
    const stillProven = isProven(change.old, before.volume);
    return { ...before, mode, uid, gid, volume: stillProven ? proof : before.volume };
  }
  const offer = before?.offer;
  if (planned === undefined) {
    const based = basedOn(change.new, sha256 ?? '', proof);
    return offer === undefined ? based : { ...based, offer };
  }
  const content = planned.kind === 'file' ? (sha256 ?? planned.content) : planned.content;
  // What is corrected and has no proof was edited: it has none afterwards.
  const proven = planned.kind === 'file' && (change.verb !== 'attributes' || planned.volume !== undefined);
  return { ...planned, content, volume: proven ? proof : undefined };
}

function since(based: Based, run: string): Based {
  return based.offer?.since === '' ? { ...based, offer: { ...based.offer, since: run } } : based;
}
