// Many at once on one volume: one works, the others wait; who dies leaves no lock; who looks is kept from nothing.
import { rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import {
  exists,
  ground,
  leftovers,
  lines,
  makeSeed,
  runsOf,
  staging,
  unlikeSeed,
  type Ground,
} from '../support/probe.ts';
import { endWithin, everything, inTurn, startVolseed, until, type Running } from '../support/process.ts';
import { firstNumber, Random } from '../support/random.ts';
import { scratch } from '../support/tree.ts';
import { volseed } from '../support/volseed.ts';

const seeders = Number(process.env['VOLSEED_SEEDERS'] ?? 50);
const killed = Number(process.env['VOLSEED_KILLED_HOLDERS'] ?? 40);

const place = scratch();
const seed = makeSeed(place.path, 2000);
const large = makeSeed(place.path, 10_000);
afterAll(() => place[Symbol.dispose]());

const success = 'Initial data sync operation completed successfully.';
const itemised = ({ output }: Running): number => lines(output.stdout).filter((line) => line.endsWith('.txt')).length;

/** A volume that is its seed's, whole, with nothing left of the work. */
function expectSettled(on: Ground, seen = seed.seen): void {
  expect(unlikeSeed(on, seen)).toEqual([]);
  expect(leftovers(on.volume)).toEqual([]);
}

describe('many seeders', () => {
  test(`${seeders} together: one seeds, the others wait and find nothing to do`, async () => {
    const on = ground(seed.path);
    const all = Array.from({ length: seeders }, () => startVolseed(['sync', ...on.where]));
    const endings = await Promise.all(all.map(async (one) => await endWithin(one, 300_000)));
    console.log(
      `${seeders} seeders: ${all.filter((one) => everything(one).includes('Waiting for')).length} said that they wait`,
    );
    expect(endings.filter((ending) => ending?.code !== 0)).toEqual([]);
    expect(all.map(itemised).toSorted((a, b) => a - b)).toEqual([...Array<number>(seeders - 1).fill(0), 2000]);
    for (const one of all) expect(lines(one.output.stdout)).toContain(success);
    expect(runsOf(on.volume).map(({ status }) => status)).toEqual(Array(seeders).fill('completed'));
    expectSettled(on);
  });

  test(`holders killed at random (VOLSEED_TEST_SEED=${firstNumber}): the next has the lock at once, and the last finishes`, async () => {
    const on = ground(seed.path);
    const random = new Random(firstNumber);
    let died = 0;
    await inTurn(killed, async (n) => {
      // So that there is work to be killed in.
      for (let part = 0; part < 50; part++) rmSync(`${on.volume}/part-${part}`, { recursive: true, force: true });
      // Two at a time, so that now and then the one that waits is killed, and not the holder.
      const pair = [0, 1].map(() => startVolseed(['sync', '--policy', n % 2 === 0 ? 'always' : 'newer', ...on.where]));
      await sleep(random.below(400));
      const [one, other] = random.chance(50) ? pair : pair.toReversed();
      if (one?.ending() === undefined) died++;
      one?.kill('SIGKILL');
      await one?.ended;
      expect(await other?.ended).toEqual({ code: 0, signal: null });
      expect(volseed(['sync', '--lock-timeout', '0', ...on.where]).code).toBe(0);
    });
    console.log(`${died} of ${killed} seeders were killed before they had ended`);
    expect(died).toBeGreaterThan(0);
    expectSettled(on);
  });

  test('all but the last killed in the midst of their work, while others wait: one of those goes on, and finishes', async () => {
    const on = ground(large.path);
    const all = Array.from({ length: 6 }, () => startVolseed(['sync', ...on.where]));
    const random = new Random(firstNumber);
    await inTurn(5, async () => {
      await sleep(300 + random.below(300));
      const running = all.filter((one) => one.ending() === undefined);
      if (running.length > 1) random.pick(running).kill('SIGKILL');
    });
    const endings = await Promise.all(all.map(async (one) => await endWithin(one, 120_000)));
    expect(endings.filter((ending) => ending?.code !== 0 && ending?.signal !== 'SIGKILL')).toEqual([]);
    expect(endings.some((ending) => ending?.code === 0)).toBe(true);
    expectSettled(on, large.seen);
  });
});

describe('the wait for the lock', () => {
  test.each([1, 3])('of %i s ends within a second of that, and names the holder', async (seconds) => {
    const on = ground(large.path);
    const holder = startVolseed(['sync', ...on.where]);
    await staging(on);
    holder.kill('SIGSTOP');
    const waiting = startVolseed(['sync', ...on.where, '--lock-timeout', `${seconds}s`]);
    await until('it says that it waits', () => everything(waiting).includes('Waiting for'));
    const from = performance.now();
    const ending = await endWithin(waiting);
    const waited = (performance.now() - from) / 1000;
    holder.kill('SIGCONT');
    console.log(`--lock-timeout ${seconds}s, from the line that says so to the end: ${waited.toFixed(2)} s`);
    expect(ending).toEqual({ code: 75, signal: null });
    expect(waiting.output.stderr).toMatch(
      new RegExp(`sync \\S+ on host ${hostname()} \\(since [^)]+\\) holds the lock`),
    );
    expect(waiting.output.stderr).toContain(`after ${seconds} s`);
    // A busy machine aside, it is the timeout and no more.
    expect(waited).toBeGreaterThan(seconds - 1);
    expect(waited).toBeLessThan(seconds + 5);
    expect(await holder.ended).toEqual({ code: 0, signal: null });
  });
});

describe('while a writer works', () => {
  test('a reset, and replicas that start meanwhile: each waits for the other, and nothing is left undone', async () => {
    const on = ground(large.path);
    expect(volseed(['sync', ...on.where]).code).toBe(0);
    const reset = startVolseed(['reset', '--all', '--yes', ...on.where]);
    const replicas = Array.from({ length: 4 }, () => startVolseed(['run', ...on.where, '--', 'echo', 'serving']));
    expect(await reset.ended).toEqual({ code: 0, signal: null });
    for (const replica of replicas) {
      // oxlint-disable-next-line no-await-in-loop -- all of them are running
      expect(await replica.ended).toEqual({ code: 0, signal: null });
      expect(lines(replica.output.stdout).at(-1)).toBe('serving');
      expect(itemised(replica)).toBe(0);
    }
    expectSettled(on, large.seen);
  });

  test('a reset with an id in a Deployment of several replicas is done by one of them', async () => {
    const on = ground(seed.path);
    expect(volseed(['sync', ...on.where]).code).toBe(0);
    const options = ['--reset', '**', '--reset-id', 'release-7'];
    const all = Array.from({ length: 6 }, () => startVolseed(['sync', ...on.where, ...options]));
    for (const one of all) {
      // oxlint-disable-next-line no-await-in-loop -- all of them are running
      expect(await one.ended).toEqual({ code: 0, signal: null });
    }
    const did = all.filter((one) => everything(one).includes('was not applied to this volume yet'));
    const left = all.filter((one) => everything(one).includes('was applied on'));
    expect([did.length, left.length]).toEqual([1, 5]);
    expectSettled(on);
  });

  test('those who look wait for nobody, and answer', async () => {
    const on = ground(large.path);
    const writer = startVolseed(['sync', ...on.where]);
    await until('the state is there', () => exists(`${on.volume}/.volseed/holder.json`));
    const asked: Record<string, number> = {};
    while (writer.ending() === undefined) {
      for (const [command, honest] of [
        ['status', [0]],
        ['plan', [0]],
        ['verify', [0, 3]],
        ['explain', [0]],
      ] as const) {
        const path = command === 'explain' ? ['part-1'] : [];
        const { code, stderr } = volseed([command, ...path, ...on.where]);
        // oxlint-disable-next-line vitest/no-conditional-expect -- for as long as it works
        expect({ code: honest.includes(code as never) ? 'honest' : code, stderr }).toEqual({
          code: 'honest',
          stderr: '',
        });
        asked[command] = (asked[command] ?? 0) + 1;
      }
      // oxlint-disable-next-line no-await-in-loop -- so that the end of the writer is heard of
      await sleep(1);
    }
    console.log(`asked while a seeder was at work: ${JSON.stringify(asked)}`);
    expect(await writer.ended).toEqual({ code: 0, signal: null });
    expectSettled(on, large.seen);
  });
});
