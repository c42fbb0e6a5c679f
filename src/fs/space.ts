/** Whether a plan fits, asked before the first write. */
import fs from 'node:fs';
import { VolumeError } from '../core/errors.ts';
import { displayText, ROOT } from '../core/path.ts';
import { needsOf, type Plan } from '../core/plan.ts';
import { count, sizeOf } from '../core/words.ts';
import type { Anchor } from './anchor.ts';
import type { Source } from './copy.ts';
import { close } from './disk.ts';

interface Space {
  readonly bytes: number;
  readonly inodes: number;
}

/**
 * Throws with the figures where it does not fit, as far as the file system tells.
 * @param spared bytes of what is needed that are there already, or are holes; asked only where it does not fit without them.
 */
export function refuseIfLacking(plan: Plan, volume: Anchor, spared: () => number = () => 0): void {
  // The root's: another file system may be mounted further down, where the anchor has been last.
  volume.moveTo(ROOT);
  const lack = lacking(plan, volume.path, spared);
  if (lack === undefined) return;
  const { needed, free } = lack;
  throw new VolumeError(
    `needs ${sizeOf(needed.bytes)} and ${count(needed.inodes, 'inode')}, ${sizeOf(free.bytes)} and ${free.inodes} free on ` +
      `${displayText(volume.root)}; nothing was touched: make room, or seed less with --include and --exclude`,
  );
}

/** Bytes that may be written on the file system of a path. */
export function freeAt(path: string): number {
  const { bsize, bavail, bfree } = fs.statfsSync(path);
  return (process.geteuid?.() === 0 ? bfree : bavail) * bsize;
}

/**
 * @param spared bytes of what is needed that are there already, or are holes; asked only where it does not fit without them.
 * @returns undefined where it fits, as far as the file system tells; else what is needed and what is free.
 */
function lacking(
  plan: Plan,
  path: string,
  spared: () => number,
): { readonly needed: Space; readonly free: Space } | undefined {
  if (needsOf(plan, 1).inodes === 0) return undefined;
  const { bsize, blocks, files, ffree } = fs.statfsSync(path);
  const all = needsOf(plan, bsize);
  const free = { bytes: freeAt(path), inodes: ffree };
  const fits = ({ bytes, inodes }: Space): boolean =>
    // Some file systems (btrfs, many network ones) make inodes as they go, and report none at all; some report nothing.
    (blocks === 0 || bytes <= free.bytes) && (files === 0 || inodes <= free.inodes);
  if (fits(all)) return undefined;
  const needed = { ...all, bytes: Math.max(0, all.bytes - spared()) };
  return fits(needed) ? undefined : { needed, free };
}

/** Below this size, in bytes, a file's holes are not worth looking for. */
const WORTH_IT = 1024 * 1024;

/** The bytes of the holes in what a plan copies, which take no room; 0 for what cannot be looked at, which its copy will tell. */
export function holesOf({ changes }: Plan, source: Source): number {
  let bytes = 0;
  for (const { from, new: entry, path, verb } of changes) {
    if (verb === 'attributes' || entry.kind !== 'file' || entry.size < WORTH_IT) continue;
    try {
      const descriptor = source.open(from ?? path);
      const { blocks, size } = fs.fstatSync(descriptor);
      close(descriptor);
      bytes += Math.max(0, size - blocks * 512);
    } catch {
      continue;
    }
  }
  return bytes;
}
