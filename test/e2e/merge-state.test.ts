// What merge knows lies in the volume, where anything can happen to it: no edit is lost by that, and no start is stopped.
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { CALLS, countOf, endOf, killed, points } from '../support/kills.ts';
import { suite } from '../support/prerequisites.ts';
import { changesBy, type Ground, ground, leftovers, type Literal } from '../support/probe.ts';
import { changes, differences, type Snapshot, snapshot } from '../support/snapshot.ts';
import { build, directory, file, remove, symlink, tree } from '../support/tree.ts';
import { type Result, runToEnd, volseed } from '../support/volseed.ts';

const sync = (on: Ground, ...args: string[]): Result => volseed(['sync', ...on.where, '--policy', 'merge', ...args]);
const read = (on: Ground, path: string): string => readFileSync(join(on.volume, path), 'utf8');

/** Each image has the same files, of the same sizes and times. */
const image = (version: string): Literal => ({
  a: file(`${version} a`),
  'dir/b': file(`${version} b`),
  edited: file(`${version} e`),
  deleted: file(`${version} d`),
  link: symlink(version),
});

function ship(on: Ground, seed: Literal): void {
  remove(on.seed);
  build(on.seed, tree(seed));
}

/** An edit that neither size nor time tells of. */
function edit(on: Ground, path: string): void {
  const { atime, mtime } = statSync(join(on.volume, path));
  writeFileSync(join(on.volume, path), 'own');
  utimesSync(join(on.volume, path), atime, mtime);
}

function lived(): Ground {
  const on = ground(image('1'));
  sync(on);
  edit(on, 'edited');
  rmSync(join(on.volume, 'deleted'));
  return on;
}

const besides = (volume: string): string[] =>
  readdirSync(join(volume, '.volseed')).filter((name) => /corrupt/.test(name));

function inPlaceOf(make: (path: string) => void): (path: string) => void {
  return (path) => {
    rmSync(path);
    make(path);
  };
}

const damages: readonly (readonly [string, (path: string) => void])[] = [
  ['truncated to nothing', (path) => truncateSync(path, 0)],
  ['truncated', (path) => truncateSync(path, Math.floor(statSync(path).size / 2))],
  ['of other bytes', (path) => writeFileSync(path, Buffer.alloc(5000, 'volseed'))],
  ['a directory with something in it', inPlaceOf((path) => mkdirSync(join(path, 'x'), { recursive: true }))],
  ['a FIFO', inPlaceOf((path) => runToEnd('mkfifo', [path]))],
  ['a link to a file elsewhere', inPlaceOf((path) => symlinkSync('/etc/passwd', path))],
  ['a link to nowhere', inPlaceOf((path) => symlinkSync('nowhere', path))],
];

const damagesOfBase: typeof damages = [
  ...damages,
  ['one byte short', (path) => truncateSync(path, statSync(path).size - 1)],
  ['a byte longer', (path) => appendFileSync(path, '\0')],
  ['of a later version', (path) => patch(path, (bytes) => bytes.replace('volseed-base 1', 'volseed-base 2'))],
  ...[0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999].map((part): (typeof damages)[number] => [
    `flipped in one bit, ${part * 100} % in`,
    (path) => patch(path, (bytes) => flipped(bytes, Math.floor(bytes.length * part))),
  ]),
];

function patch(path: string, change: (bytes: string) => string): void {
  writeFileSync(path, Buffer.from(change(readFileSync(path, 'latin1')), 'latin1'));
}

function flipped(bytes: string, at: number): string {
  return bytes.slice(0, at) + String.fromCodePoint((bytes.codePointAt(at) ?? 0) ^ 4) + bytes.slice(at + 1);
}

describe('a base that is', () => {
  it.each(damagesOfBase)('%s is moved aside and said, and what equals the image is adopted', (_, damage) => {
    const on = lived();
    damage(join(on.volume, '.volseed/base'));
    const { code, stderr } = sync(on);
    expect({ code, stderr, aside: besides(on.volume).length }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/moved/),
      aside: 1,
    });
    // Nobody knows any more that it was there once.
    expect([read(on, 'edited'), read(on, 'deleted')]).toEqual(['own', '1 d']);
    ship(on, image('2'));
    expect(sync(on)).toMatchObject({ code: 0 });
    expect(['a', 'dir/b', 'edited', 'deleted'].map((path) => read(on, path))).toEqual(['2 a', '2 b', 'own', '2 d']);
  });

  it.each(damagesOfBase)('%s, where the image has changed too, loses nothing that is in the volume', (_, damage) => {
    const on = lived();
    damage(join(on.volume, '.volseed/base'));
    ship(on, image('2'));
    const before = snapshot(on.volume);
    expect(sync(on, '--prune')).toMatchObject({ code: 0 });
    const after = snapshot(on.volume);
    expect([...before].filter(([path, { holds }]) => after.get(path)?.holds !== holds)).toEqual([]);
    expect(sync(on, '--prune')).toMatchObject({ code: 0, stderr: '' });
    expect(changes(after, snapshot(on.volume))).toEqual([]);
  });

  it('gone is begun anew, and loses nothing', () => {
    const on = lived();
    rmSync(join(on.volume, '.volseed/base'));
    ship(on, { ...image('2'), a: file('1 a') });
    expect(sync(on)).toMatchObject({ code: 0, stderr: '' });
    expect(['a', 'dir/b', 'edited'].map((path) => read(on, path))).toEqual(['1 a', '1 b', 'own']);
  });

  it.each(['../esc', '/x/esc', './/esc', 'xx/../'])('written by an enemy, with %j in it, leads nowhere', (name) => {
    const on = ground({ 'xx/esc/aaa': file('shipped'), keep: file() });
    sync(on);
    build(on.root, tree({ 'esc/aaa': file('shipped') }));
    resum(join(on.volume, '.volseed/base'), (body) => body.replaceAll('xx/esc', name));
    ship(on, { keep: file() });
    const outside = join(on.root, 'esc');
    const { result, changed } = changesBy(outside, () => sync(on, '--prune', '--restore-deleted'));
    expect({ code: result.code, changed }).toEqual({ code: 0, changed: [] });
    expect(read(on, 'xx/esc/aaa')).toBe('shipped');
  });
});

