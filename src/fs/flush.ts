/**
 * A barrier: what was written is on the disk. For many files one `sync -f` (syncfs of the volume's file system; coreutils and
 * BusyBox have it) instead of an fsync each; for a few, or where there is no such command, an fsync each.
 */
import fs from 'node:fs';
import { codeOf, explain, VolumeError } from '../core/errors.ts';
import type { Name } from '../core/path.ts';
import { descriptorPath, hasProc, isMissing, toArgument } from './disk.ts';
import { patiently } from './patience.ts';

/** Opens one file or directory that was written; undefined where it is gone. */
export type Opener = () => number | undefined;

/** Up to so many files an fsync each is cheaper than a process, and does not wait for what others have written. */
const FEW = 16;
const AT_ONCE = 16;

/** @param directory an open descriptor of a directory on the file system that all of it lies on. */
export async function flush(directory: number, written: readonly Opener[]): Promise<void> {
  try {
    if (written.length > FEW && hasProc && (await syncFileSystem(directory))) return;
    for (let at = 0; at < written.length; at += AT_ONCE) {
      await Promise.all(written.slice(at, at + AT_ONCE).map((open) => syncOne(open())));
    }
  } catch (error) {
    const message = `the volume could not be flushed to its disk: ${explain(error)}; what is on it cannot be trusted`;
    throw new VolumeError(message, { cause: error });
  }
}

/** Opens a name of the working directory for nothing but to flush it. */
export function openToFlush(name: Name | '.'): number | undefined {
  const { O_RDONLY, O_WRONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  for (const access of [O_RDONLY, O_WRONLY]) {
    try {
      return patiently(() => fs.openSync(toArgument(name), access | O_NOFOLLOW | O_NONBLOCK));
    } catch (error) {
      if (isMissing(error)) return undefined;
      if (!['EACCES', 'EISDIR'].includes(codeOf(error) ?? '')) throw error;
    }
  }
  // Without root: a file that we may neither read nor write any more. A file system's own interval flushes it.
  return undefined;
}

async function syncOne(descriptor: number | undefined): Promise<void> {
  if (descriptor === undefined) return;
  try {
    await new Promise<void>((resolve, reject) => {
      fs.fsync(descriptor, (error) => (error ? reject(error) : resolve()));
    });
  } finally {
    fs.closeSync(descriptor);
  }
}

/** False where there is no such command, or it does not know how. Throws where the disk reported an error. */
async function syncFileSystem(directory: number): Promise<boolean> {
  // Loaded here: it costs 3 ms, and a start with nothing to do flushes nothing.
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn('sync', ['-f', descriptorPath(3)], {
    stdio: ['ignore', 'ignore', 'pipe', directory],
    env: { ...process.env, LC_ALL: 'C' },
    cwd: '/',
  });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', resolve);
  });
  if (/input\/output error/i.test(said)) throw new Error('input/output error');
  return code === 0;
}
