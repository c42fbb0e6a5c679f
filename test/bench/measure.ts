/** What a command costs, as a whole process. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Milliseconds on the clock. Throws where it does not end with 0. */
export function time([program = '', ...args]: readonly string[]): number {
  const from = process.hrtime.bigint();
  const { status, stderr, error } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  const took = Number(process.hrtime.bigint() - from) / 1e6;
  if (error !== undefined || status !== 0)
    throw new Error(`${program} ${args.join(' ')}: ${status ?? error?.message}\n${stderr}`);
  return took;
}

/** The most proportional set size that was seen, in MB, looked at every 3 ms: what the machine has less of. */
export async function memory([program = '', ...args]: readonly string[]): Promise<number> {
  const child = spawn(program, args, { stdio: 'ignore' });
  let most = 0;
  while (child.exitCode === null && child.signalCode === null) {
    most = Math.max(most, pssOf(child.pid ?? 0));
    // oxlint-disable-next-line no-await-in-loop -- it is a clock
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  return most / 1024;
}

/** KiB, of the process and those that it started. */
function pssOf(pid: number): number {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean)
      .map(Number);
    const own = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? '0';
    return children.map(pssOf).reduce((sum, each) => sum + each, Number(own));
  } catch {
    return 0;
  }
}

/** How many system calls, of all its threads and children. */
export function systemCalls(command: readonly string[], log: string): number {
  spawnSync('strace', ['-f', '-qq', '-c', '-o', log, ...command], { stdio: 'ignore' });
  const total = readFileSync(log, 'utf8')
    .split('\n')
    .find((line) => line.endsWith(' total'));
  return Number(total?.trim().split(/\s+/)[3] ?? Number.NaN);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
