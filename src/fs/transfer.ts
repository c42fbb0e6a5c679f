/**
 * The content of one file from descriptor to descriptor: cloned where the file system shares blocks (reflink), by the kernel in
 * one go up to a size, in pieces above, where a signal must not wait. The holes of a sparse file stay holes.
 */
import fs from 'node:fs';
import type { Pulse } from '../core/pulse.ts';
import { descriptorPath, hasProc, readAt, writeAt } from './disk.ts';
import { patiently } from './patience.ts';

/** Up to this size one copy_file_range does it all, unless it has holes; above, a signal would wait too long for it. */
export const IN_ONE_GO = 64 * 1024 * 1024;
/** Two of them are all the memory that a file takes, whatever its size. */
const PIECE = 1024 * 1024;
/** What holes are made of on the file systems that there are; on one with larger blocks fewer are found. */
const BLOCK = 4096;

export interface Job {
  readonly source: number;
  /** Open for writing, and for reading where there is something in it already. */
  readonly target: number;
  /** Bytes: what the source is known to have. */
  readonly size: number;
  /** Bytes at the beginning of the target that are the source's (`sharedBeginning`). */
  readonly from: number;
  readonly pulse: Pulse;
  /** Told from time to time how many bytes of it are there. */
  readonly copied?: ((done: number) => void) | undefined;
}

/** @returns the size that the source turned out to have, as far as it goes up to `size`. */
export async function transfer(job: Job): Promise<number> {
  const { source, target, size, from } = job;
  const holes = isSparse(source);
  if (from === 0 && hasProc) {
    // Both paths are descriptors: nothing can be put in their place.
    const [read, written] = [descriptorPath(source), descriptorPath(target)];
    if (size <= IN_ONE_GO && !holes) {
      // It begins by emptying the target: done again, it does the same.
      patiently(() => fs.copyFileSync(read, written, fs.constants.COPYFILE_FICLONE));
      return patiently(() => fs.fstatSync(target).size);
    }
    if (isCloned(read, written)) return patiently(() => fs.fstatSync(target).size);
  }
  // More than is shared may be in it, and a hole at the end is made by nothing else.
  fs.ftruncateSync(target, from);
  const end = await copyPieces(job, holes);
  if (holes) fs.ftruncateSync(target, end);
  return end;
}

/** How far, in bytes, the target begins like the source: what an interrupted copy has left, proven by looking at all of it. */
export async function sharedBeginning({ source, target, size, pulse }: Omit<Job, 'from'>): Promise<number> {
  const [wanted, found] = [new Uint8Array(PIECE), new Uint8Array(PIECE)];
  for (let at = 0; ; at += PIECE) {
    const length = Math.min(PIECE, size - at);
    const [count, there] = await Promise.all([readAt(source, wanted, at, length), readAt(target, found, at, length)]);
    if (Buffer.compare(wanted.subarray(0, count), found.subarray(0, there)) !== 0) return at;
    if (count < PIECE) return at + count;
    if (pulse.due()) await pulse.beat();
  }
}

/** Reads one piece while the one before is written. */
async function copyPieces({ source, target, size, from, pulse, copied }: Job, holes: boolean): Promise<number> {
  let [full, free] = [new Uint8Array(PIECE), new Uint8Array(PIECE)];
  let at = from;
  let count = await readAt(source, full, at, Math.min(PIECE, size - at));
  while (count > 0) {
    const next = at + count;
    const written = writePiece(target, full.subarray(0, count), at, holes);
    // Neither may go on when the other has failed: the descriptors are closed then.
    const [reading, writing] = await Promise.allSettled([
      readAt(source, free, next, Math.min(PIECE, size - next)),
      written,
    ]);
    if (writing.status === 'rejected') throw writing.reason;
    if (reading.status === 'rejected') throw reading.reason;
    [full, free] = [free, full];
    [at, count] = [next, reading.value];
    copied?.(at);
    if (pulse.due()) await pulse.beat();
  }
  return at;
}

/** Leaves out whole blocks of zeros, and writes what stands between them in one go. */
async function writePiece(target: number, piece: Uint8Array, at: number, holes: boolean): Promise<void> {
  if (!holes) return writeAt(target, piece, at);
  for (let begin = 0; begin < piece.length;) {
    let end = begin;
    while (end < piece.length && !isZero(piece.subarray(end, end + BLOCK))) end = Math.min(end + BLOCK, piece.length);
    if (end > begin) await writeAt(target, piece.subarray(begin, end), at + begin);
    begin = end;
    while (begin < piece.length && isZero(piece.subarray(begin, begin + BLOCK))) begin += BLOCK;
  }
}

const ZEROS = new Uint8Array(BLOCK);

function isZero(block: Uint8Array): boolean {
  return Buffer.compare(block, ZEROS.subarray(0, block.length)) === 0;
}

/** Compressed files are, too; looking for zeros in them costs next to nothing. */
function isSparse(descriptor: number): boolean {
  const { blocks, size } = fs.fstatSync(descriptor);
  return blocks * 512 < size;
}

/** False where the file system shares no blocks, or not between these two; what goes wrong besides, the copy meets as well. */
function isCloned(from: string, to: string): boolean {
  try {
    fs.copyFileSync(from, to, fs.constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  }
}
