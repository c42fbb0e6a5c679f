/** The bytes of two files compared. */
import type { Pulse } from '../core/pulse.ts';
import { readInto } from './disk.ts';
import { lookAt } from './look.ts';

const CHUNK = 256 * 1024;
let buffers: readonly [Uint8Array, Uint8Array] | undefined;

/** Whether two open files hold the same bytes; false where either is not a regular file. */
export async function sameContent(one: number, other: number, pulse: Pulse): Promise<boolean> {
  if (lookAt(one).kind !== 'file' || lookAt(other).kind !== 'file') return false;
  const [left, right] = (buffers ??= [new Uint8Array(CHUNK), new Uint8Array(CHUNK)]);
  for (;;) {
    const count = readInto(one, left, 0, CHUNK);
    if (count !== readInto(other, right, 0, CHUNK)) return false;
    if (Buffer.compare(left.subarray(0, count), right.subarray(0, count)) !== 0) return false;
    if (count < CHUNK) return true;
    if (pulse.due()) await pulse.beat();
  }
}
