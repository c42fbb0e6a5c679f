// A file of a GB, or of as many as VOLSEED_LARGE_GB says: its memory, its progress, and its end by a signal in the midst of it.
import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startVolseed, statusOf, until, type Running } from '../support/process.ts';
import { scratch } from '../support/tree.ts';
import { node, runToEnd, volseed } from '../support/volseed.ts';

const GB = 1_000_000_000;
const SIZE = Number(process.env['VOLSEED_LARGE_GB'] ?? 1) * GB;

interface Place {
  readonly seed: string;
  readonly volume: string;
  readonly args: readonly string[];
  /** Bytes that an unfinished copy has. */
  readonly copied: () => number;
}

function place(): Place {
  const held = scratch();
  onTestFinished(() => held[Symbol.dispose]());
  const [seed, volume] = [join(held.path, 'seed'), join(held.path, 'volume')];
  fs.mkdirSync(join(seed, 'data'), { recursive: true });
  fs.mkdirSync(volume);
  // Not one block of it is like another, nor like the same block of a wrong place.
  const make = `let at = 0; const d = fs.openSync('big', 'w'); const b = require('crypto').randomBytes(1e6);
    while (at < ${SIZE}) { b.writeDoubleLE(at, 0); at += fs.writeSync(d, b); }`;
  expect(runToEnd(node, ['-e', make], { cwd: join(seed, 'data') }).code).toBe(0);
  const parts = join(volume, '.volseed/stage/parts');
  const copied = (): number => {
    try {
      return fs.readdirSync(parts).reduce((sum, name) => sum + fs.statSync(join(parts, name)).size, 0);
    } catch {
      return 0;
    }
  };
  return { seed, volume, args: ['sync', '--source', seed, '--target', volume], copied };
}

async function reaches({ copied }: Place, share: number, running: Running): Promise<void> {
  await until(`${share} of it are copied`, () => {
    if (running.ending() !== undefined) throw new Error('it ended too soon');
    return copied() >= share * SIZE;
  });
}

const isSame = (a: string, b: string): boolean => runToEnd('cmp', [a, b]).code === 0;

// The test may be kept from looking until the copy is done.
describe('a file that takes long', { retry: 3 }, () => {
  it.each([
    ['SIGTERM', { code: 143, signal: null }],
    ['SIGKILL', { code: null, signal: 'SIGKILL' }],
  ] as const)('ended by %s at 60%%, it is gone on with from there by the next run, and whole', async (signal, end) => {
    const here = place();
    const running = startVolseed(here.args);
    await reaches(here, 0.6, running);
    running.kill(signal);
    expect(await running.ended).toEqual(end);
    // It did not wait for the copy.
    const left = here.copied();
    expect(left).toBeLessThan(SIZE);
    expect(fs.existsSync(join(here.volume, 'data'))).toBe(false);
    const { code, stdout, stderr } = volseed(here.args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [, at = ''] = /data\/big: ([\d.]+) [MG]B of .* are there from a run that was interrupted/.exec(stdout) ?? [];
    console.log(`${signal}: ${left} bytes were there, ${at} were gone on from`);
    expect(Number(at)).toBeGreaterThan(0);
    expect(isSame(join(here.seed, 'data/big'), join(here.volume, 'data/big'))).toBe(true);
    expect(fs.readdirSync(join(here.volume, '.volseed/stage'))).toEqual([]);
  });

  it('takes no more memory than a small one, and tells how far it is', async () => {
    const here = place();
    const running = startVolseed(here.args);
    await reaches(here, 0.3, running);
    running.kill('SIGSTOP');
    await sleep(5500);
    running.kill('SIGCONT');
    await reaches(here, 0.8, running);
    const peak = Number.parseInt(statusOf(running.pid)['VmHWM'] ?? '', 10) / 1024;
    expect(await running.ended).toEqual({ code: 0, signal: null });
    console.log(`${SIZE / GB} GB: ${Math.round(peak)} MiB at the peak`);
    expect(peak).toBeLessThan(128);
    expect(running.output.stdout).toMatch(/data\/big: [\d.]+ [MG]B of [\d.]+ GB copied \(\d+%\)/);
  });
});
