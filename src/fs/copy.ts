/** Copies files from one anchored directory into another: many small ones in a batch, large ones in pieces. */
import fs from 'node:fs';
import type { Proof } from '../core/base.ts';
import type { Made } from '../core/recording.ts';
import { sha256 } from './hash.ts';
import { isTime, LEAVE, NOBODY, SET_ID_OR_STICKY, type File } from '../core/entry.ts';
import { nameOf, parentOf, type Name, type RelPath } from '../core/path.ts';
import type { Pulse } from '../core/pulse.ts';
import { SeedChanged, type Seed } from './seed.ts';
import {
  changeMode,
  changeOwner,
  changeTime,
  close,
  createFile,
  descriptorPath,
  hasProc,
  lookAt,
  proofAt,
  readInto,
  removeFile,
  write,
} from './disk.ts';
import { patiently } from './patience.ts';

/** Up to this size a file is read whole into the batch's buffer: one read and one write (measured faster than copy_file_range). */
export const SMALL = 256 * 1024;
/** Up to this size one copy_file_range does it all; above, a signal would wait too long for it. */
const IN_ONE_GO = 64 * 1024 * 1024;
const PIECE = 4 * 1024 * 1024;

/** What a newly created file gets without being told: read off the stage once, instead of assumed. */
export interface Birth {
  readonly uid: number;
  readonly gid: number;
  /** Owner, group, and the mode given at open are what it has: no umask, no default ACL, no directory's group says otherwise. */
  readonly certain: boolean;
}

/** Where new content comes from: the seed, or a backup that was unpacked. */
export interface Source {
  /** Opens the content of a path for reading. */
  open(path: RelPath): number;
  /** The SHA-256 of what has just been opened, in hex; undefined where it would have to be read for that. */
  hash?(path: RelPath): string | undefined;
  /** Throws `SeedChanged` where what was read is not what the plan counts on. */
  check(descriptor: number, entry: File, count: number): void;
}

export function seedSource(seed: Seed): Source {
  return {
    open: (path) => {
      seed.enter(parentOf(path));
      return seed.open(nameOf(path));
    },
    hash: (path) => seed.hash(nameOf(path)),
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
    write(descriptor, buffer, offset, entry.size);
    finish(descriptor, entry, birth);
    return proving ? proofAt(descriptor) : undefined;
  } finally {
    close(descriptor);
  }
}

/** Copies a file of any size; its hash is taken where it is to be. Leaves nothing behind where it fails. */
export async function copyLarge(
  from: Source,
  path: RelPath,
  enterStage: () => void,
  to: Name,
  entry: File,
  birth: Birth,
  pulse: Pulse,
  hashing: boolean,
): Promise<Made> {
  const source = from.open(path);
  try {
    enterStage();
    // Ours alone while it grows: it is opened once more by descriptor, and copyFile gives it the source's mode.
    const target = createFile(to, 0o600);
    try {
      const count = await transfer(source, target, entry.size, pulse);
      from.check(source, entry, count);
      // copyFile gives it the source's owner and mode, too, where it may.
      finish(target, entry, { ...birth, certain: false });
      return { proof: proofAt(target), sha256: hashing ? await hashWritten(target, pulse) : undefined };
    } catch (error) {
      enterStage();
      removeFile(to);
      throw error;
    } finally {
      close(target);
    }
  } finally {
    close(source);
  }
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

async function transfer(source: number, target: number, size: number, pulse: Pulse): Promise<number> {
  if (hasProc && size <= IN_ONE_GO) {
    // Reflinks where the file system has them. Both paths are descriptors: nothing can be put in their place.
    // It begins by emptying the target: done again, it does the same.
    patiently(() => fs.copyFileSync(descriptorPath(source), descriptorPath(target), fs.constants.COPYFILE_FICLONE));
    return patiently(() => fs.fstatSync(target).size);
  }
  const buffer = new Uint8Array(PIECE);
  let total = 0;
  for (;;) {
    const count = readInto(source, buffer, 0, PIECE);
    write(target, buffer, 0, count);
    total += count;
    // More than it is to have: it grows, or is no file any more and may have no end.
    if (count < PIECE || total > size) return total;
    if (pulse.due()) await pulse.beat();
  }
}

function checkUnchanged(descriptor: number, entry: File, count: number): void {
  const found = lookAt(descriptor);
  const same =
    found.kind === 'file' &&
    found.size === entry.size &&
    count === entry.size &&
    (entry.witness === NOBODY || found.witness.inode === entry.witness.inode) &&
    isTime(entry, found);
  if (!same) throw new SeedChanged('changed in the seed while it was copied; run again once the seed is at rest');
}

function modeAtBirth({ mode }: File): number {
  return (mode & SET_ID_OR_STICKY) === 0 ? mode : 0o600;
}

/** Owner before mode, because a change of owner clears the set-id bits; time last, because writing moves it. */
function finish(descriptor: number, entry: File, birth: Birth): void {
  const found = birth.certain ? birth : lookAt(descriptor);
  const uid = entry.uid === LEAVE ? found.uid : entry.uid;
  const gid = entry.gid === LEAVE ? found.gid : entry.gid;
  if (uid !== found.uid || gid !== found.gid) changeOwner(descriptor, uid, gid);
  if (!birth.certain || (entry.mode & SET_ID_OR_STICKY) !== 0) changeMode(descriptor, entry.mode);
  changeTime(descriptor, entry);
}
