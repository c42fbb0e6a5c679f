/** What becomes of NAME.volseed-new, where the image's version of a path in conflict is placed. */
import type { Offer } from './base.ts';
import type { Entry, File, Link } from './entry.ts';

/** What the volume has at NAME.volseed-new. */
export interface Beside {
  readonly entry: Entry | undefined;
  /** SHA-256 of a file. */
  readonly hash: string | undefined;
  /** The volume's file system takes no name so long: nothing is there, and nothing can be. */
  readonly isTooLong?: boolean;
}

/**
 * place: the image's version goes there. leave: it was placed, and is there, edited, or gone, as somebody wants it.
 * occupied: somebody else's is there. too long: no file can have that name. remove: it is of no use any more, and nobody edited it.
 */
export type Offering = 'place' | 'leave' | Unplaced | 'remove';
export type Unplaced = 'occupied' | 'too long';

/** @param seed the version to be offered; undefined where there is no conflict any more. */
export function offering(before: Offer | undefined, seed: Omit<Offer, 'since'> | undefined, beside: Beside): Offering {
  const unedited = before !== undefined && holds(beside, before);
  if (seed === undefined) return unedited ? 'remove' : 'leave';
  if (before?.kind === seed.kind && before.content === seed.content) return 'leave';
  if (beside.isTooLong === true) return 'too long';
  if (beside.entry === undefined || unedited) return 'place';
  // Placed by a run that died before it could note it.
  return holds(beside, seed) ? 'leave' : 'occupied';
}

export function contentOf(seed: File | Link, hash: string): Omit<Offer, 'since'> {
  return seed.kind === 'link' ? { kind: 'link', content: seed.target } : { kind: 'file', content: hash };
}

function holds({ entry, hash }: Beside, { kind, content }: Omit<Offer, 'since'>): boolean {
  if (entry?.kind !== kind) return false;
  return entry.kind === 'link' ? entry.target === content : hash === content;
}
