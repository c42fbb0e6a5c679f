/**
 * `merge`: a path that nobody edited follows the image, in either direction; one that somebody edited is never overwritten.
 *
 *   base  seed    volume            decision
 *   –     S       –                 create
 *   –     S       S                 adopt as base
 *   –     S       other             shipped by an earlier image → update; else keep, S becomes the base
 *   B     B       B                 nothing
 *   B     S       B                 update
 *   B     B       edited            keep
 *   B     S       S                 adopt
 *   B     S       edited            conflict: keep, and offer S beside it; or keep; or replace
 *   B     B or S  –                 keep deleted; or restore
 *   B     –       B                 obsolete: remove where asked to, else keep
 *   B     –       edited or –       keep as it is, forget the base
 *
 * Type, content and link target decide what an edit is; a touch is none. Pure: what only reading can tell is asked for.
 */
import { attributesFor, isProven, type Based, type KeepsGroup } from './base.ts';
import type { Directory, Entry, File, Link } from './entry.ts';

/** What the decision turns on, and only reading can tell. */
export type Question = 'seed hash' | 'volume hash';

export interface Facts {
  /** SHA-256 in hex, as far as asked for, or known without reading. */
  readonly seedHash?: string | undefined;
  readonly volumeHash?: string | undefined;
}

export const ON_CONFLICT = ['new', 'keep', 'replace'] as const;
export type OnConflict = (typeof ON_CONFLICT)[number];

export interface MergeTerms {
  readonly onConflict: OnConflict;
  readonly restoreDeleted: boolean;
  readonly keepsGroup: KeepsGroup;
  /** Whether an earlier image shipped a file of this content at the path. */
  readonly wasShipped: (sha256: string) => boolean;
}

type Seeded = Directory | File | Link;

export type Merged =
  /** The volume gets the seed's content; `wanted` has the attributes that it is to get. */
  | { readonly verb: 'create' | 'replace'; readonly reason: MergeReason; readonly wanted: Seeded }
  /** Its content is the seed's already; `wanted` has the attributes that it is to have. */
  | { readonly verb: 'adopt'; readonly wanted: Seeded }
  /** to: what becomes of the base. */
  | { readonly verb: 'keep'; readonly reason: MergeKept; readonly to: 'base' | 'seed' };

export type MergeReason = 'missing' | 'image changed' | 'shipped by an earlier image' | 'deleted' | 'conflict';
export type MergeKept = 'edited' | 'deleted' | 'conflict' | 'not from an image';

export function merge(
  base: Based | undefined,
  seed: Seeded,
  volume: Entry | undefined,
  facts: Facts,
  terms: MergeTerms,
): Merged | Question {
  if (volume === undefined) {
    if (base === undefined || base.replacing === true) return { verb: 'create', reason: 'missing', wanted: seed };
    if (terms.restoreDeleted) return { verb: 'create', reason: 'deleted', wanted: seed };
    return { verb: 'keep', reason: 'deleted', to: 'base' };
  }
  return base === undefined ? takeOver(seed, volume, facts, terms) : follow(base, seed, volume, facts, terms);
}

/** A volume that was seeded by somebody else. */
function takeOver(seed: Seeded, volume: Entry, facts: Facts, terms: MergeTerms): Merged | Question {
  if (seed.kind === 'file' && facts.seedHash === undefined) return 'seed hash';
  const same = isSameContent(seed, volume, facts);
  if (typeof same === 'string') return same;
  // Nobody knows who gave it the mode and owner that it has.
  if (same) return { verb: 'adopt', wanted: { ...seed, mode: volume.mode, uid: volume.uid, gid: volume.gid } };
  if (volume.kind === 'file') {
    if (facts.volumeHash === undefined) return 'volume hash';
    if (terms.wasShipped(facts.volumeHash))
      return { verb: 'replace', reason: 'shipped by an earlier image', wanted: seed };
  }
  return { verb: 'keep', reason: 'not from an image', to: 'seed' };
}

function follow(base: Based, seed: Seeded, volume: Entry, facts: Facts, terms: MergeTerms): Merged | Question {
  const unedited = isUnedited(base, volume, facts.volumeHash);
  if (typeof unedited === 'string') return unedited;
  const unchanged = isUnchanged(base, seed, unedited, facts);
  if (typeof unchanged === 'string') return unchanged;
  const wanted = attributesFor(base, seed, volume, terms.keepsGroup);
  if (unedited) return unchanged ? { verb: 'adopt', wanted } : { verb: 'replace', reason: 'image changed', wanted };
  if (unchanged) return { verb: 'keep', reason: 'edited', to: 'base' };
  const same = isSameContent(seed, volume, facts);
  if (typeof same === 'string') return same;
  if (same) return { verb: 'adopt', wanted };
  if (terms.onConflict === 'replace') return { verb: 'replace', reason: 'conflict', wanted: seed };
  return { verb: 'keep', reason: 'conflict', to: 'base' };
}

/** Whether the volume still has what it was seeded with. */
export function isUnedited(base: Based, volume: Entry, volumeHash: string | undefined): boolean | 'volume hash' {
  if (base.kind !== volume.kind) return false;
  if (volume.kind === 'link') return volume.target === base.content;
  if (volume.kind !== 'file') return true;
  if (volume.size !== base.size) return false;
  if (isProven(volume, base.volume)) return true;
  // It was never read: nothing can prove it any more.
  if (base.content === '') return false;
  return volumeHash === undefined ? 'volume hash' : volumeHash === base.content;
}

/** Whether the image still ships what the volume was seeded with. */
function isUnchanged(base: Based, seed: Seeded, unedited: boolean, facts: Facts): boolean | Question {
  if (base.kind !== seed.kind) return false;
  if (seed.kind === 'link') return seed.target === base.content;
  if (seed.kind !== 'file') return true;
  if (seed.size !== base.size) return false;
  if (facts.seedHash === undefined) return isProven(seed, base.seed) ? true : 'seed hash';
  if (base.content !== '') return facts.seedHash === base.content;
  if (isProven(seed, base.seed)) return true;
  // What the volume has is the base then, and can be read in its place.
  if (!unedited) return false;
  return facts.volumeHash === undefined ? 'volume hash' : facts.volumeHash === facts.seedHash;
}

function isSameContent(seed: Seeded, volume: Entry, facts: Facts): boolean | Question {
  if (seed.kind !== volume.kind) return false;
  if (seed.kind === 'link' && volume.kind === 'link') return seed.target === volume.target;
  if (seed.kind !== 'file' || volume.kind !== 'file') return true;
  if (seed.size !== volume.size) return false;
  if (facts.seedHash === undefined) return 'seed hash';
  if (facts.volumeHash === undefined) return 'volume hash';
  return facts.seedHash === facts.volumeHash;
}
