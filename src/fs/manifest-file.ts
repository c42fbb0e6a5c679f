/** `.volseed-manifest` at the root of a seed: read whole, and written by a new name and a rename. */
import fs from 'node:fs';
import { Manifest } from '../core/manifest.ts';
import { type Tools } from '../core/manifest-format.ts';
import { Damaged } from '../core/octets.ts';
import { ROOT, type Name } from '../core/path.ts';
import type { Anchor } from './anchor.ts';
import { putBackTime } from './attributes.ts';
import { changeMode, close, createFile, isMissing, openForReading, removeFile, rename, write } from './disk.ts';
import { hashOf } from './hash.ts';
import { lookAt } from './look.ts';

export const MANIFEST_NAME = '.volseed-manifest' as Name;
const NEW_NAME = '.volseed-manifest.new' as Name;
/** Bytes: far more than the manifest of ten million files. */
const LARGEST = 2 ** 30;

export const tools: Tools = {
  sha256: hashOf,
  latin1: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'),
};

/** A manifest whose parts are read when they are needed, from a file that is held open until then. */
export interface Held {
  readonly manifest: Manifest;
  /** Its mtime, in whole seconds: what it tells of was looked at before that second was over. */
  readonly written: number;
  readonly close: () => void;
}

/** The manifest of the seed; undefined where it has none. Throws `Damaged`, or the kernel's error. */
export function openManifest(seed: Anchor): Held | undefined {
  seed.moveTo(ROOT);
  try {
    return hold(openForReading(MANIFEST_NAME));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** A manifest at a path that is trusted, links and all; of a directory, the one in it. Throws `Damaged`, or the kernel's error. */
export function openManifestAt(path: string): Held {
  const at = fs.statSync(path).isDirectory() ? `${path}/${MANIFEST_NAME}` : path;
  return hold(fs.openSync(at, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK));
}

function hold(descriptor: number): Held {
  try {
    const entry = lookAt(descriptor);
    if (entry.kind !== 'file') throw new Damaged('is not a regular file');
    if (entry.size > LARGEST) throw new Damaged('is larger than any manifest');
    const manifest = new Manifest(
      { length: entry.size, read: (from, length) => readAt(descriptor, from, length) },
      tools,
    );
    return { manifest, written: entry.seconds, close: () => close(descriptor) };
  } catch (error) {
    close(descriptor);
    throw error;
  }
}

/** So many bytes, or fewer where the file ends. */
function readAt(descriptor: number, from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const count = fs.readSync(descriptor, bytes, done, length - done, from + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

/** What a run that was killed has left, which would else be taken for data. */
export function sweepManifest(seed: Anchor): void {
  seed.moveTo(ROOT);
  const before = lookAt(seed.descriptor);
  try {
    removeFile(NEW_NAME);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  putBackTime(seed.descriptor, before);
}

/** Puts a manifest into a seed, whose root keeps its mtime. Throws the kernel's error; then the seed is as before. */
export function writeManifest(seed: Anchor, bytes: Uint8Array): void {
  seed.moveTo(ROOT);
  const before = lookAt(seed.descriptor);
  try {
    const descriptor = createFile(NEW_NAME, 0o644);
    try {
      write(descriptor, bytes, 0, bytes.length);
      changeMode(descriptor, 0o644);
      fs.fsyncSync(descriptor);
      rename(NEW_NAME, MANIFEST_NAME);
    } catch (error) {
      removeFile(NEW_NAME);
      throw error;
    } finally {
      close(descriptor);
    }
  } finally {
    putBackTime(seed.descriptor, before);
  }
}
