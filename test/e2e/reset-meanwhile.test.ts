// The promise: what a running service changes between a reset's plan and its publishing is kept, said, and not undone by a restore.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { suite } from '../support/prerequisites.ts';
import { exists, type Ground, ground, leftovers, lines } from '../support/probe.ts';
import { type Running, start, until } from '../support/process.ts';
import { changes, type Snapshot, snapshot } from '../support/snapshot.ts';
import { directory, file } from '../support/tree.ts';
import { volseed, program } from '../support/volseed.ts';

const image = file('image');
const users = file('users');

/** Runs a reset that is stopped once all of it is staged and before anything is published, and lets the service do its work then. */
async function resetAround(on: Ground, args: readonly string[], service: () => void): Promise<Running> {
  return around(on, ['reset', '--yes', ...args], service);
}

async function around(on: Ground, args: readonly string[], service: () => void): Promise<Running> {
  const log = join(on.root, 'calls');
  // What is staged is put on the disk before the first rename: there is no earlier fsync.
  const inject = ['-e', 'trace=fsync', '-e', 'inject=fsync:signal=STOP:when=1'];
  const running = start('strace', ['-f', '-o', log, ...inject, ...program, ...args, ...on.where]);
  await until('the reset is stopped', () => exists(log) && readFileSync(log, 'utf8').includes('stopped by SIGSTOP'));
  service();
  // Each of its threads stops at its first.
  await until('the reset has ended', () => {
    if (running.ending() === undefined) process.kill(-running.pid, 'SIGCONT');
    return running.ending();
  });
  await running.ended;
  return running;
}

const said = ({ output }: Running, word: string): string[] =>
  lines(output.stdout).filter((line) => line.startsWith(`${word} `));
const only = (all: Snapshot, paths: readonly string[]): Snapshot =>
  new Map([...all].filter(([path]) => paths.includes(path)));

suite('a reset beside a service', ['strace'], () => {
  it('keeps what the service writes, makes and removes meanwhile, says so, and does the rest', async () => {
    const on = ground(
      { written: image, made: image, gone: image, mode: image, plain: image },
      { written: users, gone: users, mode: file('image', { mode: 0o600 }), plain: users },
    );
    const touched = ['written', 'made', 'gone', 'mode'];
    let theirs: Snapshot = new Map();
    const running = await resetAround(on, ['--all'], () => {
      for (const path of ['written', 'made', 'mode']) writeFileSync(join(on.volume, path), 'service');
      rmSync(join(on.volume, 'gone'));
      theirs = snapshot(on.volume);
    });
    expect(running.ending()).toEqual({ code: 0, signal: null });
    const kept = (): string[] => changes(only(theirs, touched), only(snapshot(on.volume), touched));
    expect(kept()).toEqual([]);
    expect(said(running, 'kept').toSorted()).toEqual(
      touched.map((path) => `kept ${path}: changed meanwhile`).toSorted(),
    );
    expect(readFileSync(join(on.volume, 'plain'), 'utf8')).toBe('image');
    expect(leftovers(on.volume)).toEqual([]);
    expect(volseed(['restore', '--last', '--target', on.volume])).toMatchObject({ code: 0, stderr: '' });
    expect(kept()).toEqual([]);
    expect(readFileSync(join(on.volume, 'plain'), 'utf8')).toBe('users');
  });

  it('does not remove what the service changes meanwhile, nor a directory that it puts something into', async () => {
    const on = ground(
      { plain: image, way: image },
      { 'own/a': users, 'own/b': users, 'more/c': users, 'way/d': users },
    );
    const running = await resetAround(on, ['--all', '--delete-extra'], () => {
      writeFileSync(join(on.volume, 'own/a'), 'service');
      writeFileSync(join(on.volume, 'more/new'), 'service');
      writeFileSync(join(on.volume, 'way/new'), 'service');
    });
    expect(running.ending()).toEqual({ code: 0, signal: null });
    expect([...snapshot(on.volume).keys()]).toEqual(['more', 'more/new', 'own', 'own/a', 'plain', 'way', 'way/new']);
    expect(said(running, 'kept').toSorted()).toEqual([
      'kept more: not empty',
      'kept own/a: changed meanwhile',
      'kept own: not empty',
      'kept way: changed meanwhile',
    ]);
    expect(volseed(['restore', '--last', '--target', on.volume])).toMatchObject({ code: 0, stderr: '' });
    const back = ['more', 'more/c', 'more/new', 'own', 'own/a', 'own/b', 'way', 'way/d', 'way/new'];
    expect([...snapshot(on.volume).keys()]).toEqual(back);
  });

  it('keeps what the service puts in the place of a directory', async () => {
    const on = ground({ 'dir/a': image, 'new/b': image }, { dir: directory() });
    const running = await resetAround(on, ['--all'], () => {
      rmSync(join(on.volume, 'dir'), { recursive: true });
      writeFileSync(join(on.volume, 'dir'), 'service');
      mkdirSync(join(on.volume, 'new'));
      writeFileSync(join(on.volume, 'new/own'), 'service');
    });
    expect([...snapshot(on.volume)].map(([path, { type }]) => `${path} ${type}`)).toEqual([
      'dir file',
      'new directory',
      'new/own file',
    ]);
    expect(readFileSync(join(on.volume, 'dir'), 'utf8')).toBe('service');
    expect(leftovers(on.volume)).toEqual([]);
    expect(said(running, 'kept')).toContain('kept new: changed meanwhile');
  });

  const edited = { 'tables/t1': users, 'tables/t2': users };

  it.each([
    ['all', 'tables/t1', edited],
    ['tables', 'tables/t1', edited],
    ['tables/t1', 'tables', { tables: users }],
  ])(
    'an id of a reset of %s is used up, and it is said that %s was changed meanwhile',
    async (patterns, changed, volume) => {
      const on = ground({ 'tables/t1': image, 'tables/t2': image }, volume);
      const command = ['sync', '--policy', 'missing', '--reset', patterns, '--reset-id', 'R1'];
      const running = await around(on, command, () => writeFileSync(join(on.volume, changed), 'service'));
      expect(running.ending()).toEqual({ code: 0, signal: null });
      expect(said(running, 'kept')).toContain(`kept ${changed}: changed meanwhile`);
      expect(running.output.stderr).toContain('reset R1 left 1 path that changed meanwhile');
      expect(readFileSync(join(on.volume, changed), 'utf8')).toBe('service');

      expect(volseed([...command, ...on.where]).stdout).toContain('Reset R1 was applied on ');
      expect(readFileSync(join(on.volume, changed), 'utf8')).toBe('service');
    },
  );

  it('nothing is said of a path that is not of the reset, and was changed meanwhile', async () => {
    const on = ground({ reset: image, other: file('newer', { mtime: 2_000_000_000 }) }, { reset: users, other: users });
    const command = ['sync', '--reset', 'reset', '--reset-id', 'R1'];
    const running = await around(on, command, () => writeFileSync(join(on.volume, 'other'), 'service'));
    expect(said(running, 'kept')).toEqual(['kept other: changed meanwhile']);
    expect(running.output.stderr).toBe('');
    expect(volseed([...command, ...on.where]).stdout).toContain('Reset R1 was applied on ');
  });
});
