// What the fault suites run: small volumes with something of everything in them, each for one kind of run.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ordinary } from './prerequisites.ts';
import { build, directory, file, remove, scratch, symlink, tree, type Entry } from './tree.ts';
import { runToEnd, volseed, type Options } from './volseed.ts';

type Literal = Readonly<Record<string, Entry>>;

/** Where a scenario stands. What a run may change lies in `places`, and is put back before each of them. */
export interface Stand {
  readonly root: string;
  readonly seed: string;
  readonly volume: string;
  readonly places: readonly string[];
  readonly [Symbol.dispose]: () => void;
}

export interface Scenario {
  readonly name: string;
  /** Makes the seed and the volume, and returns the arguments of the run. */
  readonly lay: (stand: Stand) => readonly string[];
  /** What lies on another file system than the volume. */
  readonly elsewhere?: boolean;
  readonly as?: { readonly uid: number; readonly gid: number };
  /** Killed at each call even where points are few: what it is about shows at a handful of them. */
  readonly whole?: boolean;
  /** What a second thread meets it leaves to the first, which need not meet it again, and then says nothing. */
  readonly shared?: boolean;
}

const where = ({ seed, volume }: Stand): string[] => ['--source', seed, '--target', volume];

/** Names and sizes at which the program changes its way: in one batch, by itself, in a new directory, in one that is there. */
const shipped = (version: string): Literal => ({
  'fresh/deep/a': file(`${version} a`),
  'fresh/deep/b': file(`${version} b`, { mode: 0o4750, uid: 1000 }),
  'fresh/large': file(version.repeat(150_000)),
  'fresh/link': symlink('deep/a'),
  'set-gid': directory({ mode: 0o2755, gid: 2000 }),
  'there/a': file(`${version} a`, { mtime: version === '1' ? 1000 : 2000 }),
  'there/kept': file('the same', { mtime: 1000 }),
  'there/mode': file('mode', { mode: version === '1' ? 0o644 : 0o600, mtime: 1000 }),
  top: file(`${version} top`, { mtime: version === '1' ? 1000 : 2000 }),
  link: symlink(version),
});

const users: Literal = {
  mine: file('written by a user', { uid: 1000, mode: 0o640 }),
  'there/mine': file('written by a user, too', { mtime: 5000 }),
  'there/newer': file('a user has a newer one', { mtime: 9_000_000_000 }),
  'users/own': file('in a directory of the user'),
};

function put(at: string, literal: Literal): void {
  build(at, tree(literal));
}

function ship(stand: Stand, literal: Literal): void {
  remove(stand.seed);
  put(stand.seed, literal);
}

/** A run that must go well for what comes after it. */
function must(args: readonly string[], options?: Options): void {
  const { code, stderr } = volseed(args, options);
  if (code !== 0) throw new Error(`volseed ${args.join(' ')}: ${code}\n${stderr}`);
}

const edit = ({ volume }: Stand, path: string, content: string): void => writeFileSync(join(volume, path), content);

function layFirst(stand: Stand): readonly string[] {
  put(stand.volume, users);
  ship(stand, { ...shipped('1'), 'there/newer': file('shipped', { mtime: 1000 }) });
  return ['sync', ...where(stand)];
}

function layUpdate(stand: Stand): readonly string[] {
  must(layFirst(stand));
  ship(stand, {
    ...shipped('2'),
    'there/newer': file('shipped', { mtime: 2000 }),
    'more/a': file('more'),
    // Each kind where the volume has another.
    'fresh/link': directory(),
    'set-gid': file('a file instead'),
    'there/kept': symlink('a'),
    'there/mine': symlink('mine'),
  });
  return ['sync', ...where(stand)];
}

function layReset(stand: Stand): readonly string[] {
  must(layFirst(stand));
  edit(stand, 'top', 'edited by a user');
  edit(stand, 'fresh/large', 'edited, and large before');
  rmSync(join(stand.volume, 'link'));
  mkdirSync(join(stand.volume, 'link'));
  edit(stand, 'link/of-the-user', 'stands in the way');
  rmSync(join(stand.volume, 'fresh/deep'), { recursive: true });
  edit(stand, 'fresh/deep', 'a file in the way');
  age(stand.volume);
  return ['reset', '--all', '--yes', ...where(stand)];
}

function layRestore(stand: Stand): readonly string[] {
  must(layReset(stand));
  const [id = ''] = readdirSync(join(stand.volume, '.volseed/backups'))
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -5));
  edit(stand, 'mine', 'edited after the reset');
  return ['restore', id, '--target', stand.volume];
}

const merged = (version: string): Literal => ({
  ...shipped(version),
  conflict: file(`${version} conflict`),
  'offered/a': file(`${version} offered`),
  edited: file('the same in both', { mtime: 1000 }),
  deleted: file(`${version} deleted`),
  'becomes-a-file': version === '1' ? directory() : file('was a directory'),
  'becomes-a-directory': version === '1' ? file('was a file') : directory(),
  ...(version === '1'
    ? { 'becomes-a-file/a': file('1'), 'obsolete/a': file('1'), 'obsolete/edited': file('1'), dropped: symlink('x') }
    : { 'becomes-a-directory/a': file('2') }),
});

function layMerge(stand: Stand): readonly string[] {
  const args = ['sync', ...where(stand), '--policy', 'merge', '--prune'];
  put(stand.volume, users);
  ship(stand, merged('1'));
  must(args);
  edit(stand, 'conflict', 'edited by a user');
  edit(stand, 'offered/a', 'edited by a user, too');
  edit(stand, 'edited', 'edited');
  edit(stand, 'obsolete/edited', 'edited and obsolete');
  rmSync(join(stand.volume, 'deleted'));
  ship(stand, merged('2'));
  return args;
}