/** As one who may write to the file would, with all its sums in order. */
function resum(path: string, change: (body: string) => string): void {
  patch(path, (bytes) => {
    const [first = '', header = ''] = bytes.split('\n');
    const [format, version, sum] = first.split(' ');
    const body = change(bytes.slice(first.length + header.length + 2));
    const sumOfBody = createHash('sha256').update(body, 'latin1').digest('hex');
    return `${format} ${version} ${sum} ${sumOfBody}\n${header}\n${body}`;
  });
}

describe('a state.db that is', () => {
  const damagesOfState: typeof damages = [
    ...damages,
    [
      'of a later version',
      (path) => {
        using database = new DatabaseSync(path);
        database.exec('PRAGMA user_version = 99');
      },
    ],
  ];

  it.each(damagesOfState)('%s is moved aside and said, and merge goes on by its base', (_, damage) => {
    const on = lived();
    damage(join(on.volume, '.volseed/state.db'));
    ship(on, image('2'));
    const { code, stderr } = sync(on);
    expect({ code, stderr, aside: besides(on.volume).length }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/moved/),
      aside: 1,
    });
    expect(['a', 'dir/b', 'edited'].map((path) => read(on, path))).toEqual(['2 a', '2 b', 'own']);
    expect([existsSync(join(on.volume, 'deleted')), read(on, 'edited.volseed-new')]).toEqual([false, '2 e']);
  });
});

/** Copies the seed, edits the copy, and seeds it: what that changes, and what is there after the next image. */
function takenOver([command = '', ...args]: readonly string[]): object {
  const on = ground(image('1'));
  remove(on.volume);
  const { code } = runToEnd(command, [...args, `${on.seed}/.`, on.volume]);
  edit(on, 'edited');
  writeFileSync(join(on.volume, 'users'), 'own');
  const before = snapshot(on.volume);
  const first = sync(on);
  const changed = changes(before, snapshot(on.volume));
  ship(on, image('2'));
  const second = sync(on);
  const holds = ['a', 'dir/b', 'edited', 'users'].map((path) => read(on, path));
  return { codes: [code, first.code, second.code], said: first.stderr, changed, holds };
}

describe('a volume that was seeded by', () => {
  const follows = { codes: [0, 0, 0], said: '', changed: [], holds: ['2 a', '2 b', 'own', 'own'] };

  it.each(['-a', '-r', '-rp'])('cp %s is taken over without a change, and follows the image from then on', (how) => {
    expect(takenOver(['cp', how])).toEqual(follows);
  });

  suite('rsync', ['rsync'], () => {
    it('is taken over without a change, and follows the image from then on', () => {
      expect(takenOver(['rsync', '-avu'])).toEqual(follows);
    });
  });

  it('cp -a from an older image keeps everything, for nothing proves that it was not edited', () => {
    const on = ground(image('1'));
    remove(on.volume);
    runToEnd('cp', ['-a', '-T', on.seed, on.volume]);
    ship(on, image('2'));
    const before = snapshot(on.volume);
    expect(sync(on, '--prune')).toMatchObject({ code: 0 });
    expect(changes(before, snapshot(on.volume))).toEqual([]);
  });
});

describe('a volume that was seeded under', () => {
  it.each(['newer', 'missing', 'always'])(
    '%s, and later under merge, follows the image where nobody edited',
    (policy) => {
      const on = ground(image('1'));
      volseed(['sync', ...on.where, '--policy', policy]);
      edit(on, 'edited');
      rmSync(join(on.volume, 'deleted'));
      ship(on, image('2'));
      expect(sync(on)).toMatchObject({ code: 0 });
      expect(['a', 'dir/b', 'edited'].map((path) => read(on, path))).toEqual(['2 a', '2 b', 'own']);
      expect(existsSync(join(on.volume, 'deleted'))).toBe(false);
    },
  );

  it.each(['newer', 'missing'])('%s where it was as the image already follows, too, and keeps its edits', (policy) => {
    const on = ground(image('1'));
    runToEnd('cp', ['-a', `${on.seed}/.`, on.volume]);
    edit(on, 'edited');
    volseed(['sync', ...on.where, '--policy', policy]);
    ship(on, image('2'));
    sync(on);
    expect([read(on, 'a'), read(on, 'edited')]).toEqual(['2 a', 'own']);
  });
});

