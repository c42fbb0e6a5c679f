/** Copies files from one anchored directory into another: many small ones in a batch, large ones one by one. */
import fs from 'node:fs';
import type { Proof } from '../core/base.ts';
import { codeOf, explain, VolumeError } from '../core/errors.ts';
import type { Made } from '../core/makings.ts';
import { sha256 } from './hash.ts';
import { LEAVE, SET_ID_OR_STICKY, type File } from '../core/entry.ts';
import { display, nameOf, parentOf, type Name, type RelPath } from '../core/path.ts';
import { LONG, type Progress } from '../core/progress.ts';
import type { Pulse } from '../core/pulse.ts';
import type { Part, Parts } from './parts.ts';
import { SeedChanged, type Seed } from './seed.ts';
import { sharedBeginning, transfer } from './transfer.ts';
import {
  changeMode,
  changeOwner,
  changeTime,
  close,
  createFile,
  descriptorPath,
  hasProc,
  isMissing,
  readInto,
  removeFile,
  write,
} from './disk.ts';
import { isStill, lookAt, proofAt } from './look.ts';
import { patiently } from './patience.ts';

/** Up to this size a file is read whole into the batch's buffer: one read and one write (measured faster than copy_file_range). */
export const SMALL = 256 * 1024;

/** What a newly created file gets without being told: read off the stage once, instead of assumed. */
export interface Birth {
  readonly uid: number;
  readonly gid: number;
  /** Owner, group, and the mode given at open are what it has: no umask, no default ACL, no directory's group says otherwise. */
  readonly certain: boolean;
  /** Told where a file system holds no owners; it is not told by an error, because the file is good all the same. */
  readonly ownerRefused?: () => void;
}

/** What could not be finished, nor be taken away: with what is beside it, it must not be published. */
export class Leftover extends VolumeError {}

/** Takes away what could not be finished. Throws `Leftover` where that fails, too. */
export function takeBack(path: RelPath, reason: unknown, remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (isMissing(error)) return;
    const why = `${explain(reason)}, and what was begun of it could not be removed: ${explain(error)}`;
    throw new Leftover(`${display(path)} could not be written: ${why}; run again once the file system answers`, {
      cause: error,
    });
  }
}

/** Where new content comes from: the seed, or a backup that was unpacked. */
export interface Source {
  /** Opens the content of a path for reading. */
  open(path: RelPath): number;
  /** The SHA-256 of what has just been opened, a character for each byte; undefined where it would have to be read for that. */
  hash?(path: RelPath): string | undefined;
  /** Opens a handle on the directory that a path's content is in, for a second thread; undefined where there is no one such. */
  directory?: ((path: RelPath) => number | undefined) | undefined;
  /** Throws `SeedChanged` where what was read is not what the plan counts on. */
  check(descriptor: number, entry: File, count: number): void;
}

export function seedSource(seed: Seed): Source {
  return {
    open: (path) => {
      seed.enter(parentOf(path));
      return seed.open(nameOf(path));
    },
    hash: (path) => seed.rawHash(nameOf(path)),
    directory: (path) => {
      seed.enter(parentOf(path));
      return seed.handle();
    },
    check: checkUnchanged,
  };
}

/** Reads a whole small file into a buffer; returns its hash where that is known. */
export function readSmall(
  source: Source,
  path: RelPath,
  entry: File,
  buffer: Uint8Array,
  offset: number,
): string | undefined {
  const descriptor = source.open(path);
  try {
    const count = readInto(descriptor, buffer, offset, entry.size);
    source.check(descriptor, entry, count);
    return source.hash?.(path);
  } finally {
    close(descriptor);
  }
}

/** Writes a new file of the working directory with all its attributes. */
export function writeSmall(
  name: Name,
  entry: File,
  birth: Birth,
  buffer: Uint8Array,
  offset: number,
  proving: boolean,
): Proof | undefined {
  const descriptor = createFile(name, modeAtBirth(entry));
  try {
    return fillSmall(descriptor, entry, birth, { buffer, offset, proving });
  } finally {
    close(descriptor);
  }
}

/** Gives a file that was just created what is at a place of a buffer, and all its attributes. */
export function fillSmall(
  descriptor: number,
  entry: File,
  birth: Birth,
  { buffer, offset, proving }: { readonly buffer: Uint8Array; readonly offset: number; readonly proving: boolean },
): Proof | undefined {
  write(descriptor, buffer, offset, entry.size);
  finish(descriptor, entry, birth);
  return proving ? proofAt(descriptor) : undefined;
}

/** Where a large file goes, and who is told of it. */
export interface Bound {
  readonly enterStage: () => void;
  readonly to: Name;
  /** The path that it is copied for. */
  readonly as: RelPath;
  readonly birth: Birth;
  readonly pulse: Pulse;
  /** Where it is while it is copied, so that it can be resumed; undefined where that is its place in the stage. */
  readonly parts: Parts | undefined;
  readonly progress: Progress | undefined;
  readonly hashing: boolean;
}

