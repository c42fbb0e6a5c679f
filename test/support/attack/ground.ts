// Where an attack takes place: a seed in two versions, a volume of an ordinary user's, and around it a world that nobody may touch.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import { ordinary } from '../prerequisites.ts';
import { changes, snapshot, type Seen, type Snapshot } from '../snapshot.ts';
import { build, directory, file, scratch, tree, type Entry, type Tree } from '../tree.ts';
import { runToEnd, volseed } from '../volseed.ts';
import type { Places } from './flipper.ts';
import { makeHotJournal } from './journal.ts';

/** In every file of the outside world; it must never be seen in the volume. */
const SECRET = 'SECRET-of-the-outside-world';
const { uid, gid } = ordinary;

const FILES = ['f0', 'f1', 'f2', 'f3'];
const DIRECTORIES = ['', 'd0/', 'd0/sub/', 'd1/', 'r0/', 'nested/', 'nested/d/'];
const DATA = DIRECTORIES.flatMap((at) => FILES.map((name) => `${at}${name}`));

/** What the flipper goes for: the names of the seed, and all that volseed uses. */
const TARGETS = [
  ...DATA,
  'd0',
  'd0/sub',
  'd1',
  'r0',
  'nested/d',
  'd0',
  'd0/sub',
  'd1',
  'd0/f0.volseed-new',
  'd0/f1.volseed-new',
  'd0/sub/f0.volseed-new',
  'f0.volseed-new',
  ...Array<string>(8).fill('.volseed'),
];

/** What may stand in the place of a file of the state. */
export const KINDS = [
  'a link to a file outside',
  'a link to a directory outside',
  'a link to a database with a journal',
  'a link to nowhere',
  'a FIFO',
  'a device without an end',
  'a socket',
  'a hard link to a foreign file',
  'a hard link to a foreign database, with a journal',
  'a directory of the owner',
  'text',
  'noughts',
  'a database of something else',
  'an empty file',
] as const;
export type Kind = (typeof KINDS)[number];

export class AttackGround implements Places {
  readonly root: string;
  readonly volume: string;
  readonly lair: string;
  readonly outside: string;
  readonly targets = TARGETS;
  readonly #pristine: string;
  readonly #nested: boolean;
  readonly #before: Snapshot;
  readonly #foreign: Snapshot;

