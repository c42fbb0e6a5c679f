/** Mode, owner and mtime, set on the very inode that was looked at, and on nothing else. */
import { LEAVE, SET_ID_OR_STICKY, type Attributes, type Entry } from '../core/entry.ts';
import { codeOf } from '../core/errors.ts';
import type { Name } from '../core/path.ts';
import type { Fix } from '../core/reconcile.ts';
import { byBareName, byHandle, close, openHandle } from './disk.ts';
import { look, lookAt } from './look.ts';

export const ALL_ATTRIBUTES: Fix = { mode: true, owner: true, time: true };

/**
 * Gives what stands at a name of the working directory the wanted attributes. Throws the kernel's error.
 * @param expected only while it is still this inode; another one, or a file that gained a second name, is left alone.
 * @returns whether it was done.
 */
export function applyFix(name: Name, wanted: Attributes, fix: Fix, expected: Entry): boolean {
  return withDoor(name, (found, door) => {
    const { inode, device, links } = found.witness;
    if (found.kind !== expected.kind || inode !== expected.witness.inode) return false;
    if (device !== expected.witness.device || (found.kind === 'file' && links > 1)) return false;
    setAttributes(door, found, wanted, fix);
    return true;
  });
}

/**
 * Gives what was just built at a name of the working directory its attributes. Whoever may write to that directory may have put
 * something else there: it is left alone unless it is of the same kind, and a link is never followed.
 */
export function applyToBuilt(name: Name, wanted: Entry, fix: Fix): void {
  withDoor(name, (found, door) => {
    if (found.kind === wanted.kind) setAttributes(door, found, wanted, fix);
  });
}

/**
 * Gives a directory that was just made its mode while it is filled. Said even where it has it, if the set-group-id bit is in it:
 * the kernel then takes the bit off for whoever is not of the group, as it will in the end.
 */
export function settleNewDirectory(name: Name, mode: number): void {
  withDoor(name, (found, door) => {
    if (found.kind === 'directory' && (found.mode !== 0o700 || mode !== 0o700)) door.changeMode(mode);
  });
}

/** Gives a directory the mtime back that it had before something in it changed; where it is not ours to set, that is no error. */
export function giveBackTime(handle: number, before: Attributes): void {
  const { seconds, nanoseconds, uid } = lookAt(handle);
  if (seconds === before.seconds && nanoseconds === before.nanoseconds) return;
  try {
    byHandle.changeTime(handle, before);
  } catch (error) {
    const refused = codeOf(error) === 'EPERM' || codeOf(error) === 'EACCES';
    if (!refused || uid === process.geteuid?.()) throw error;
  }
}

/** The same where nothing that goes wrong with it is an error: a directory that nobody asked us to care for. */
export function putBackTime(handle: number, before: Entry): void {
  try {
    giveBackTime(handle, before);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
  }
}

export interface Door {
  readonly changeMode: (mode: number) => void;
  readonly changeOwner: (uid: number, gid: number) => void;
  readonly changeTime: (at: Attributes) => void;
}

/** Owner before mode, because a change of owner clears a file's set-id bits; time last. */
export function setAttributes(door: Door, found: Entry, wanted: Attributes, fix: Fix): void {
  const uid = wanted.uid === LEAVE ? found.uid : wanted.uid;
  const gid = wanted.gid === LEAVE ? found.gid : wanted.gid;
  const chown = fix.owner && (uid !== found.uid || gid !== found.gid);
  if (chown) door.changeOwner(uid, gid);
  const modeLost = chown && found.kind === 'file' && (wanted.mode & SET_ID_OR_STICKY) !== 0;
  if (found.kind !== 'link' && (modeLost || (fix.mode && wanted.mode !== found.mode))) door.changeMode(wanted.mode);
  if (fix.time) door.changeTime(wanted);
}

export function handleDoor(handle: number): Door {
  return {
    changeMode: (mode) => byHandle.changeMode(handle, mode),
    changeOwner: (uid, gid) => byHandle.changeOwner(handle, uid, gid),
    changeTime: (at) => byHandle.changeTime(handle, at),
  };
}

function withDoor<T>(name: Name, action: (found: Entry, door: Door) => T): T {
  let handle: number;
  try {
    handle = openHandle(name);
  } catch (error) {
    const link = codeOf(error) === 'ELOOP' ? look(name) : undefined;
    if (link === undefined) throw error;
    return action(link, linkDoor(name));
  }
  try {
    return action(lookAt(handle), handleDoor(handle));
  } finally {
    close(handle);
  }
}

/** A link where there is no /proc, and so nobody else who may write here (DESIGN §6). */
function linkDoor(name: Name): Door {
  return {
    changeMode: () => {},
    changeOwner: (uid, gid) => byBareName.changeOwner(name, uid, gid),
    changeTime: (at) => byBareName.changeTime(name, at),
  };
}
