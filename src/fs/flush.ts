/**
 * A barrier: what was written is on the disk. For many files one `sync -f` (syncfs of the volume's file system; coreutils and
 * BusyBox have it) instead of an fsync each; for a few, or where there is no such command, an fsync each.
 */
import fs from 'node:fs';
import { codeOf, explain, Interrupted, VolumeError } from '../core/errors.ts';
import type { Name } from '../core/path.ts';
import type { Pulse } from '../core/pulse.ts';
import { descriptorPath, hasProc, isMissing, toArgument } from './disk.ts';
import { patiently } from './patience.ts';

/** Opens one file or directory that was written; undefined where it is gone. */
export type Opener = () => number | undefined;

/** Up to so many files an fsync each is cheaper than a process, and does not wait for what others have written. */
const FEW = 16;
const AT_ONCE = 16;

/** Above so many bytes it is a process, too: a signal need not wait for that, as it must for an fsync. */
const LONG = 256 * 1024 * 1024;
/** Milliseconds between two looks for a signal. */
const LOOK = 25;

export interface Writing {
  readonly pulse?: Pulse;
  /** How much was written. */
  readonly bytes?: number;
}

/**
 * Throws `Interrupted` where a signal comes meanwhile.
 * @param directory an open descriptor of a directory on the file system that all of it lies on.
 */
export async function flush(
  directory: number,
  written: readonly Opener[],
  { pulse, bytes = 0 }: Writing = {},
): Promise<void> {
  try {
    const many = written.length > FEW || bytes >= LONG;
    if (!many || !hasProc || !(await syncFileSystem(directory, pulse))) await syncEach(written, pulse);
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    const message = `the volume could not be flushed to its disk: ${explain(error)}; what is on it cannot be trusted`;
    throw new VolumeError(message, { cause: error });
  }
}

async function syncEach(written: readonly Opener[], pulse: Pulse | undefined): Promise<void> {
  for (let at = 0; at < written.length; at += AT_ONCE) {
    await Promise.all(written.slice(at, at + AT_ONCE).map((open) => syncOne(open())));
    if (pulse?.ended === true) await pulse.beat();
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
async function syncFileSystem(directory: number, pulse: Pulse | undefined): Promise<boolean> {
  // Loaded here: it costs 3 ms, and a start with nothing to do flushes nothing.
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn('sync', ['-f', descriptorPath(3)], {
    stdio: ['ignore', 'ignore', 'pipe', directory],
    env: { ...process.env, LC_ALL: 'C' },
    cwd: '/',
  });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  let watch: NodeJS.Timeout | undefined;
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', resolve);
    watch = setInterval(() => {
      if (pulse?.ended === true) resolve(null);
    }, LOOK);
  });
  clearInterval(watch);
  if (pulse?.ended === true) {
    // It may be deep in the kernel, where no signal reaches it: nobody waits for it.
    child.kill('SIGKILL');
    child.stderr?.destroy();
    child.unref();
    await pulse.beat();
  }
  // In the words of the GNU C library, and of musl.
  if (/(input\/output|i\/o) error/i.test(said)) throw new Error('input/output error');
  return code === 0;
}