  constructor() {
    const held = scratch();
    this.root = held.path;
    onTestFinished(() => {
      if (this.#nested) spawnSync('umount', ['--lazy', join(this.volume, 'nested')]);
      held[Symbol.dispose]();
    });
    this.volume = join(this.root, 'volume');
    this.lair = join(this.root, 'lair');
    this.outside = join(this.root, 'outside');
    this.#pristine = join(this.root, 'pristine');
    build(this.seed(0), seedOf(0));
    build(this.seed(1), seedOf(1));
    build(this.outside, world());
    build(join(this.root, 'foreign'), tree({ hard: file('HARD', { mode: 0o666 }) }));
    makeHotJournal(join(this.root, 'foreign/victim.db'));
    fs.chmodSync(join(this.root, 'foreign/victim.db'), 0o666);
    for (const path of [this.volume, this.lair]) own(path);
    this.#nested = this.#mountNested();
    this.#makePristine();
    this.refresh();
    this.#before = snapshot(this.outside, { root: true, state: true });
    this.#foreign = snapshot(join(this.root, 'foreign'));
  }

  seed(version: number): string {
    return join(this.root, `seed-${version}`);
  }

  /** The volume as it was seeded once, edited, and reset, with the attacker's tools laid out. Only while nobody attacks. */
  refresh(): void {
    for (const path of [this.volume, this.lair]) empty(path);
    mustRun('cp', ['-a', `${this.#pristine}/.`, this.volume]);
    this.#layTools();
  }

  /** What is not as it was in the world outside; nothing where all of it is. */
  harm(): string[] {
    const outside = changes(this.#before, snapshot(this.outside, { root: true, state: true }));
    const foreign = snapshot(join(this.root, 'foreign'));
    return [...outside, ...touched(this.#foreign, foreign)];
  }

  /** Files of the volume, backups and all, that have something of the outside world in them. */
  leaks(): string[] {
    return filesBelow(this.volume).filter((path) => {
      const content = fs.readFileSync(path);
      return content.includes(SECRET) || unpacked(content).includes(SECRET);
    });
  }

  /** Puts something else in the place of what is in the state. */
  putIntoState(name: string, kind: Kind): void {
    const at = join(this.volume, '.volseed', name);
    const foreign = join(this.root, 'foreign');
    fs.rmSync(at, { recursive: true, force: true });
    const make: Record<Kind, () => void> = {
      'a link to a file outside': () => fs.symlinkSync(join(this.outside, 'secret'), at),
      'a link to a directory outside': () => fs.symlinkSync(join(this.outside, 'dir'), at),
      'a link to a database with a journal': () => fs.symlinkSync(join(this.outside, 'state/lock'), at),
      'a link to nowhere': () => fs.symlinkSync(join(this.outside, 'not-yet'), at),
      'a FIFO': () => mustRun('mkfifo', [at]),
      'a device without an end': () => mustRun('mknod', [at, 'c', '1', '5']),
      'a socket': () => fs.linkSync(join(this.lair, 'socket'), at),
      'a hard link to a foreign file': () => fs.linkSync(join(foreign, 'hard'), at),
      'a hard link to a foreign database, with a journal': () => {
        fs.linkSync(join(foreign, 'victim.db'), at);
        fs.copyFileSync(join(foreign, 'victim.db-journal'), `${at}-journal`);
      },
      'a directory of the owner': () =>
        build(at, tree({ 'f0/x': file('x', { uid, gid }), out: { type: 'symlink', target: this.outside } })),
      text: () => fs.writeFileSync(at, 'no state of ours\n'),
      noughts: () => fs.writeFileSync(at, Buffer.alloc(8192)),
      'a database of something else': () => fs.copyFileSync(join(foreign, 'victim.db'), at),
      'an empty file': () => fs.writeFileSync(at, ''),
    };
    make[kind]();
  }

  #mountNested(): boolean {
    const at = join(this.volume, 'nested');
    own(at);
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `uid=${uid},gid=${gid},mode=755`, 'volseed-test', at]);
    if (status !== 0 && process.env['CI']) throw new Error('CI may skip nothing, and lacks mounts');
    return status === 0;
  }

  /** Seeded under merge, edited, and reset, so that there is a base, a history, and a backup; then edited once more. */
  #makePristine(): void {
    const where = ['--source', this.seed(0), '--target', this.volume, '--no-flush'];
    const edit = (path: string, text: string): void => {
      fs.appendFileSync(join(this.volume, path), text);
    };
    mustSucceed(['sync', '--policy', 'merge', ...where]);
    for (const path of DATA.slice(0, 20)) edit(path, 'edited');
    mustSucceed(['reset', '--all', '--yes', ...where]);
    for (const path of DATA.filter((_, at) => at % 3 === 0)) edit(path, 'edited again');
    mustRun('cp', ['-a', `${this.volume}/.`, this.#pristine], () => fs.mkdirSync(this.#pristine));
  }

  /** What an ordinary user cannot make, or that has to lie ready: devices, foreign files, directories of root's to misuse. */
  #layTools(): void {
    const foreign = join(this.root, 'foreign');
    fs.linkSync(join(foreign, 'hard'), join(this.lair, 'hard'));
    mustRun('mknod', [join(this.lair, 'zero'), 'c', '1', '5']);
    build(this.lair, tree({ 'socket-made/s': { type: 'socket' } }));
    fs.renameSync(join(this.lair, 'socket-made/s'), join(this.lair, 'socket'));
    for (const name of ['zero', 'socket']) fs.lchownSync(join(this.lair, name), uid, gid);
    fs.symlinkSync(join(this.outside, 'state'), join(this.volume, '.alt-state'));
    this.#layJournal(join(this.volume, '.alt-hot'));
    this.#layOurs(join(this.volume, '.alt-ours'));
  }

  /** A directory whose `lock` is a foreign file, with a journal beside it that SQLite would play back into it. */
  #layJournal(at: string): void {
    own(at);
    fs.linkSync(join(this.root, 'foreign/victim.db'), join(at, 'lock'));
    fs.copyFileSync(join(this.root, 'foreign/victim.db-journal'), join(at, 'lock-journal'));
    fs.copyFileSync(join(this.root, 'foreign/victim.db-journal'), join(at, 'state.db-journal'));
    mustRun('mkfifo', ['-m', '666', join(at, 'state.db')]);
  }

