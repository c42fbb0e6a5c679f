/** SHA-256 of what an open descriptor is of, from where it stands to the end, in hex. */
import type { Pulse } from '../core/pulse.ts';
import { readInto, refuseOther } from './disk.ts';

const CHUNK = 256 * 1024;
let shared: Uint8Array | undefined;

let ofWhole: typeof import('node:crypto').hash | undefined;

/** Of bytes that are in memory: a character for each byte of it, which is had at less cost than anything else. */
export function rawHashOf(bytes: Uint8Array): string {
  ofWhole ??= process.getBuiltinModule('node:crypto').hash;
  return ofWhole('sha256', bytes, 'latin1');
}

/**
 * Throws ENXIO for what is no regular file: a device, put in the place of one since it was looked at, may have no end.
 * @param each told of every piece, which it may keep.
 */
export async function sha256(descriptor: number, pulse: Pulse, each?: (bytes: Uint8Array) => void): Promise<string> {
  refuseOther(descriptor);
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256');
  for (;;) {
    const buffer = each === undefined ? (shared ??= new Uint8Array(CHUNK)) : new Uint8Array(CHUNK);
    const count = readInto(descriptor, buffer, 0, CHUNK);
    const bytes = buffer.subarray(0, count);
    hash.update(bytes);
    each?.(bytes);
    if (count < CHUNK) return hash.digest('hex');
    if (pulse.due()) await pulse.beat();
  }
}