function laySeveral(stand: Stand): readonly string[] {
  const second = join(stand.root, 'second');
  const config = join(stand.root, 'volseed.yaml');
  put(stand.volume, users);
  ship(stand, shipped('1'));
  put(second, { 'there/a': file('of the second', { mtime: 3000 }), 'inner/a': file('inner'), x: symlink('inner') });
  writeFileSync(
    config,
    `target: ${stand.volume}
seeds:
  - source: ${stand.seed}
  - source: ${second}
  - source: ${second}
    into: site/deep
rules:
  - match: there
    policy: always
    mode: D0750,F0640
`,
  );
  return ['sync', '--config', config];
}

/** The state on another file system: what is new is built beside its name. */
function layBeside(stand: Stand): readonly string[] {
  const [, state = ''] = stand.places;
  return [...layUpdate(stand), '--state-dir', join(state, 'state')];
}

/** Not root, and directories that may not be written by their own owner. */
function layOrdinary(stand: Stand): readonly string[] {
  const { uid, gid } = ordinary;
  const own = (literal: Literal): Literal =>
    Object.fromEntries(Object.entries(literal).map(([path, entry]) => [path, { uid, gid, ...entry }]));
  const closed = directory({ mode: 0o555, uid, gid });
  put(stand.volume, {
    '.': directory({ uid, gid }),
    ...own({ closed, 'closed/a': file('1 a', { mtime: 1000 }), 'closed/mine': file('users'), mine: file('users') }),
    ...own({ 'users-closed': closed, 'users-closed/b': file('1 b', { mtime: 1000 }) }),
  });
  ship(stand, {
    'closed/a': file('2 a', { mtime: 2000 }),
    'closed/b/c': file('new below what is closed'),
    closed: directory({ mode: 0o555 }),
    'fresh/closed': directory({ mode: 0o555 }),
    'fresh/closed/a': file('a'),
    'users-closed': directory({ mode: 0o755 }),
    'users-closed/b': file('2 b', { mtime: 2000 }),
  });
  for (const path of [stand.volume, stand.root]) chownSync(path, uid, gid);
  return ['sync', ...where(stand)];
}

/** Not root, and directories of the volume that are the user's affair: opened for what is new in them, and closed as they were. */
function layClosed(stand: Stand): readonly string[] {
  const { uid, gid } = ordinary;
  const closed = directory({ mode: 0o555, uid, gid });
  put(stand.volume, {
    '.': directory({ uid, gid }),
    closed,
    'closed/deep': closed,
    'closed/deep/mine': file('users', { uid, gid }),
  });
  ship(stand, { 'closed/a': file('a'), 'closed/deep/b': file('b'), 'closed/deep/c/d': file('d') });
  for (const path of [stand.volume, stand.root]) chownSync(path, uid, gid);
  return ['sync', '--policy', 'missing', ...where(stand)];
}

export const MERGE: Scenario = { name: 'a merge with conflicts and prune', lay: layMerge };

export const SCENARIOS: readonly Scenario[] = [
  { name: 'a first seeding', lay: layFirst },
  { name: 'a first seeding by two threads', lay: (stand) => [...layFirst(stand), '--threads', '2'], shared: true },
  { name: 'an update', lay: layUpdate },
  { name: 'a reset', lay: layReset },
  { name: 'a restore', lay: layRestore },
  MERGE,
  { name: 'several seeds', lay: laySeveral },
  { name: 'an update with the state elsewhere', lay: layBeside, elsewhere: true },
  { name: 'an update by an ordinary user', lay: layOrdinary, as: ordinary },
  { name: 'what is missing in closed directories', lay: layClosed, as: ordinary, whole: true },
];

export interface Laid extends Stand {
  readonly args: readonly string[];
  readonly as: Scenario['as'];
}

/** Lays a scenario out, and keeps what it begins with. */
export function lay({ lay: layOut, elsewhere = false, as }: Scenario): Laid {
  const place = scratch();
  const other = elsewhere ? mkdtempSync(join(tmpdir(), 'volseed-test-')) : undefined;
  const volume = join(place.path, 'volume');
  const places = [volume, ...(other === undefined ? [] : [join(other, 'live')])];
  for (const at of places) mkdirSync(at);
  const stand: Stand = {
    root: place.path,
    seed: join(place.path, 'seed'),
    volume,
    places,
    [Symbol.dispose]: () => {
      place[Symbol.dispose]();
      if (other !== undefined) remove(other);
    },
  };
  chmodSync(volume, 0o755);
  const args = layOut(stand);
  age(volume);
  for (const at of places) copy(at, original(at));
  return { ...stand, args, as };
}

/** What was written just now is given a time that no run of a test can come upon by its clock, whole seconds being compared. */
function age(volume: string): void {
  const { code, stderr } = runToEnd('find', [
    ...`${volume} -mindepth 1 -path ${volume}/.volseed -prune -o -newermt 2025-01-01 ! -newermt 2030-01-01`.split(' '),
    ...'-exec touch --no-dereference --date @1600000000 {} +'.split(' '),
  ]);
  if (code !== 0) throw new Error(stderr);
}

const original = (place: string): string => `${place}.original`;

function copy(from: string, to: string): void {
  const { code, stderr } = runToEnd('cp', ['-a', '--', from, to]);
  if (code !== 0) throw new Error(stderr);
}

/** Puts everything back as it was laid out. */
export function putBack({ places }: Stand): void {
  for (const at of places) {
    spawnSync('rm', ['-rf', '--', at]);
    copy(original(at), at);
  }
}
