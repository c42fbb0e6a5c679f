/** `.volseed-manifest` at the root of a seed: read whole, and written by a new name and a rename. */
import fs from 'node:fs';
import { Manifest, type Tools } from '../core/manifest.ts';
import { Damaged } from '../core/octets.ts';
import { ROOT, type Name } from '../core/path.ts';
import type { Anchor } from './anchor.ts';
import { putBackTime } from './attributes.ts';
import {
  changeMode,
  close,
  createFile,
  isMissing,
  lookAt,
  openForReading,
  readInto,
  removeFile,
  rename,
  write,
} from './disk.ts';

export const MANIFEST_NAME = '.volseed-manifest' as Name;
const NEW_NAME = '.volseed-manifest.new' as Name;
/** Bytes: far more than the manifest of ten million files. */
const LARGEST = 2 ** 30;

export const tools: Tools = {
  sha256: (bytes) => process.getBuiltinModule('node:crypto').createHash('sha256').update(bytes).digest('hex'),
  latin1: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'),
};

/** The manifest of the seed; undefined where it has none. Throws `Damaged`, or the kernel's error. */
export function readManifest(seed: Anchor): Manifest | undefined {
  seed.moveTo(ROOT);
  let descriptor: number;
  try {
    descriptor = openForReading(MANIFEST_NAME);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  return readFrom(descriptor);
}

/** A manifest at a path that is trusted, links and all; of a directory, the one in it. Throws `Damaged`, or the kernel's error. */
export function readManifestAt(path: string): Manifest {
  const directory = fs.statSync(path).isDirectory();
  return readFrom(
    fs.openSync(directory ? `${path}/${MANIFEST_NAME}` : path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK),
  );
}

/** Closes the descriptor. */
function readFrom(descriptor: number): Manifest {
  try {
    const entry = lookAt(descriptor);
    if (entry.kind !== 'file') throw new Damaged('is not a regular file');
    if (entry.size > LARGEST) throw new Damaged('is larger than any manifest');
    const bytes = new Uint8Array(entry.size);
    return new Manifest(bytes.subarray(0, readInto(descriptor, bytes, 0, bytes.length)), tools);
  } finally {
    close(descriptor);
  }
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
