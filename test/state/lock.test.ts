import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Interrupted, LockTimeout, Refused } from '../../src/core/errors.ts';
import { writeHolder } from '../../src/state/holder.ts';
import { isHeld, Lock, nameHolder, type Waiting } from '../../src/state/lock.ts';
import { still } from '../fs/place.ts';
import { makeHotJournal } from '../support/attack/journal.ts';
import { node } from '../support/volseed.ts';
import { ground, namesDuring, type Ground } from './ground.ts';

const holder = { run: 'r1', mode: 'sync', host: 'pod-1', pid: 1, since: 'noon' } as const;

async function acquire({ state }: Ground, timeout = 0, told: Waiting[] = [], pulse = still): Promise<Lock> {
  const lock = await Lock.acquire(state, { timeout, pulse, announce: (waiting) => void told.push(waiting) });
  onTestFinished(() => {
    try {
      lock.release();
    } catch {
      // The test has released it.
    }
  });
  return lock;
}

const source = (path: string): string => JSON.stringify(fileURLToPath(new URL(`../../src/${path}`, import.meta.url)));

/** Another process that holds the lock until it is killed. */
async function holdElsewhere({ volume }: Ground): Promise<{ kill: (signal: NodeJS.Signals) => Promise<void> }> {
  const script = `
    import { Anchor } from ${source('fs/anchor.ts')};
    import { StateDirectory } from ${source('fs/private.ts')};
    import { Lock } from ${source('state/lock.ts')};
    const state = StateDirectory.open(Anchor.open(process.argv[1]), undefined);
    const pulse = { ended: false, due: () => false, beat: async () => {} };
    await Lock.acquire(state, { timeout: 0, pulse, announce: () => {} });
    console.log('held');
    setInterval(() => {}, 1000);`;
  const child = spawn(node, ['--input-type=module', '-e', script, volume], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  await Promise.race([new Promise((resolve) => child.stdout.once('data', resolve)), ended]);
  if (child.exitCode !== null) throw new Error('the other process could not take the lock');
  return { kill: (signal) => (child.kill(signal), ended) };
}

const beat = (): Promise<void> => Promise.reject(new Interrupted('SIGTERM', 15));

describe('the lock', () => {
  it('excludes a second seeder, and lets the next one in when it is released', async () => {
    const on = ground();
    const first = await acquire(on);
    await expect(acquire(on)).rejects.toThrow(LockTimeout);
    first.release();
    await expect(acquire(on)).resolves.toBeInstanceOf(Lock);
  });

  it('excludes another process, and is free as soon as that one is killed', async () => {
    const on = ground();
    const other = await holdElsewhere(on);
    await expect(acquire(on)).rejects.toThrow(LockTimeout);
    await other.kill('SIGKILL');
    await expect(acquire(on)).resolves.toBeInstanceOf(Lock);
  });

  it('is had by whoever waits, once the holder is gone', async () => {
    const on = ground();
    const other = await holdElsewhere(on);
    const waiting = acquire(on, 60_000);
    await other.kill('SIGKILL');
    await expect(waiting).resolves.toBeInstanceOf(Lock);
  });

  it('is had by a seeder that may not wait, once whoever only looks has looked', async () => {
    const on = ground();
    (await acquire(on)).release();
    const reader = new DatabaseSync(`${on.at}/lock`, { readOnly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT 1 FROM sqlite_schema').get();
    const told: Waiting[] = [];
    const waiting = acquire(on, 0, told);
    await new Promise((resolve) => setTimeout(resolve, 100));
    reader.close();
    await expect(waiting).resolves.toBeInstanceOf(Lock);
    expect(told).toEqual([]);
  });

  it('of one volume is nothing to another', async () => {
    const [one, another] = [ground(), ground()];
    await acquire(one);
    await expect(acquire(another)).resolves.toBeInstanceOf(Lock);
  });

  it('is not let go by others who look into the state directory', async () => {
    const on = ground();
    await acquire(on);
    on.state.names();
    on.state.exists('lock');
    on.state.holdsOpen('lock');
    on.state.read('holder.json');
    await expect(holdElsewhere(on)).rejects.toThrow('could not take the lock');
  });

  it('makes one file with a second name, writes nothing to it, and nothing beside it', async () => {
    const on = ground();
    const names = await namesDuring(on.at, async () => {
      const lock = await acquire(on);
      await expect(acquire(on)).rejects.toThrow(LockTimeout);
      lock.release();
    });
    // The second name of each who came, and none with a journal's ending.
    expect([...names].map((name) => name.replace(/-[0-9a-f]{32}$/, '-NAME')).toSorted()).toEqual([
      'lock',
      'lock-NAME',
      'lock-NAME',
    ]);
    expect(on.state.names()).toHaveLength(2);
    expect(fs.statSync(`${on.at}/lock`).size).toBe(0);
  });

  it('plays back no journal that somebody left beside its file, into nothing', async () => {
    const on = ground();
    const foreign = `${on.volume}/foreign`;
    makeHotJournal(foreign);
    fs.linkSync(foreign, `${on.at}/lock`);
    fs.copyFileSync(`${foreign}-journal`, `${on.at}/lock-journal`);
    const before = fs.readFileSync(foreign);
    await acquire(on);
    expect(fs.readFileSync(foreign).equals(before)).toBe(true);
    expect(fs.existsSync(`${on.at}/lock-journal`)).toBe(true);
  });

  it('removes no journal beside its file, though that is empty', async () => {
    const on = ground();
    fs.writeFileSync(`${on.at}/lock`, '');
    fs.writeFileSync(`${on.at}/lock-journal`, "somebody's");
    expect(isHeld(on.state)).toBe(false);
    await acquire(on);
    expect(fs.readFileSync(`${on.at}/lock-journal`, 'utf8')).toBe("somebody's");
  });

  it('is no file of somebody else, by way of a link', async () => {
    const on = ground();
    fs.writeFileSync(`${on.volume}/foreign`, '');
    fs.symlinkSync('../foreign', `${on.at}/lock`);
    await acquire(on);
    expect(fs.lstatSync(`${on.at}/lock`).isFile()).toBe(true);
  });

  it.each([
    ['text', 'not a database\n'],
    ['noughts', '\0'.repeat(8192)],
  ])('is had though somebody left %s in its file', async (_, content) => {
    const on = ground();
    fs.writeFileSync(`${on.at}/lock`, content);
    await expect(acquire(on)).resolves.toBeInstanceOf(Lock);
  });

  it('names its holder, the file, and the way out to whoever may not wait', async () => {
    const on = ground();
    await acquire(on);
    await expect(acquire(on)).rejects.toThrow(`another seeder holds the lock ${on.at}/lock; wait for it`);
    writeHolder(on.state, holder);
    await expect(acquire(on)).rejects.toThrow('sync r1 on host pod-1 (since noon) holds the lock');
    await expect(acquire(on)).rejects.toThrow('--lock-timeout');
  });

  it('ends the wait at a signal', async () => {
    const on = ground();
    await acquire(on);
    await expect(acquire(on, 60_000, [], { ...still, beat })).rejects.toThrow(Interrupted);
  });

  it('is refused where its file was swapped for another while it was opened', async () => {
    const { state } = ground();
    const swapped = Object.create(state, { holdsOpen: { value: () => false } }) as typeof state;
    const terms = { timeout: 0, pulse: still, announce: () => undefined };
    Object.defineProperties(swapped, {
      path: { value: state.path },
      exists: { value: (name: string) => state.exists(name) },
      create: { value: (name: string, content: Uint8Array) => state.create(name, content) },
      shownAs: { value: state.shownAs },
    });
    await expect(Lock.acquire(swapped, terms)).rejects.toThrow(Refused);
    await expect(Lock.acquire(state, terms)).resolves.toBeInstanceOf(Lock);
  });
});

describe('the wait for the lock', () => {
  it('is announced once, then every ten seconds, and ends when the time is over', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'hrtime'] });
    onTestFinished(() => void vi.useRealTimers());
    const on = ground();
    await acquire(on);
    writeHolder(on.state, holder);
    const told: Waiting[] = [];
    const [ended] = await Promise.allSettled([acquire(on, 25_000, told), vi.advanceTimersByTimeAsync(30_000)]);
    expect(ended).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('after 25 s') } });
    expect(told.map(({ waited }) => Math.floor(waited / 10_000))).toEqual([0, 1, 2]);
    expect(told[0]?.holder).toEqual(holder);
  });

  it('is not announced where there is none', async () => {
    const told: Waiting[] = [];
    await acquire(ground(), 60_000, told);
    expect(told).toEqual([]);
  });
});

it('names a holder as a person would ask for it', () => {
  expect(nameHolder(holder)).toBe('sync r1 on host pod-1 (since noon)');
});
