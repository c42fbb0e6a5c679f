/** Which files of a start with nothing to do need no decision of their own, by what a quick look tells of them. */
import type { Glance } from './entry.ts';
import type { Rules } from './rulebook.ts';

/** Whether `decide` would come to `same`. It may say no where that would say yes, and never the reverse. */
export type IsSame = (seed: Glance, volume: Glance) => boolean;

/** Undefined where a rule, a selection, a reset or a base has a say of single paths. */
export function sparing({
  at,
  checksum,
  chmod,
  merging,
  owner,
  policy,
  reset,
  selection,
  self,
}: Rules): IsSame | undefined {
  const isPlain = at === undefined && reset === undefined && merging?.adopting !== true;
  const isWhole = selection.include === undefined && selection.exclude === undefined;
  if (policy !== 'newer' || checksum || !isPlain || !isWhole) return undefined;
  const isOurs = (gid: number): boolean => self.privileged || self.groups.has(gid);
  return (seed, volume) =>
    seed.size === volume.size &&
    seed.seconds === volume.seconds &&
    (chmod === undefined ? seed.mode : chmod(seed.mode, false)) === volume.mode &&
    (!self.privileged || (owner.uid ?? seed.uid) === volume.uid) &&
    ((owner.gid ?? seed.gid) === volume.gid || !isOurs(owner.gid ?? seed.gid));
}