  /** A directory of root's that others could write to, as an image may ship one: it passes for volseed's own. */
  #layOurs(at: string): void {
    fs.mkdirSync(at);
    fs.chmodSync(at, 0o777);
    for (const name of ['stage', 'backups', 'holder.json']) {
      own(join(at, name));
      for (const below of ['one', 'two']) {
        own(join(at, name, below));
        fs.writeFileSync(join(at, name, below, 'f0'), "the owner's");
      }
    }
    fs.linkSync(join(this.root, 'foreign/victim.db'), join(at, 'lock'));
    fs.copyFileSync(join(this.root, 'foreign/victim.db-journal'), join(at, 'lock-journal'));
    fs.symlinkSync(join(this.outside, 'secret'), join(at, 'base'));
    fs.symlinkSync(join(this.outside, 'state/state.db'), join(at, 'state.db'));
  }
}

function seedOf(version: number): Tree {
  const owned = { uid, gid, mtime: 1_600_000_000 + version * 1000 };
  const entries: Record<string, Entry> = {};
  for (const at of DIRECTORIES)
    if (at !== '') entries[at.slice(0, -1)] = directory(at.startsWith('r') ? {} : { uid, gid });
  for (const path of DATA) entries[path] = file(`${path} in version ${version}\n`, path.startsWith('r') ? {} : owned);
  entries['d1/big'] = file(String(version).repeat(400_000), owned);
  entries['d1/link'] = { type: 'symlink', target: `f${version}`, ...owned };
  entries[`d0/only-${version}/f0`] = file('new', owned);
  return tree(entries);
}

const secret = (path: string): Entry => file(`${SECRET} ${path}`, { mode: 0o600 });

/** The outside has the volume's names, so that whoever is led there finds what he looks for. */
function world(): Tree {
  const entries: Record<string, Entry> = { secret: secret('secret'), dir: directory({ mode: 0o700 }) };
  for (const at of ['', 'dir/', 'dir/sub/', 'sub/', 'd/'])
    for (const name of FILES) entries[`${at}${name}`] = secret(at);
  entries['state'] = directory({ mode: 0o700 });
  entries['state/lock'] = file('', { mode: 0o600 });
  for (const name of ['lock-journal', 'lock-wal', 'state.db', 'state.db-journal', 'base', 'holder.json'])
    entries[`state/${name}`] = secret(name);
  entries['state/stage/run/beside'] = secret('beside');
  entries['state/backups/a.json'] = secret('a');
  return tree(entries);
}

const kept = ({ type, mode, uid: user, gid: group, mtime, inode, holds }: Seen): string =>
  [type, mode, user, group, mtime, inode, holds].join(' ');

/** Of files that get and lose names by the attack itself: only what that does not change. */
function touched(before: Snapshot, after: Snapshot): string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => {
    const [was, is] = [before.get(name), after.get(name)];
    return was === undefined || is === undefined || kept(was) !== kept(is);
  });
}

function own(path: string): void {
  fs.mkdirSync(path, { recursive: true });
  fs.chownSync(path, uid, gid);
}

/** All in a directory, and in what is mounted in it; never by way of a link. */
function empty(path: string): void {
  mustRun('find', [path, '-mindepth', '1', '-not', '-path', join(path, 'nested'), '-delete']);
}

function filesBelow(at: string): string[] {
  return fs.readdirSync(at, { withFileTypes: true }).flatMap((entry) => {
    const path = join(at, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

function unpacked(content: Buffer): Buffer {
  if (content[0] !== 0x1f || content[1] !== 0x8b) return Buffer.alloc(0);
  try {
    return gunzipSync(content, { finishFlush: 2 });
  } catch {
    return Buffer.alloc(0);
  }
}

function mustSucceed(args: readonly string[]): void {
  const { code, stderr } = volseed(args);
  if (code !== 0) throw new Error(`volseed ${args.join(' ')}: ${code}\n${stderr}`);
}

function mustRun(command: string, args: readonly string[], before: () => void = () => undefined): void {
  before();
  const { code, stderr } = runToEnd(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${code}\n${stderr}`);
}
