/**
 * Moves what is staged into place, one rename for each unit, and corrects attributes. Before each path is touched it is looked
 * at again: one that is not what the plan saw was changed meanwhile by somebody else, and is kept.
 *
 * Fail: what was published stays; each name has its old content or its new, whole; the next run does the rest.
 */
import type { Attributes, Entry } from '../core/entry.ts';
import { isSame } from '../core/entry.ts';
import { codeOf, explain } from '../core/errors.ts';
import type { Identity } from '../core/identity.ts';
import { nameOf, parentOf, ROOT, type Name, type RelPath } from '../core/path.ts';
import type { Fix } from '../core/reconcile.ts';
import type { Change, Holder, Plan, Problem, Removal, Unit } from '../core/plan.ts';
import type { Pulse } from '../core/pulse.ts';
import { ONE_NAME } from '../core/words.ts';
import type { Anchor } from './anchor.ts';
import { ALL_ATTRIBUTES, applyFix, giveBackTime, handleDoor, setAttributes } from './attributes.ts';
import {
  byHandle,
  isMissing,
  list,
  moveWithoutReplacing,
  NO_HARD_LINKS,
  removeDirectory,
  removeFile,
  rename,
} from './disk.ts';
import type { HardLinks } from './hard-links.ts';
import { look, lookAt } from './look.ts';
import type { Staged } from './stage.ts';
import { openToFlush, type Opener } from './flush.ts';
import { patiently } from './patience.ts';
import { makeWritable } from './writable.ts';

export interface Publication {
  readonly volume: Anchor;
  readonly self: Identity;
  readonly pulse: Pulse;
  /** A name in the stage to put away what is being replaced. */
  readonly trash: () => string;
  /** Told after each, in the order of the plan; with what is now there, of a file that was moved or corrected by itself. */
  readonly done: (change: Change, placed?: Entry) => void;
  readonly removed: (removal: Removal) => void;
  readonly kept: (path: RelPath, reason: 'changed meanwhile' | 'not empty') => void;
  readonly problem: (problem: Problem) => void;
  /** Directories that were opened for the work, with the mode to give back; what has been closed again is taken out. */
  readonly opened: Map<RelPath, number>;
  /** Of the whole plan, also where what a rename could not move is published later. */
  readonly hardLinks: HardLinks;
}

const ATTRIBUTES = 'its attributes cannot be set';

