// One seeder at a time on a volume, any number on different ones, and no lock that outlives its holder.
import { readFileSync, symlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import {
  exists,
  type Ground,
  ground,
  leftovers,
  lines,
  makeSeed,
  oneLine,
  runsOf,
  staging,
  unlikeSeed,
} from '../support/probe.ts';
import { endWithin, everything, type Running, startVolseed, until } from '../support/process.ts';
import { file, scratch } from '../support/tree.ts';
import { type Result, volseed } from '../support/volseed.ts';

const place = scratch();
/** Enough for a run that goes on when a test has seen it begin, on a busy machine too. */
const large = makeSeed(place.path, 10_000);
const medium = makeSeed(place.path, 300);
afterAll(() => place[Symbol.dispose]());

const success = 'Initial data sync operation completed successfully.';

/** A sync that stands still in the midst of its work, with the lock in its hands. */
async function holdUp(on: Ground): Promise<Running> {
  const holder = startVolseed(['sync', ...on.where]);
  await staging(on);
  holder.kill('SIGSTOP');
  return holder;
}

async function letGo(holder: Running): Promise<void> {
  holder.kill('SIGCONT');
  expect(await holder.ended).toEqual({ code: 0, signal: null });
}

function syncAtOnce(on: Ground, ...options: readonly string[]): Result {
  return volseed(['sync', ...on.where, '--lock-timeout', '0', ...options]);
}

const itemised = ({ output }: Running): number => lines(output.stdout).filter((line) => line.endsWith('.txt')).length;

describe('seeders of one volume', () => {
  test('ten at once: all end well, and one of them copies', async () => {
    const on = ground(medium.path);
    const all = Array.from({ length: 10 }, () => startVolseed(['sync', ...on.where]));
    const endings = await Promise.all(all.map(async ({ ended }) => await ended));
    expect(endings.map(({ code }) => code)).toEqual(Array(10).fill(0));
    expect(all.map(itemised).toSorted((a, b) => a - b)).toEqual([...Array<number>(9).fill(0), 300]);
    for (const one of all) expect(lines(one.output.stdout)).toContain(success);
    expect(unlikeSeed(on, medium.seen)).toEqual([]);
    expect(leftovers(on.volume)).toEqual([]);
    expect(runsOf(on.volume).map(({ status }) => status)).toEqual(Array(10).fill('completed'));
    expect(new Set(runsOf(on.volume).map(({ id }) => id)).size).toBe(10);
  });

  test('as containers are started: each run execs its service, once the volume is seeded', async () => {
    const on = ground(medium.path);
    const command = ['sh', '-c', `ls ${on.volume}/part-1 | wc -l`];
    const all = Array.from({ length: 5 }, () => startVolseed(['run', ...on.where, '--', ...command]));
    await Promise.all(all.map(async ({ ended }) => await ended));
    expect(all.map(({ output }) => lines(output.stdout).at(-1))).toEqual(Array(5).fill('3'));
  });

  test('--lock-timeout 0 does not wait: 75, in one line that names the host and the run of the holder', async () => {
    const on = ground(large.path);
    const holder = await holdUp(on);
    const result = syncAtOnce(on);
    const recorded = readFileSync(join(on.volume, '.volseed/holder.json'), 'utf8');
    await letGo(holder);
    const run = runsOf(on.volume)[0]?.id ?? 'no run';
    expect(result).toEqual(oneLine(75, hostname(), run));
    expect(recorded).toContain(hostname());
    expect(recorded).toContain(run);
  });

  test('one that may not wait touches nothing, and is no run', async () => {
    const on = ground(large.path);
    const holder = await holdUp(on);
    expect(syncAtOnce(on, '--policy', 'always').code).toBe(75);
    await letGo(holder);
    expect(runsOf(on.volume).map(({ status }) => status)).toEqual(['completed']);
    expect(unlikeSeed(on, large.seen)).toEqual([]);
  });

  test('one that waits says so once, and goes on when the holder is done', async () => {
    const on = ground(large.path);
    const holder = await holdUp(on);
    const waiting = startVolseed(['sync', ...on.where]);
    await until('the other says that it waits', () => everything(waiting).includes(hostname()));
    await sleep(1500);
    expect(lines(everything(waiting)).filter((line) => line.includes(hostname()))).toHaveLength(1);
    expect(waiting.ending()).toBeUndefined();
    await letGo(holder);
    expect(await endWithin(waiting)).toEqual({ code: 0, signal: null });
    expect(itemised(waiting)).toBe(0);
  });

  test('one that has waited long enough ends with 75', async () => {
    const on = ground(large.path);
    const holder = await holdUp(on);
    const waiting = startVolseed(['sync', ...on.where, '--lock-timeout', '1s']);
    const since = performance.now();
    expect(await endWithin(waiting)).toEqual({ code: 75, signal: null });
    expect(performance.now() - since).toBeGreaterThan(900);
    await letGo(holder);
  });

  test('are the same by another name of the volume', async () => {
    const on = ground(large.path);
    const alias = join(on.root, 'alias');
    symlinkSync('volume', alias);
    const holder = await holdUp(on);
    const result = volseed(['sync', '--source', on.seed, '--target', alias, '--lock-timeout', '0']);
    expect(result.code).toBe(75);
    await letGo(holder);
  });

  test('run does not start its service without the lock', async () => {
    const on = ground(large.path);
    const holder = await holdUp(on);
    const begun = join(on.root, 'begun');
    const result = volseed(['run', ...on.where, '--lock-timeout', '0', '--', 'touch', begun]);
    expect([result.code, exists(begun)]).toEqual([75, false]);
    await letGo(holder);
  });
});

describe('a holder that is dead', () => {
  test.each(['SIGKILL', 'SIGTERM', 'SIGQUIT'] as const)('of %s leaves no lock', async (signal) => {
    const on = ground(large.path);
    const holder = startVolseed(['sync', ...on.where]);
    await staging(on);
    holder.kill(signal);
    await holder.ended;
    expect(syncAtOnce(on).code).toBe(0);
    expect(unlikeSeed(on, large.seen)).toEqual([]);
  });

  test('of SIGKILL lets in one that waits', async () => {
    const on = ground(large.path);
    const holder = await holdUp(on);
    const waiting = startVolseed(['sync', ...on.where]);
    await until('the other says that it waits', () => everything(waiting).includes(hostname()));
    holder.kill('SIGKILL');
    expect(await endWithin(waiting)).toEqual({ code: 0, signal: null });
    expect(unlikeSeed(on, large.seen)).toEqual([]);
    expect(runsOf(on.volume).map(({ status }) => status)).toEqual(['interrupted', 'completed']);
  });

  test('is not named as the holder: what it left for people to read is no lock', () => {
    const on = ground(
      { file: file('1') },
      { '.volseed/holder.json': file('{"host":"gone","run":"r1","since":"2026-01-01"}') },
    );
    expect(syncAtOnce(on).code).toBe(0);
  });
});

describe('seeders of different volumes', () => {
  test('never wait for each other, not even with one seed', async () => {
    const one = ground(large.path);
    const other = ground(medium.path);
    const holder = await holdUp(one);
    expect(syncAtOnce(other).code).toBe(0);
    expect(
      volseed(['sync', '--source', one.seed, '--target', join(other.root, 'volume'), '--lock-timeout', '0']).code,
    ).toBe(0);
    await letGo(holder);
  });

  test('plan is not kept waiting by a seeder', async () => {
    const on = ground(large.path);
    const holder = await holdUp(on);
    const planning = startVolseed(['plan', ...on.where]);
    expect(await endWithin(planning)).toEqual({ code: 0, signal: null });
    await letGo(holder);
  });
});
