// Processes that live while a test looks at them, and what the kernel says of them.
import { spawn, type StdioOptions } from 'node:child_process';
import { closeSync, constants, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { setInterval, setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { runToEnd, leading, runtime } from './volseed.ts';

/** How long a test waits for what must come at once, before it calls it missing. */
export const patience = 30_000;

export interface Launch {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly stdio?: StdioOptions | undefined;
}

export interface Ending {
  /** The exit code, or null where a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of a test. It is gone when the test is, whatever the test did. */
export interface Running {
  readonly pid: number;
  readonly output: { stdout: string; stderr: string };
  /** Settles when the process has ended and its output is read. */
  readonly ended: Promise<Ending>;
  readonly ending: () => Ending | undefined;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Ends it with all that it has started. */
  readonly end: () => Promise<void>;
}

/** Starts `volseed ARGS`; the environment is PATH and what `env` says, nothing else. */
export function startVolseed(args: readonly string[], launch: Launch = {}): Running {
  return start(runtime, [...leading, ...args], launch);
}

export function start(command: string, args: readonly string[], launch: Launch = {}): Running {
  const { env = {}, stdio = ['pipe', 'pipe', 'pipe'], ...rest } = launch;
  const child = spawn(command, [...args], {
    ...rest,
    stdio,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    // A group of its own, so that it can be ended with all that it started.
    detached: true,
  });
  const output = { stdout: '', stderr: '' };
  let ending: Ending | undefined;
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  // A process that ends before it reads its input is no error of the test.
  child.stdin?.on('error', () => undefined);
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => (ending = { code, signal }));
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  // The test may never await it.
  ended.catch(() => undefined);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} could not be started`);
  onTestFinished(() => {
    endGroup(pid);
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
  });
  return {
    pid,
    output,
    ended,
    ending: () => ending,
    kill: (signal) => child.kill(signal),
    end: async () => {
      endGroup(pid);
      await ended;
    },
  };
}

/** Does something so many times, one after the other, with the number of the time. */
export async function inTurn(times: number, act: (n: number) => Promise<void>, n = 0): Promise<void> {
  if (n === times) return;
  await act(n);
  await inTurn(times, act, n + 1);
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // All of it has ended already.
  }
}

/** Waits until `holds` gives a value, and returns it. */
export async function until<T>(what: string, holds: () => T | undefined | false, within = patience): Promise<T> {
  const deadline = Date.now() + within;
  for await (const _ of setInterval(2)) {
    const value = holds();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) break;
  }
  throw new Error(`${what}: not within ${within / 1000} s`);
}

/** Waits until the process has become the program named, by exec, and rests: its loader has done its work. */
export async function becomes(running: Running, name: string): Promise<void> {
  await until(`process ${running.pid} becomes ${name}`, () => {
    const ending = running.ending();
    if (ending) {
      throw new Error(`ended with ${JSON.stringify(ending)} before it became ${name}\n${everything(running)}`);
    }
    return programOf(running.pid) === name && statusOf(running.pid)['State']?.startsWith('S');
  });
}

export function everything({ output }: Running): string {
  return output.stdout + output.stderr;
}

/** The process below `running` that runs the program named, by the first of its arguments or the script that is the second. */
export async function serviceOf(running: Running, name: string): Promise<number> {
  const isIt = (pid: number): boolean => argumentsOf(pid).slice(0, 2).includes(name);
  return await until(`volseed starts ${name}`, () => descendants(running.pid).find(isIt));
}

/** Waits until a process has said a line on its stdout. */
export async function says(running: Running, line: string): Promise<void> {
  await until(`a line ${line}`, () => running.output.stdout.split('\n').includes(line));
}

/** The end of a process, or undefined where it still runs after `within` milliseconds. */
export async function endWithin(running: Running, within = patience): Promise<Ending | undefined> {
  return await Promise.race([running.ended, sleep(within, undefined, { ref: false })]);
}

/** A named pipe of which the test is the reader, so that it decides when the writer may go on. */
export interface Pipe {
  /** For the stdio of a process. */
  readonly writer: number;
  /** Closes this process's writer: the pipe ends with those of the processes that got it. */
  readonly handOver: () => void;
  /** Nobody will ever read it. */
  readonly forsake: () => void;
  /** Reads to the end. */
  readonly drain: () => Promise<string>;
}

export function makePipe(path: string, flags = 0): Pipe {
  runToEnd('mkfifo', [path]);
  // Opened for both it waits for nobody; then the reader finds a writer, and the writer a reader.
  const both = openSync(path, constants.O_RDWR);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY | flags);
  closeSync(both);
  const open = new Set([reader, writer]);
  const close = (descriptor: number): void => {
    if (open.delete(descriptor)) closeSync(descriptor);
  };
  onTestFinished(() => open.forEach(close));
  return {
    writer,
    handOver: () => close(writer),
    forsake: () => close(reader),
    drain: () => readToEnd(reader),
  };
}

async function readToEnd(reader: number): Promise<string> {
  const buffer = Buffer.alloc(65_536);
  const parts: Buffer[] = [];
  for await (const _ of setInterval(2)) {
    const read = readSome(reader, buffer);
    if (read === 0) break;
    if (read !== undefined) parts.push(Buffer.from(buffer.subarray(0, read)));
  }
  return Buffer.concat(parts).toString('utf8');
}

/** The bytes read: 0 at the end, undefined where there are none yet. */
function readSome(descriptor: number, buffer: Buffer): number | undefined {
  try {
    return readSync(descriptor, buffer);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return undefined;
    throw error;
  }
}

// ---- what /proc says ----

/** /proc/PID/status by the names of its lines. */
export function statusOf(pid: number): Record<string, string> {
  const lines = readFileSync(`/proc/${pid}/status`, 'utf8').trim().split('\n');
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  );
}

/** /proc/PID/limits: each limit with "soft hard unit". */
export function limitsOf(pid: number): Record<string, string> {
  const [, ...lines] = readFileSync(`/proc/${pid}/limits`, 'utf8').trim().split('\n');
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, 26).trim(), line.slice(26).trim().replaceAll(/ +/g, ' ')]),
  );
}

export function parentOf(pid: number): number {
  return Number(statusOf(pid)['PPid']);
}

/** The name of the program that a process runs, as the kernel has it. */
export function programOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();
  } catch {
    return undefined;
  }
}

export function workingDirectoryOf(pid: number): string {
  return readlinkSync(`/proc/${pid}/cwd`);
}

/** Nothing where the process has ended. */
export function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

/** The environment with which a process was started: NAME=VALUE, sorted. */
export function environmentOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').slice(0, -1).toSorted();
}

export interface Descriptor {
  readonly to: string;
  /** The flags of open(2), in octal as /proc/PID/fdinfo has them. */
  readonly flags: number;
}

export function descriptorsOf(pid: number): Record<string, Descriptor> {
  const entries = readdirSync(`/proc/${pid}/fd`).map((fd): [string, Descriptor] => {
    const flags = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
    return [fd, { to: readlinkSync(`/proc/${pid}/fd/${fd}`), flags: Number.parseInt(flags, 8) }];
  });
  return Object.fromEntries(entries);
}

/** All processes below one, zombies among them, parents before children. */
export function descendants(pid: number): number[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: parentFromStat(name) }));
  const below = (parent: number): number[] =>
    all.filter((process) => process.parent === parent).flatMap((child) => [child.pid, ...below(child.pid)]);
  return below(pid);
}

/** True while a process exists and is no zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !statusOf(pid)['State']?.startsWith('Z');
  } catch {
    return false;
  }
}

/** The parent's pid, by its place in /proc/PID/stat; the name in there may have spaces and brackets. */
function parentFromStat(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')')).split(' ')[2]);
  } catch {
    return undefined;
  }
}
