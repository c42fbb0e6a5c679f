/**
 * Which group a new entry gets where the seed's may not be given (no root, not one of ours). The kernel's own rule, for a path
 * that is built elsewhere and moved: a directory with the set-group-id bit hands its group down, else it is the process's.
 */
import { LEAVE, SET_GID } from './entry.ts';
import { parentOf, type RelPath } from './path.ts';
import type { Change, Unit } from './plan.ts';

interface Group {
  readonly mode: number;
  readonly gid: number;
}

/**
 * @param parent the directory that the unit goes into, as it will be by then.
 * @param own the process's group.
 * @param isOurs whether the set-group-id bit stays on a directory of that group: the kernel takes it off for outsiders.
 */
export function settleGroups(unit: Unit, parent: Group, own: number, isOurs: (gid: number) => boolean): Unit {
  const directories = new Map<RelPath, Group>([[parentOf(unit.top.path), parent]]);
  const settle = (change: Change): Change => {
    const above = directories.get(parentOf(change.path)) ?? parent;
    const gid = change.new.gid === LEAVE ? ((above.mode & SET_GID) === 0 ? own : above.gid) : change.new.gid;
    if (change.new.kind === 'directory') {
      directories.set(change.path, { mode: isOurs(gid) ? change.new.mode : change.new.mode & ~SET_GID, gid });
    }
    return gid === change.new.gid ? change : { ...change, new: { ...change.new, gid } };
  };
  return { top: settle(unit.top), below: unit.below.map(settle) };
}

export function groupsOf({ top, below }: Unit): Set<number> {
  return new Set([top, ...below].map((change) => change.new.gid));
}
