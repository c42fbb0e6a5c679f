/**
 * What the volume should get at one path. Pure: the same entries, the same answer.
 *
 *   seed \ volume   absent   file                     link                     directory             other
 *   file            create   by time and size (1)     replace                  replace if empty (2)  replace
 *   link            create   replace                  replace if target        replace if empty (2)  replace
 *                                                     differs, else attributes
 *   directory       create   replace                  replace                  attributes            replace
 *
 *   (1) newer:   volume in a later second → keep; same second and size → attributes; else replace
 *       always:  replace where the content differs, else attributes
 *   (2) one that is not empty stays, and is a problem
 *   missing: create, else keep.   never: nothing.
 *
 *   reset, which is no policy but a command: (1) as always, to the exact mtime, and a file of several names is replaced;
 *            (2) one that is not empty goes, with all that is in it.
 *
 * This is rsync's `-avu`, surprises and all (measured on rsync 3.5): `-u` protects a file against a file and nothing else,
 * and times compare in whole seconds.
 */
import type { KeepsGroup } from './base.ts';
import { asHeld, LEAVE, SET_GID, type Attributes, type Entry, type File } from './entry.ts';
import type { MergeKept, MergeReason } from './merge.ts';
import type { Policy } from './policy.ts';

export type Reason =
  | 'missing'
  | 'image newer'
  | 'size differs'
  | 'content differs'
  | 'type differs'
  | 'link target differs'
  | 'attributes differ'
  | 'hard-linked'
  | 'offered'
  | MergeReason;

/** Why something is taken out of the volume. */
export type RemovalReason = 'in the way' | 'only in the volume' | 'not there then' | 'obsolete' | 'conflict resolved';

export type KeptReason =
  | 'newer in the volume'
  | 'exists'
  | 'hard-linked and edited'
  | 'changed meanwhile'
  | 'not empty'
  | 'edited since the backup'
  | 'obsolete'
  | MergeKept;

/** Which attributes are to become the seed's. */
export interface Fix {
  readonly mode: boolean;
  readonly owner: boolean;
  readonly time: boolean;
}

export type Decision =
  | { readonly verb: 'create' | 'replace'; readonly reason: Reason }
  | { readonly verb: 'attributes'; readonly reason: Reason; readonly fix: Fix }
  | { readonly verb: 'keep'; readonly reason: KeptReason }
  | { readonly verb: 'blocked' | 'same' | 'none' };

export interface Terms {
  readonly policy: Exclude<Policy, 'merge'> | 'reset';
  /** Under `newer`: contents are compared where sizes are equal, whatever the times say. */
  readonly checksum: boolean;
  /**
   * Whether this process keeps the set-group-id bit on a file of that group and owner. The kernel drops it without a word where the
   * file is ours and the group is not; where the file is not ours, it refuses, and that is to be heard of.
   */
  readonly keepsGroup: KeepsGroup;
}

const SAME: Decision = { verb: 'same' };
const NONE: Decision = { verb: 'none' };
const BLOCKED: Decision = { verb: 'blocked' };

/** Whether `decide` needs to know if two files hold the same bytes: the only question that costs reading them. */
export function needsContent(seed: Entry, volume: Entry | undefined, terms: Terms): boolean {
  if (seed.kind !== 'file' || volume?.kind !== 'file' || seed.size !== volume.size) return false;
  if (terms.policy === 'always' || terms.policy === 'reset') return true;
  const { seconds } = asHeld(seed, volume);
  if (terms.policy !== 'newer' || volume.seconds > seconds) return false;
  return terms.checksum || (volume.witness.links > 1 && volume.seconds === seconds);
}

/** @param sameContent the answer to `needsContent`; of no meaning where that said no. */
export function decide(image: Entry, volume: Entry | undefined, terms: Terms, sameContent: boolean): Decision {
  const seed = volume === undefined ? image : asHeld(image, volume);
  if (terms.policy === 'never' || seed.kind === 'other') return NONE;
  if (volume === undefined) return { verb: 'create', reason: 'missing' };
  if (terms.policy === 'missing')
    return seed.kind === 'directory' && volume.kind === 'directory' ? SAME : keep('exists');
  if (seed.kind === 'file' && volume.kind === 'file') return decideFile(seed, volume, terms, sameContent);
  if (seed.kind !== volume.kind) {
    if (volume.kind === 'directory' && volume.empty !== true && terms.policy !== 'reset') return BLOCKED;
    return { verb: 'replace', reason: 'type differs' };
  }
  if (seed.kind === 'link' && volume.kind === 'link' && seed.target !== volume.target) {
    return { verb: 'replace', reason: 'link target differs' };
  }
  const time = seed.seconds !== volume.seconds || (terms.policy === 'reset' && finely(seed, volume));
  return correct(fixFor(seed, volume, time, terms));
}

function decideFile(seed: File, volume: File, terms: Terms, sameContent: boolean): Decision {
  const reset = terms.policy === 'reset';
  const always = terms.policy === 'always' || reset;
  if (!always && volume.seconds > seed.seconds) return keep('newer in the volume');
  if (seed.size !== volume.size) {
    return { verb: 'replace', reason: volume.seconds < seed.seconds ? 'image newer' : 'size differs' };
  }
  const byContent = always || terms.checksum;
  if (byContent && !sameContent) return { verb: 'replace', reason: 'content differs' };
  if (!byContent && volume.seconds !== seed.seconds) return { verb: 'replace', reason: 'image newer' };
  const time = volume.seconds !== seed.seconds || ((terms.checksum || reset) && finely(seed, volume));
  const correction = correct(fixFor(seed, volume, time, terms));
  // Changing the attributes of a file with a second name would change that other file too, wherever it is.
  if (correction.verb !== 'attributes' || volume.witness.links === 1) return correction;
  return sameContent ? { verb: 'replace', reason: 'hard-linked' } : keep('hard-linked and edited');
}

/**
 * Whether two times of one second differ. Node sets times by a double: some 240 ns coarse today, cut to the microsecond in Node
 * 22. A difference below one microsecond is therefore none.
 */
function finely(seed: Attributes, volume: Attributes): boolean {
  return Math.abs(seed.nanoseconds - volume.nanoseconds) >= 1000;
}

/** What of mode, owner and time differs; `time` as asked for. */
export function fixFor(seed: Entry, volume: Entry, time: boolean, terms: Terms): Fix {
  const gid = seed.gid === LEAVE ? volume.gid : seed.gid;
  // To want what the kernel drops would be to correct it for ever.
  const wanted = terms.keepsGroup(gid, volume.uid) ? seed.mode : seed.mode & ~SET_GID;
  return {
    mode: seed.kind !== 'link' && wanted !== volume.mode && seed.mode !== volume.mode,
    owner: gid !== volume.gid || (seed.uid !== LEAVE && seed.uid !== volume.uid),
    time,
  };
}

function correct(fix: Fix): Decision {
  return fix.mode || fix.owner || fix.time ? { verb: 'attributes', reason: 'attributes differ', fix } : SAME;
}

function keep(reason: KeptReason): Decision {
  return { verb: 'keep', reason };
}
