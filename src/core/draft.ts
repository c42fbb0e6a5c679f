/** A plan in the making: what was gathered for it, and what still turns on what is found later. */
import { besideOf, type Based } from './base.ts';
import type { Merging, Step } from './merging.ts';
import type { Unplaced } from './offer.ts';
import { isBelow, parentOf, ROOT, type RelPath } from './path.ts';
import type { Change, Holder, Kept, Plan, Problem, Removal } from './plan.ts';

export class Draft {
  readonly changes: Change[] = [];
  readonly kept: Kept[] = [];
  readonly problems: Problem[] = [];
  readonly removals: Removal[] = [];
  readonly directories = new Map<RelPath, Holder>();
  /** Directories that a file or link is to replace under `merge`, if nothing in them is edited; else what is done instead. */
  readonly replacing = new Map<RelPath, Step & Required<Pick<Step, 'otherwise'>>>();
  /** Directories only in the volume, or in the way, that hold something which is to stay. */
  readonly staying = new Set<RelPath>();
  same = 0;
  lost = 0;

  /** What is at the path stays, and so does all above it. */
  stays(path: RelPath): void {
    for (let at = parentOf(path); at !== ROOT; at = parentOf(at)) this.staying.add(at);
  }

  /** Below a directory that a file or link is to replace under `merge`. */
  isReplaced(path: RelPath): boolean {
    if (this.replacing.size === 0) return false;
    for (let at = parentOf(path); at !== ROOT; at = parentOf(at)) if (this.replacing.has(at)) return true;
    return false;
  }

  /** What comes of it once everything is known. */
  settle(merging: Merging | undefined): Plan {
    const blocked = this.#blocked();
    const stays = (path: RelPath): boolean =>
      this.staying.has(path) || [...blocked].some((directory) => isBelow(path, directory));
    const beside = this.#beside(blocked);
    const changes = [
      ...this.changes.filter(({ path }) => !blocked.has(path)),
      ...beside.offers.filter((each) => !isRemoval(each)),
    ];
    const removals = [...this.removals, ...beside.offers.filter(isRemoval)].filter(({ path }) => !stays(path));
    return {
      changes: merging?.withoutClashes(changes) ?? changes,
      removals: (merging?.withoutClashes(removals) ?? removals).toReversed(),
      kept: this.#allKept(blocked),
      basing: this.#basing(blocked, stays, merging),
      lost: this.lost,
      problems: [...this.problems, ...this.#inTheWay(blocked), ...beside.problems],
      same: this.same,
      directories: this.directories,
    };
  }

  /** Directories that were to make way, and hold something that stays. */
  #blocked(): ReadonlySet<RelPath> {
    const replaced = this.changes.filter(({ verb, old }) => verb === 'replace' && old?.kind === 'directory');
    return new Set(replaced.map(({ path }) => path).filter((path) => this.staying.has(path)));
  }

  #inTheWay(blocked: ReadonlySet<RelPath>): Problem[] {
    return [...blocked]
      .filter((path) => !this.replacing.has(path))
      .map((path) => ({ path, kind: 'blocked', message: HOLDS_KEPT }));
  }

  /** What is offered beside a directory that was to be replaced turns on whether it could be. */
  #beside(blocked: ReadonlySet<RelPath>) {
    const sides = [...this.replacing].map(([path, step]) => ({
      path,
      ...(blocked.has(path) ? step.otherwise : step),
    }));
    return {
      offers: sides.flatMap(({ offer }) => offer ?? []),
      problems: sides.flatMap(({ path, unplaced }) => (unplaced === undefined ? [] : unplacedBeside(path, unplaced))),
    };
  }

  #allKept(blocked: ReadonlySet<RelPath>): Kept[] {
    const conflicts = [...blocked].filter((path) => this.replacing.has(path));
    const held = this.removals.filter(({ path, reason }) => reason === 'obsolete' && this.staying.has(path));
    return [
      ...this.kept,
      ...conflicts.map((path): Kept => ({ path, reason: 'conflict' })),
      ...held.map(({ path }): Kept => ({ path, reason: 'not empty' })),
    ];
  }

  #basing(
    blocked: ReadonlySet<RelPath>,
    stays: (path: RelPath) => boolean,
    merging: Merging | undefined,
  ): Map<RelPath, Based | undefined> {
    const basing = new Map(merging?.basing);
    for (const { path } of this.removals) {
      if (!stays(path)) continue;
      const remembered = merging?.remembered(path);
      if (remembered === undefined) basing.delete(path);
      else basing.set(path, remembered);
    }
    for (const path of blocked) {
      const step = this.replacing.get(path);
      if (step !== undefined) basing.set(path, step.otherwise.basing);
    }
    return basing;
  }
}

export function isRemoval(each: Change | Removal): each is Removal {
  return !('verb' in each);
}

export function unplacedBeside(path: RelPath, why: Unplaced): Problem {
  const message = `${UNPLACED[why]}; the image's version of the path in conflict is not placed there`;
  return { path: besideOf(path), kind: 'passed over', message };
}

const UNPLACED: Readonly<Record<Unplaced, string>> = {
  occupied: "is somebody else's or was edited",
  'too long': 'that name is longer than the file system takes',
};

const HOLDS_KEPT =
  'a directory stands in the way and holds what is excluded, or another file system, and stays; move it away and run again';