/** What a rename, link or rmdir says when somebody else's entry appeared since the look. */
const THERE_FIRST = new Set(['EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'EISDIR']);

/** taken: it is there, and not in the list of its directory: another name is taken for it. */
type Outcome = 'done' | 'changed' | 'crossing' | 'taken';

export interface Published {
  /** Units that a rename could not move (another file system after all): to be staged beside their names. */
  readonly crossing: readonly Unit[];
  /** The directories whose entries changed, to be flushed. */
  readonly touched: readonly Opener[];
}

export async function publish(plan: Plan, staged: readonly Staged[], context: Publication): Promise<Published> {
  const work = new Work(context);
  const byTop = new Map(staged.map((item) => [item.unit.top.path, item]));
  try {
    for (const removal of plan.removals) {
      if (context.pulse.due()) await context.pulse.beat();
      work.remove(removal);
    }
    for (const change of plan.changes) {
      if (context.pulse.due()) await context.pulse.beat();
      const item = byTop.get(change.path);
      if (item !== undefined) work.move(item);
      else if (change.verb === 'attributes') work.correct(change);
    }
  } finally {
    work.finish(plan.directories);
  }
  return { crossing: work.crossing, touched: work.touched() };
}

class Work {
  readonly #context: Publication;
  /** Directories that something was moved into, or that were corrected: their mtime has moved, or their mode must be set. */
  readonly #touched = new Set<RelPath>();
  readonly crossing: Unit[] = [];

  constructor(context: Publication) {
    this.#context = context;
  }

  move({ unit, from, aside, lateMode }: Staged): void {
    const { top, below } = unit;
    this.#attempt(
      top,
      (repeated) => {
        const directory = parentOf(top.path);
        const name = nameOf(top.path);
        this.#enter(directory);
        const found = look(name);
        const placed = repeated && isPlaced(from, found, top);
        // What takes two steps was held up between them.
        const twoSteps = (top.old?.kind === 'directory') !== (top.new.kind === 'directory');
        const cleared = repeated && found === undefined && twoSteps;
        if (!placed && !cleared && !this.#isExpected(found, top.old))
          return top.old === undefined && !list().includes(name) ? 'taken' : 'changed';
        this.#touched.add(directory);
        const change = cleared ? { ...top, old: undefined } : top;
        const placing = placed ? 'done' : this.#place(from, name, change, aside);
        if (placing === 'crossing') {
          this.crossing.push(unit);
          return placing;
        }
        if (placing === 'changed') return placing;
        const late = lateMode ? look(name) : undefined;
        if (late !== undefined) applyFix(name, top.new, { mode: true, owner: false, time: false }, late);
        return 'done';
      },
      below,
    );
  }

  remove(removal: Removal): void {
    const { path, old } = removal;
    this.#guard(path, 'cannot be removed', (repeated) => {
      const name = nameOf(path);
      this.#enter(parentOf(path));
      const found = look(name);
      if (found === undefined) return repeated ? this.#isRemoved(removal) : undefined;
      if (!this.#isExpected(found, old)) return this.#context.kept(path, 'changed meanwhile');
      this.#touched.add(parentOf(path));
      try {
        // RACE: what is written to the file between the look and this is lost with it; microseconds.
        if (found.kind === 'directory') removeDirectory(name);
        else removeFile(name);
      } catch (error) {
        if (codeOf(error) !== 'ENOTEMPTY') throw error;
        return this.#context.kept(path, 'not empty');
      }
      this.#touched.delete(path);
      this.#context.opened.delete(path);
      this.#isRemoved(removal);
    });
  }

  #isRemoved(removal: Removal): void {
    this.#context.hardLinks.changed(removal.path, removal.old);
    this.#context.removed(removal);
  }

  correct(change: Change): void {
    const { path, old, new: wanted, fix } = change;
    this.#attempt(change, () => {
      if (path === ROOT) return this.#correctRoot(wanted, fix ?? ALL_ATTRIBUTES);
      const name = nameOf(path);
      this.#enter(parentOf(path));
      const found = look(name);
      if (!this.#isExpected(found, old) || found === undefined || fix === undefined) return 'changed';
      if (wanted.kind === 'directory') this.#touched.add(path);
      if (fix.mode) this.#context.opened.delete(path);
      return applyFix(name, wanted, fix, found) ? 'done' : 'changed';
    });
  }

  /** Gives every touched directory the mtime it is to have, and closes what was opened. Deepest first. */
  finish(directories: ReadonlyMap<RelPath, Holder>): void {
    const paths = new Set([...this.#touched, ...this.#context.opened.keys()]);
    let fatal: unknown;
    for (const path of [...paths].toSorted().toReversed()) {
      try {
        this.#close(path, directories.get(path));
      } catch (error) {
        fatal ??= error;
      }
    }
    if (fatal !== undefined) throw fatal;
  }

  #close(path: RelPath, holder: Holder | undefined): void {
    const mode = this.#context.opened.get(path);
    this.#guard(path, ATTRIBUTES, () => {
      this.#context.volume.moveTo(path);
      const { descriptor } = this.#context.volume;
      const found = lookAt(descriptor);
      if (holder?.managed === true && found.seconds !== holder.wanted.seconds)
        byHandle.changeTime(descriptor, holder.wanted);
      if (holder?.managed === false) giveBackTime(descriptor, holder.wanted);
      if (mode !== undefined) byHandle.changeMode(descriptor, mode);
      this.#context.opened.delete(path);
    });
  }

  touched(): Opener[] {
    const { volume } = this.#context;
    return [...this.#touched].map((path) => () => {
      try {
        volume.moveTo(path);
      } catch (error) {
        // Of a directory that made way, and whose successor could not be placed, there is nothing to flush.
        if (isMissing(error)) return undefined;
        throw error;
      }
      return openToFlush('.');
    });
  }

  #correctRoot(wanted: Attributes, fix: Fix): Outcome {
    this.#context.volume.moveTo(ROOT);
    const { descriptor } = this.#context.volume;
    setAttributes(handleDoor(descriptor), lookAt(descriptor), wanted, fix);
    this.#touched.add(ROOT);
    return 'done';
  }

  #enter(directory: RelPath): void {
    const { volume, self, opened } = this.#context;
    volume.moveTo(directory);
    const mode = makeWritable(volume, self);
    if (mode !== undefined && !opened.has(directory)) opened.set(directory, mode);
  }

  /** changed: somebody was there first. crossing: it is another file system after all (a project quota, for one). */
  #place(from: string, name: Name, { path, old, new: wanted }: Change, aside: boolean): Outcome {
    try {
      if (old === undefined) create(from, name, wanted.kind === 'directory');
      else if (old.kind === 'directory') {
        removeDirectory(name);
        // It is none any more, whatever comes of what takes its place, and not to be closed again.
        this.#touched.delete(path);
        this.#context.opened.delete(path);
        create(from, name, false);
      } else if (wanted.kind === 'directory') this.#replaceByDirectory(from, name, aside);
      // RACE: what is written to the old file between the look and this rename is lost with it; microseconds.
      else rename(from, name);
      return 'done';
    } catch (error) {
      if (THERE_FIRST.has(codeOf(error) ?? '')) return 'changed';
      if (codeOf(error) === 'EXDEV' && aside) return 'crossing';
      throw error;
    }
  }

  /** A directory cannot be renamed over a file: that is put away first, and brought back if need be. */
  #replaceByDirectory(from: string, name: Name, aside: boolean): void {
    if (!aside) {
      removeFile(name);
      return rename(from, name);
    }
    const old = this.#context.trash();
    rename(name, old);
    try {
      rename(from, name);
    } catch (error) {
      rename(old, name);
      throw error;
    }
  }

  /** @param below what is done with it. */
  #attempt(change: Change, action: (repeated: boolean) => Outcome, below: readonly Change[] = []): void {
    this.#guard(change.path, change.verb === 'attributes' ? ATTRIBUTES : 'cannot be written', (repeated) => {
      const outcome = action(repeated);
      if (outcome === 'done') {
        const placed = change.new.kind === 'file' ? look(nameOf(change.path)) : undefined;
        this.#context.hardLinks.changed(change.path, change.old);
        this.#context.done(change, placed);
        for (const each of below) this.#context.done(each);
      } else if (outcome === 'changed') this.#context.kept(change.path, 'changed meanwhile');
      else if (outcome === 'taken') this.#context.problem({ path: change.path, kind: 'failed', message: ONE_NAME });
    });
  }

  /** Whether it is what the plan saw, but for what was done to it here under another name. */
  #isExpected(found: Entry | undefined, seen: Entry | undefined): boolean {
    if (found === undefined || seen === undefined) return found === seen;
    return isSame(found, this.#context.hardLinks.expected(seen));
  }

  /** Does one path, and begins it again, by looking at it, where the file system is in trouble for a moment. */
  #guard(path: RelPath, failed: string, action: (repeated: boolean) => void): void {
    try {
      patiently(action);
    } catch (error) {
      if (isFatal(error)) throw error;
      this.#context.problem({ path, kind: 'failed', message: `${failed}: ${explain(error)}` });
    }
  }
}

/** A file or link by link(2), which refuses to replace; a directory by rename(2). */
function create(from: string, name: Name, isDirectory: boolean): void {
  // RACE: an empty directory made between the look and this rename is replaced; nothing is lost with it.
  if (isDirectory) return rename(from, name);
  try {
    moveWithoutReplacing(from, name);
  } catch (error) {
    if (!NO_HARD_LINKS.has(codeOf(error) ?? '')) throw error;
    rename(from, name);
  }
}

/** Whether a rename or link came through though its answer did not: what was staged is gone, or has both names. */
function isPlaced(from: string, found: Entry | undefined, { new: wanted }: Change): boolean {
  if (found?.kind !== wanted.kind) return false;
  const staged = look(from as Name);
  if (staged === undefined) return true;
  const both = staged.witness.inode === found.witness.inode && staged.witness.device === found.witness.device;
  if (both) removeFile(from);
  return both;
}

function isFatal(error: unknown): boolean {
  return ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS'].includes(codeOf(error) ?? '') || codeOf(error) === undefined;
}
