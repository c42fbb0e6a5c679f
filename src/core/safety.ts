/**
 * What a run must not do without being told to (DESIGN §6). Pure: counts and settings to a refusal, or none.
 *
 *   the seed has fewer files than minSeedFiles                       refused
 *   more would be removed than maxDeletes allows                     refused
 *   maxDeletes is not set, something would be removed, and the
 *     seed has lost more than half of what the base knows            refused
 *   the seed's version is older than the base's, onDowngrade refuse  refused
 */
import { count } from './words.ts';

export const ON_DOWNGRADE = ['allow', 'keep', 'refuse'] as const;
export type OnDowngrade = (typeof ON_DOWNGRADE)[number];

export interface Safety {
  /** Undefined for the rule of the half. */
  readonly maxDeletes: Limit | undefined;
  readonly onDowngrade: OnDowngrade;
  readonly minSeedFiles: number;
}

/** So many paths, or so many of a hundred that the base has. */
export type Limit = { readonly paths: number } | { readonly percent: number };

export interface Counts {
  /** Paths that the plan removes because the seed no longer has them. */
  readonly removed: number;
  /** Paths of the base, and how many of them the seed no longer has. */
  readonly base: number;
  readonly lost: number;
  /** The seed's version, and an older one than the base's. */
  readonly downgrade: boolean;
}

/** @returns why the plan must not be carried out, and the way out; undefined where it may. */
export function refusalOf({ removed, base, lost, downgrade }: Counts, safety: Safety): string | undefined {
  const { maxDeletes, onDowngrade } = safety;
  if (downgrade && onDowngrade === 'refuse')
    return "the image's data is older than what the volume was last seeded with, and onDowngrade is refuse; nothing was touched";
  if (maxDeletes === undefined) {
    if (removed === 0 || lost * 2 <= base) return undefined;
    return `the seed has lost ${lost} of the ${count(base, 'path')} that it had, and ${count(removed, 'path')} would be removed; nothing was touched; is it mounted? --max-deletes allows it`;
  }
  const most = 'paths' in maxDeletes ? maxDeletes.paths : Math.floor((base * maxDeletes.percent) / 100);
  if (removed <= most) return undefined;
  return `${count(removed, 'path')} would be removed, and maxDeletes allows ${most}; nothing was touched; --max-deletes allows more`;
}

/** @param found regular files in one seed, counted no further than what is asked for. */
export function tooFew(found: number, { minSeedFiles }: Safety): string | undefined {
  if (found >= minSeedFiles) return undefined;
  return `has ${count(found, 'file')}, and minSeedFiles asks for ${minSeedFiles}; nothing was touched; is it mounted? --min-seed-files sets another number`;
}

/** `25` or `10%`; undefined where it is neither. */
export function parseLimit(text: string): Limit | undefined {
  const [, number, percent] = /^(\d{1,9})(%?)$/.exec(text) ?? [];
  if (number === undefined) return undefined;
  if (percent === '') return { paths: Number(number) };
  return Number(number) <= 100 ? { percent: Number(number) } : undefined;
}
