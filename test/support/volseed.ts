// The program as a user has it: the bundle, run as a process.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const node = fileURLToPath(new URL('../../node_modules/node/bin/node', import.meta.url));
export const bundle = fileURLToPath(new URL('../../dist/entrypoint.js', import.meta.url));

export interface Result {
  /** The exit code, or 128 + n when a signal ended the process. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Options {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly input?: string | Buffer;
}

/** Runs `volseed ARGS` to its end. The environment is PATH and what `env` says, nothing else. */
export function volseed(args: readonly string[], { env = {}, ...options }: Options = {}): Result {
  return runToEnd(node, [bundle, ...args], { env: { PATH: process.env['PATH'] ?? '', ...env }, ...options });
}

/** Runs any command to its end. */
export function runToEnd(command: string, args: readonly string[], options: Options = {}): Result {
  const { status, signal, stdout, stderr, error } = spawnSync(command, [...args], {
    ...options,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (error) throw error;
  return { code: status ?? 128 + (signalNumbers[signal ?? ''] ?? 0), stdout, stderr };
}

const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };
