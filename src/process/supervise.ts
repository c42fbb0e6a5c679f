/** Staying as the service's parent: every signal is forwarded, and its end is ours. */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { constants } from 'node:os';
import { refused } from './exec.ts';
import { findCommand } from './command.ts';

/** What must not, or cannot, be forwarded: the kernel's own, and those about this process itself. */
const OWN = new Set([
  'SIGKILL',
  'SIGSTOP',
  'SIGCHLD',
  'SIGCLD',
  'SIGILL',
  'SIGABRT',
  'SIGIOT',
  'SIGFPE',
  'SIGSEGV',
  'SIGBUS',
  'SIGTRAP',
  'SIGSYS',
  'SIGPROF',
  'SIGPIPE',
  'SIGXFSZ',
  'SIGSTKFLT',
  'SIGPOLL',
  'SIGIO',
  'SIGUNUSED',
  'SIGINFO',
  'SIGLOST',
]);
/** An order to stop. SIGHUP is none: to most services it says to read their configuration again. */
const ENDING = new Set(['SIGTERM', 'SIGINT', 'SIGQUIT']);
/**
 * Bun (1.4) can take a signal in right before it goes to sleep, and hand it on only when something else wakes it: of 120 that
 * came as soon as the command ran, one waited so.
 */
const MISSES_WAKE_UPS = process.versions['bun'] !== undefined;
/** Milliseconds. */
const WAKE_EVERY = 100;

interface Terms {
  /** Milliseconds from the first ending signal to SIGKILL. */
  readonly grace: number;
  /** The directory whose file system is flushed when the command has ended; undefined for none. */
  readonly volume: string | undefined;
  /** Done once the signals are in hand and before the command is started. */
  readonly before: () => void;
}

/** Runs the command to its end, flushes the volume, and returns the exit code, or 128 + n where signal n ended it. */
export async function superviseAndFlush(argv: readonly string[], { grace, volume, before }: Terms): Promise<number> {
  // Opened before the drop to another user, who may not be allowed to.
  const descriptor =
    volume === undefined ? undefined : fs.openSync(volume, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  before();
  const code = await supervise(argv, grace);
  if (descriptor !== undefined)
    spawnSync('sync', ['-f', '/proc/self/fd/3'], { stdio: ['ignore', 'ignore', 'ignore', descriptor] });
  return code;
}

/**
 * Runs the command to its end and returns its exit code, or 128 + n where signal n ended it.
 * @param grace milliseconds from the first ending signal to SIGKILL.
 */
async function supervise([command = '', ...args]: readonly string[], grace: number): Promise<number> {
  const file = findCommand(command, process.env['PATH']);
  let killer: NodeJS.Timeout | undefined;
  const forward = (signal: NodeJS.Signals): void => {
    child.kill(signal);
    if (ENDING.has(signal)) killer ??= setTimeout(() => child.kill('SIGKILL'), grace);
  };
  const forwarded = (Object.keys(constants.signals) as NodeJS.Signals[]).filter((signal) => !OWN.has(signal));
  // Before there is a command, which could ask for a signal as soon as it runs; none is handed on before this turn has ended.
  for (const signal of forwarded) process.on(signal, forward);
  const child = spawn(file, args, { stdio: 'inherit', argv0: command });
  const waker = MISSES_WAKE_UPS ? setInterval(() => undefined, WAKE_EVERY) : undefined;
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (error) => reject(refused(command, error)));
      child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
    });
  } finally {
    clearInterval(waker);
    clearTimeout(killer);
    for (const signal of forwarded) process.removeListener(signal, forward);
  }
}
