/**
 * The soft limit on open files. Node and Bun raise it to the hard one before any code of ours runs, and what it was cannot be
 * known; `--nofile` says what the service is to have.
 */
import { UsageError } from '../core/errors.ts';

/** Sets this process's own limit by util-linux's prlimit; false where the image has none. */
export function limitOpenFiles(soft: number): boolean {
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  const { status, error, stderr } = spawnSync('prlimit', ['--pid', String(process.pid), `--nofile=${soft}:`], {
    encoding: 'utf8',
  });
  if (error !== undefined) return false;
  if (status !== 0) throw new UsageError(`--nofile: ${stderr.trim()}; give no more than the hard limit`);
  return true;
}

/** The command behind a shell that sets the limit and execs it: for images without prlimit. */
export function behindLimit(soft: number, command: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', `ulimit -S -n ${soft} && exec "$0" "$@"`, ...command];
}
