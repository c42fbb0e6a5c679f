/** What a run is about to make of a volume: whatever becomes of the run, the next one knows of it what was placed by whom. */
import { Base, basedOn, isSameBased, type Based } from './base.ts';
import type { Makings } from './makings.ts';
import { ROOT, type RelPath } from './path.ts';
import type { Plan } from './plan.ts';
import { seededWith } from './recording.ts';

export interface Intent {
  /** What the base is to know of each path that changes. */
  readonly placed: Base;
  /** Those of them of which only the attributes change. */
  readonly corrected: ReadonlySet<RelPath>;
  /** Those that are kept, and get an offer beside them. */
  readonly offered: ReadonlySet<RelPath>;
  readonly removed: ReadonlySet<RelPath>;
}

/** @param known the base, where the decisions turned on it. */
export function intentOf({ basing, changes, removals }: Plan, makings: Makings, known: Base | undefined): Intent {
  const placed = new Base();
  const corrected = new Set<RelPath>();
  const offered = new Set<RelPath>();
  makings.rewind();
  for (const change of changes) {
    const { from, path, verb } = change;
    if (from !== undefined) {
      const noted = basing.get(from);
      if (noted?.offer === undefined) continue;
      placed.set(from, noted);
      offered.add(from);
    } else if (path !== ROOT) {
      const place = makings.find(change);
      const proof = place === -1 ? undefined : makings.proofAt(place);
      const sha256 = place === -1 ? undefined : makings.hexAt(place);
      const based = seededWith({ change, proof, place, sha256 }, basing.get(path), known?.get(path));
      placed.set(path, based ?? basedOn(change.new, '', undefined));
      if (verb === 'attributes') corrected.add(path);
    }
  }
  makings.rewind();
  return { placed, corrected, offered, removed: new Set(removals.map(({ path }) => path)) };
}

/** Whether a base knows of a path already what it was to. */
export function isKnown(before: Based | undefined, intended: Based): boolean {
  if (before === undefined) return false;
  const { volume, seed } = before;
  return isSameBased(before, { ...intended, volume, seed });
}
