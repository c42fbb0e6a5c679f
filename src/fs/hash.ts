/** SHA-256 of bytes in memory, and of what an open descriptor is of, from where it stands to the end. */
import type { Pulse } from '../core/pulse.ts';
import { sha256 as sha256OfLittle } from '../core/sha256.ts';
import { readInto, refuseOther } from './disk.ts';

const CHUNK = 256 * 1024;
let shared: Uint8Array | undefined;

type Whole = (bytes: Uint8Array, encoding: 'hex' | 'latin1') => string;

/** As Bun documents it. */
const bun = (globalThis as { readonly Bun?: { readonly SHA256: { readonly hash: Whole } } }).Bun;

/** Bytes that are hashed before node:crypto has been loaded, which takes 5 ms; what Bun has is there at once. */
const LITTLE = bun === undefined ? 64 * 1024 : -1;
let ofWhole: Whole | undefined;

function whole(): Whole {
  if (bun !== undefined) return (bytes, encoding) => bun.SHA256.hash(bytes, encoding);
  const { hash } = process.getBuiltinModule('node:crypto');
  return (bytes, encoding) => hash('sha256', bytes, encoding);
}

/** Of bytes that are in memory: a character for each byte of it, which is had at less cost than anything else. */
export function rawHashOf(bytes: Uint8Array): string {
  return (ofWhole ??= whole())(bytes, 'latin1');
}

/** Of bytes that are in memory, in hex; of a little without anything that would have to be loaded. */
export function hashOf(bytes: Uint8Array): string {
  return bytes.length <= LITTLE ? sha256OfLittle(bytes) : (ofWhole ??= whole())(bytes, 'hex');
}

/**
 * Throws ENXIO for what is no regular file: a device, put in the place of one since it was looked at, may have no end.
 * @returns in hex.
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
