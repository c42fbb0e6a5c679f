/** Whether a plan fits, asked before the first write. */
import fs from 'node:fs';
import { VolumeError } from '../core/errors.ts';
import { displayText } from '../core/path.ts';
import { needsOf, type Plan } from '../core/plan.ts';
import { count, sizeOf } from '../core/words.ts';
import type { Anchor } from './anchor.ts';

interface Space {
  readonly bytes: number;
  readonly inodes: number;
}

/** Throws with the figures where it does not. */
export function refuseIfLacking(plan: Plan, volume: Anchor): void {
  const lack = lacking(plan, volume.path);
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

/** @returns undefined where it fits, as far as the file system tells; else what is needed and what is free. */
function lacking(plan: Plan, path: string): { readonly needed: Space; readonly free: Space } | undefined {
  if (needsOf(plan, 1).inodes === 0) return undefined;
  const { bsize, blocks, files, ffree } = fs.statfsSync(path);
  const needed = needsOf(plan, bsize);
  const free = { bytes: freeAt(path), inodes: ffree };
  // Some file systems (btrfs, many network ones) make inodes as they go, and report none at all; some report nothing.
  const fits = (blocks === 0 || needed.bytes <= free.bytes) && (files === 0 || needed.inodes <= free.inodes);
  return fits ? undefined : { needed, free };
}