/** Copies a file of any size; its hash is taken where it is to be. Leaves nothing behind where it fails, but for the next run. */
export async function copyLarge(from: Source, path: RelPath, entry: File, bound: Bound): Promise<Made> {
  const source = from.open(path);
  try {
    return bound.parts !== undefined && entry.size >= LONG
      ? await copyByParts(from, source, entry, { ...bound, parts: bound.parts })
      : await copyInPlace(from, source, entry, bound);
  } finally {
    close(source);
  }
}

async function copyInPlace(from: Source, source: number, entry: File, bound: Bound): Promise<Made> {
  const { enterStage, to } = bound;
  enterStage();
  // Ours alone while it grows: it is opened once more by descriptor, and copyFile gives it the source's mode.
  const target = createFile(to, 0o600);
  try {
    await fill(from, source, target, entry, 0, bound);
    return await madeOf(target, bound);
  } catch (error) {
    takeBackFromStage(bound, error);
    throw error;
  } finally {
    close(target);
  }
}

async function copyByParts(
  from: Source,
  source: number,
  entry: File,
  bound: Bound & { readonly parts: Parts },
): Promise<Made> {
  const { as, enterStage, parts, progress, pulse, to } = bound;
  const part = parts.take(as);
  const target = part.descriptor;
  let isPlaced = false;
  try {
    const shared = part.size === 0 ? 0 : await sharedBeginning({ source, target, size: entry.size, pulse });
    if (shared > 0) progress?.resumed(as, shared, entry.size);
    await fill(from, source, target, entry, shared, bound);
    parts.place(part, enterStage, to);
    isPlaced = true;
    return await madeOf(target, bound);
  } catch (error) {
    if (isPlaced) takeBackFromStage(bound, error);
    // What is left of it there is published by nobody; the next run goes on with it, or removes it.
    if (!pulse.ended) removeQuietly(parts, part);
    throw error;
  } finally {
    close(target);
  }
}

function takeBackFromStage({ as, enterStage, to }: Bound, reason: unknown): void {
  takeBack(as, reason, () => {
    enterStage();
    removeFile(to);
  });
}

function removeQuietly(parts: Parts, part: Part): void {
  try {
    parts.remove(part);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
  }
}

async function fill(
  from: Source,
  source: number,
  target: number,
  entry: File,
  at: number,
  { as, birth, pulse, progress }: Bound,
): Promise<void> {
  const { size } = entry;
  const copied = (done: number): void => progress?.copied(as, done, size);
  const count = await transfer({ source, target, size, from: at, pulse, copied });
  from.check(source, entry, count);
  // copyFile gives it the source's owner and mode, too, where it may.
  finish(target, entry, { ...birth, certain: false });
}

async function madeOf(target: number, { hashing, pulse }: Bound): Promise<Made> {
  return { proof: proofAt(target), sha256: hashing ? await hashWritten(target, pulse) : undefined };
}

/** Read back through a descriptor of its own: this one may only write. */
async function hashWritten(target: number, pulse: Pulse): Promise<string | undefined> {
  if (!hasProc) return undefined;
  const descriptor = patiently(() => fs.openSync(descriptorPath(target), fs.constants.O_RDONLY));
  try {
    return await sha256(descriptor, pulse);
  } finally {
    close(descriptor);
  }
}

/** Throws `SeedChanged`. */
export function checkUnchanged(descriptor: number, entry: File, count: number): void {
  if (count !== entry.size || !isStill(descriptor, entry))
    throw new SeedChanged('changed in the seed while it was copied; run again once the seed is at rest');
}

/** What a file is created with: no bit that its owner, who is not set yet, is not to have. */
export function modeAtBirth({ mode }: File): number {
  return (mode & SET_ID_OR_STICKY) === 0 ? mode : 0o600;
}

/** Owner before mode, because a change of owner clears the set-id bits; time last, because writing moves it. */
function finish(descriptor: number, entry: File, birth: Birth): void {
  const found = birth.certain ? birth : lookAt(descriptor);
  const uid = entry.uid === LEAVE ? found.uid : entry.uid;
  const gid = entry.gid === LEAVE ? found.gid : entry.gid;
  if (uid !== found.uid || gid !== found.gid) own(descriptor, uid, gid, birth);
  if (!birth.certain || (entry.mode & SET_ID_OR_STICKY) !== 0) changeMode(descriptor, entry.mode);
  changeTime(descriptor, entry);
}

function own(descriptor: number, uid: number, gid: number, { ownerRefused }: Birth): void {
  try {
    changeOwner(descriptor, uid, gid);
  } catch (error) {
    if (codeOf(error) !== 'EPERM' || ownerRefused === undefined) throw error;
    ownerRefused();
  }
}
