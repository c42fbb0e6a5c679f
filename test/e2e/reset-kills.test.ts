// The promise: killed at any system call that changes something, the next reset reaches the end, or restore brings back what was.
import { cpSync, readdirSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CALLS, countOf, endOf, killed, points } from '../support/kills.ts';
import { suite } from '../support/prerequisites.ts';
import { type Ground, ground, leftovers } from '../support/probe.ts';
import { differences, snapshot, type Snapshot } from '../support/snapshot.ts';
import { directory, file, symlink } from '../support/tree.ts';
import { volseed } from '../support/volseed.ts';

const shipped = {
  a: file('image'),
  'dir/a': file('image'),
  'dir/b': file('x'.repeat(300_000)),
  empty: directory(),
  link: symlink('a'),
  'new/a': file('image'),
  'new/b': file('image'),
};

const none = { before: new Map(), started: 1n << 80n };
const POINTS = Number(process.env['VOLSEED_KILL_POINTS'] ?? 12);

function prepared(): Ground {
  const on = ground(shipped);
  volseed(['sync', ...on.where]);
  writeFileSync(join(on.volume, 'a'), 'edited');
  rmSync(join(on.volume, 'dir/b'));
  rmSync(join(on.volume, 'link'));
  mkdirSync(join(on.volume, 'link'));
  writeFileSync(join(on.volume, 'link/users'), 'users');
  rmSync(join(on.volume, 'new'), { recursive: true });
  writeFileSync(join(on.volume, 'mine'), 'mine');
  return on;
}

const fresh = ({ volume }: Ground, from: string): void => {
  rmSync(volume, { recursive: true });
  cpSync(from, volume, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
};

const halves = (before: Snapshot, after: Snapshot, now: Snapshot): string[] =>
  [...now].flatMap(([path, { type, holds }]) => {
    const known = [before.get(path), after.get(path)].some((entry) => entry?.type === type && entry.holds === holds);
    return known || path.includes('.volseed-') ? [] : [path];
  });

suite('killed at any call that changes something', ['strace'], () => {
  it.each(CALLS)(
    '%s: a reset that is run again reaches the end, and no file is ever half',
    (call) => {
      const on = prepared();
      const original = join(on.root, 'original');
      cpSync(on.volume, original, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
      const args = ['reset', '--all', '--yes', ...on.where];
      const before = snapshot(on.volume);
      const calls = countOf(call, args, join(on.root, 'log'));
      const after = snapshot(on.volume);
      for (const n of points(calls, POINTS)) {
        fresh(on, original);
        const ended = endOf(call, n, killed(call, n, args).code);
        const found = { n, ended, halves: halves(before, after, snapshot(on.volume)) };
        const again = volseed(args);
        const end = {
          code: again.code,
          unlike: differences(after, snapshot(on.volume), none),
          left: leftovers(on.volume),
        };
        expect({ ...found, ...end }).toEqual({ n, ended: 'killed', halves: [], code: 0, unlike: [], left: [] });
      }
    },
    300_000,
  );

  it.each(CALLS)(
    '%s: a restore that is run again reaches the end',
    (call) => {
      const on = prepared();
      const before = snapshot(on.volume);
      volseed(['reset', '--all', '--yes', ...on.where]);
      const after = snapshot(on.volume);
      const original = join(on.root, 'original');
      cpSync(on.volume, original, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
      const [id = ''] = readdirSync(join(on.volume, '.volseed/backups'))
        .filter((name) => name.endsWith('.json'))
        .map((name) => name.slice(0, -5));
      const args = ['restore', id, '--target', on.volume];
      const calls = countOf(call, args, join(on.root, 'log'));
      for (const n of points(calls, POINTS)) {
        fresh(on, original);
        const ended = endOf(call, n, killed(call, n, args).code);
        const found = { n, ended, halves: halves(before, after, snapshot(on.volume)) };
        const again = volseed(args);
        const end = {
          code: again.code,
          unlike: differences(before, snapshot(on.volume), none),
          left: leftovers(on.volume),
        };
        expect({ ...found, ...end }).toEqual({ n, ended: 'killed', halves: [], code: 0, unlike: [], left: [] });
      }
    },
    300_000,
  );
});
