/** Which files of a start with nothing to do need no decision of their own, by what a quick look tells of them. */
import { isProven, NEW, type Base, type Based } from './base.ts';
import { LEAVE, NOBODY, type Glance } from './entry.ts';
import type { Name, RelPath } from './path.ts';
import type { Rules } from './rulebook.ts';

/**
 * Whether a visit would find a file as it should be, with nothing to record. It may say no where that would, and never the reverse.
 * @param hashOf the seed's SHA-256 of a name, in hex, where it is known without reading.
 */
export type IsSame = (seed: Glance, volume: Glance, name: Name, hashOf: (name: Name) => string | undefined) => boolean;

export interface Spares {
  readonly isSame: IsSame;
  /** Whether it turns on the witnesses of both, on the name and on the hash; else on nothing but what two glances tell besides. */
  readonly asksProof: boolean;
  /** To be told how many need no visit. */
  readonly count: (same: number) => void;
}

/** Undefined where a rule, a selection or a reset has a say of single paths. */
export function sparing(rules: Rules, directory: RelPath): IsSame | undefined {
  const { at, checksum, merging, policy, reset, selection } = rules;
  const isWhole = selection.include === undefined && selection.exclude === undefined;
  if (at !== undefined || reset !== undefined || !isWhole) return undefined;
  if (policy === 'merge') return merging && sparingMerged(rules, merging.base, directory);
  return policy === 'newer' && !checksum && merging?.adopting !== true ? sparingNewer(rules) : undefined;
}

function sparingNewer({ chmod, owner, self }: Rules): IsSame {
  const isOurs = (gid: number): boolean => self.privileged || self.groups.has(gid);
  return (seed, volume) =>
    seed.size === volume.size &&
    seed.seconds === volume.seconds &&
    (chmod === undefined ? seed.mode : chmod(seed.mode, false)) === volume.mode &&
    (!self.privileged || (owner.uid ?? seed.uid) === volume.uid) &&
    ((owner.gid ?? seed.gid) === volume.gid || !isOurs(owner.gid ?? seed.gid));
}

/** What the base says of it is true of both. */
function sparingMerged({ chmod, owner, self }: Rules, all: Base, directory: RelPath): IsSame {
  const bases = all.in(directory);
  return (seed, volume, name, hashOf) => {
    const base = bases.get(name);
    if (base === undefined || base.offer !== undefined || base.replacing === true || name.endsWith(NEW)) return false;
    const gid = owner.gid ?? seed.gid;
    const mode = chmod === undefined ? seed.mode : chmod(seed.mode, false);
    return (
      base.kind === 'file' &&
      base.size === seed.size &&
      base.size === volume.size &&
      base.seconds === seed.seconds &&
      base.mode === mode &&
      volume.mode === mode &&
      isHeld(base.uid, owner.uid ?? seed.uid, self.privileged, volume.uid) &&
      isHeld(base.gid, gid, self.privileged || self.groups.has(gid), volume.gid) &&
      isProven(volume, base.volume) &&
      (seed.witness === NOBODY ? isRecorded(seed, base, hashOf(name)) : isProven(seed, base.seed))
    );
  };
}

/** An owner or group; one that is not ours to set is whatever the volume has. */
function isHeld(base: number, seed: number, isOurs: boolean, volume: number): boolean {
  return isOurs ? base === seed && volume === seed : base === LEAVE;
}

/** By the manifest, as the base has it. */
function isRecorded({ nanoseconds }: Glance, base: Based, sha256: string | undefined): boolean {
  return base.seed === undefined && base.nanoseconds === nanoseconds && sha256 !== undefined && base.content === sha256;
}
