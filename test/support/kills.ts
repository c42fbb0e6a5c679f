// Kills the program in a system call, each of them in turn.
import { readFileSync } from 'node:fs';
import { runToEnd, type Result, program } from './volseed.ts';

/** Everything that can change a file system, but for what the runtime does for itself. */
export const CALLS = [
  'rename',
  'link',
  'unlink',
  'rmdir',
  'mkdir',
  'symlink',
  'pwrite64',
  'write',
  'utimensat',
  'fchmod',
  'chmod',
  'fchown',
  'fsync',
  'fdatasync',
  'copy_file_range',
] as const;

/** Runs volseed, and kills it in its nth call of that name; the code is 137 where it came to that. */
export function killed(call: string, n: number, args: readonly string[]): Result {
  const inject = `inject=${call}:signal=KILL:when=${n}`;
  return runToEnd('strace', ['-f', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject, ...program, ...args], {
    env: { PATH: process.env['PATH'] ?? '' },
  });
}

/** strace counts for each thread by itself, and the runtime spreads some calls over several: their last numbers may not be reached. */
export function endOf(call: string, n: number, code: number): string {
  const mayBeMissed = n > 1 && ['write', 'fsync', 'openat'].includes(call);
  return code === 137 || (code === 0 && mayBeMissed) ? 'killed' : `ended with ${code}`;
}

export function countOf(call: string, args: readonly string[], log: string): number {
  runToEnd('strace', ['-f', '-o', log, '-e', `trace=${call}`, ...program, ...args], {
    env: { PATH: process.env['PATH'] ?? '' },
  });
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.includes(`${call}(`)).length;
}

/** Numbers from 1 to count, evenly, at most so many. */
export function points(count: number, most: number): number[] {
  const step = Math.max(1, Math.ceil(count / most));
  return Array.from({ length: Math.ceil(count / step) }, (_, at) => 1 + at * step);
}
