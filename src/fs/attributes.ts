/** Mode, owner and mtime, set on the very inode that was looked at, and on nothing else. */
import { LEAVE, SET_ID_OR_STICKY, type Attributes, type Entry } from '../core/entry.ts';
import type { Name } from '../core/path.ts';
import type { Fix } from '../core/reconcile.ts';
import { byBareName, byHandle, close, hasProc, lookAt, openHandle } from './disk.ts';

export const ALL_ATTRIBUTES: Fix = { mode: true, owner: true, time: true };

/**
 * Gives what stands at a name of the working directory the wanted attributes. Throws the kernel's error.
 * @param expected only while it is still this inode; another one, or a file that gained a second name, is left alone.
 * @returns whether it was done.
 */
export function applyFix(name: Name, wanted: Attributes, fix: Fix, expected: Entry): boolean {
  const handle = openHandle(name);
  try {
    const found = lookAt(handle);
    const { inode, device, links } = found.witness;
    if (found.kind !== expected.kind || inode !== expected.witness.inode || device !== expected.witness.device)
      return false;
    if (found.kind === 'file' && links > 1) return false;
    const door = hasProc ? handleDoor(handle) : nameDoor(name);
    setAttributes(door, found, wanted, fix);
    return true;
  } finally {
    close(handle);
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

/**
 * Gives what was just built at a name of the working directory its attributes. Whoever may write to that directory may have put
 * something else there: it is left alone unless it is of the same kind, and a link is never followed.
 */
export function applyToBuilt(name: Name, wanted: Entry, fix: Fix): void {
  const handle = openHandle(name);
  try {
    const found = lookAt(handle);
    if (found.kind === wanted.kind) setAttributes(hasProc ? handleDoor(handle) : nameDoor(name), found, wanted, fix);
  } finally {
    close(handle);
  }
}

function nameDoor(name: Name): Door {
  return {
    changeMode: (mode) => byBareName.changeMode(name, mode),
    changeOwner: (uid, gid) => byBareName.changeOwner(name, uid, gid),
    changeTime: (at) => byBareName.changeTime(name, at),
  };
}

/** Gives a directory the mtime back that it had before something in it changed; where that cannot be done, it is no error. */
export function putBackTime(handle: number, before: Entry): void {
  const { seconds, nanoseconds } = lookAt(handle);
  if (seconds === before.seconds && nanoseconds === before.nanoseconds) return;
  try {
    byHandle.changeTime(handle, before);
  } catch {
    // Not the owner, or read-only by now: a directory that nobody asked us to care for.
  }
}