describe('a volume that was emptied', () => {
  it('but for .volseed is seeded anew, which is said', () => {
    const on = lived();
    for (const name of readdirSync(on.volume)) if (name !== '.volseed') remove(join(on.volume, name));
    const { code, stdout } = sync(on);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('emptied') });
    expect(differences(snapshot(on.seed), snapshot(on.volume), none)).toEqual([]);
  });

  it('but for one file has had deletions', () => {
    const on = lived();
    for (const name of readdirSync(on.volume)) if (!['.volseed', 'a'].includes(name)) remove(join(on.volume, name));
    ship(on, image('2'));
    expect(sync(on)).toMatchObject({ code: 0 });
    expect([...snapshot(on.volume).keys()]).toEqual(['a']);
  });
});

const none = { before: new Map(), started: 1n << 80n };
const POINTS = Number(process.env['VOLSEED_KILL_POINTS'] ?? 6);

const older: Literal = {
  a: file('1'),
  'dir/a': file('1'),
  'dir/b': file('x'.repeat(300_000)),
  'obsolete/a': file('1'),
  'in-conflict': file('1'),
  deleted: file('1'),
  link: symlink('1'),
};
const newer: Literal = {
  a: file('2', { mode: 0o600 }),
  'dir/a': file('1', { mode: 0o755 }),
  'dir/b': file('y'.repeat(300_000)),
  'in-conflict': file('2'),
  deleted: file('2'),
  link: symlink('2'),
  'new/a': file('2'),
  'new/empty': directory(),
};

/** Two images, and edits in between. */
function edited(): Ground {
  const on = ground(older);
  sync(on);
  writeFileSync(join(on.volume, 'in-conflict'), 'mine');
  writeFileSync(join(on.volume, 'own'), 'mine');
  rmSync(join(on.volume, 'deleted'));
  ship(on, newer);
  return on;
}

/** Two images, of which the second has a file for a directory and a directory for a file. */
function swapped(): Ground {
  const on = ground({ 'was/a/directory': file('1'), 'was-a-file': file('1'), same: file() });
  sync(on);
  ship(on, { was: file('2'), 'was-a-file/no-more': file('2'), same: file() });
  return on;
}

const copyTo = (from: string, to: string): void => {
  remove(to);
  runToEnd('cp', ['-a', '-T', from, to]);
};

/** Files that are neither what they were nor what they are to become. */
const halves = (before: Snapshot, after: Snapshot, now: Snapshot): string[] =>
  [...now].flatMap(([path, { type, holds }]) => {
    const known = [before.get(path), after.get(path)].some((entry) => entry?.type === type && entry.holds === holds);
    return known || /\.volseed-(?!new$)/.test(path) ? [] : [path];
  });

/** Killed at some of the calls of that name, and run again: what is then not as after a run that was left in peace. */
function killedAndRunAgain(call: string, on: Ground): object[] {
  const started = BigInt(Date.now()) * 1_000_000n;
  const original = join(on.root, 'original');
  copyTo(on.volume, original);
  const args = ['sync', ...on.where, '--policy', 'merge', '--prune'];
  const before = snapshot(on.volume);
  const calls = countOf(call, args, join(on.root, 'log'));
  const after = snapshot(on.volume);
  // Nobody knows any more what time a directory had before the run that was killed changed something in it.
  const wanted = new Map([...after].map(([path, one]) => [path, { ...one, mayBeNow: one.type === 'directory' }]));
  const all = points(calls, POINTS).map((n) => {
    copyTo(original, on.volume);
    const ended = endOf(call, n, killed(call, n, args).code);
    const found = { n, ended, halves: halves(before, after, snapshot(on.volume)) };
    const { code } = volseed(args);
    const faults = differences(wanted, snapshot(on.volume), { before: new Map(), started });
    const left = leftovers(on.volume).filter((path) => !path.endsWith('.volseed-new'));
    return { ...found, code, faults, left, third: volseed(['plan', '--exit-code', ...args.slice(1)]).code };
  });
  const undisturbed = { n: 0, ended: 'killed', halves: [], code: 0, faults: [], left: [], third: 0 };
  return all.filter((one) => JSON.stringify({ ...one, n: 0 }) !== JSON.stringify(undisturbed));
}

suite('killed at any call that changes something', ['strace'], () => {
  it.each([...CALLS, 'renameat2', 'linkat', 'unlinkat', 'openat', 'ftruncate'])(
    '%s: a merge that is run again ends where an undisturbed one would',
    (call) => {
      expect(killedAndRunAgain(call, edited())).toEqual([]);
    },
    300_000,
  );

  it.each(['rename', 'link'])(
    '%s: so it does where a file becomes a directory, and a directory a file',
    (call) => {
      expect(killedAndRunAgain(call, swapped())).toEqual([]);
    },
    300_000,
  );
});
