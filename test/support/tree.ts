// Trees from literals: tree({ 'tables/t1.csv': file('1', { mtime: 100 }), link: symlink('tables') }).
//
// Names, contents and link targets are strings of bytes, one character (up to \xff) for each byte, so that names which
// are not UTF-8 can be made. '.' is the root itself. Times are exact to the nanosecond: seconds since 1970 as a number,
// or as a string ('100.999999999') where a number would round.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Time = number | string;

export interface Attributes {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: Time;
}

export type Entry = Attributes &
  (
    | {
        readonly type: 'file';
        readonly content: string;
        /** The files of one tree that have the same number here are one, under several names (hard links). */
        readonly inode?: number;
      }
    | { readonly type: 'symlink'; readonly target: string }
    | { readonly type: 'directory' | 'fifo' | 'socket' }
  );

/** Entries by their relative path, each after the directory it is in. */
export type Tree = ReadonlyMap<string, Entry>;

export const file = (content = '', attributes: Attributes = {}): Entry => ({ type: 'file', content, ...attributes });
/** A name of the file of that number. */
export const linked = (inode: number, content = '', attributes: Attributes = {}): Entry => ({
  type: 'file',
  content,
  inode,
  ...attributes,
});
export const symlink = (target: string, attributes: Attributes = {}): Entry => ({
  type: 'symlink',
  target,
  ...attributes,
});
export const directory = (attributes: Attributes = {}): Entry => ({ type: 'directory', ...attributes });
export const fifo = (attributes: Attributes = {}): Entry => ({ type: 'fifo', ...attributes });
export const socket = (attributes: Attributes = {}): Entry => ({ type: 'socket', ...attributes });

const defaultTime = 1_500_000_000;
const defaultMode = { file: 0o644, directory: 0o755, fifo: 0o644, socket: 0o755, symlink: 0o777 } as const;

/** A tree from a literal. Directories that are only implied by a path need not be spelled out. */
export function tree(literal: Readonly<Record<string, Entry>>): Tree {
  const entries = new Map<string, Entry>();
  for (const [path, entry] of Object.entries(literal)) {
    for (const parent of ancestors(path)) if (!entries.has(parent)) entries.set(parent, literal[parent] ?? directory());
    entries.set(path, entry);
  }
  return entries;
}

/** 'a/b/c' is in 'a' and 'a/b'. */
export function ancestors(path: string): string[] {
  const names = path.split('/');
  return names.slice(1).map((_, index) => names.slice(0, index + 1).join('/'));
}

/** Makes `tree` in the directory `dir`. */
export function build(dir: string, entries: Tree): void {
  buildAll([[dir, entries]]);
}

/** Makes many trees at once: what needs another process (FIFOs, sockets, exact times) takes one for all of them. */
export function buildAll(jobs: readonly (readonly [dir: string, entries: Tree])[]): void {
  const made: Made[] = [];
  for (const [dir, entries] of jobs) {
    fs.mkdirSync(dir, { recursive: true });
    const root = bytes(dir);
    const first = new Map<number, Buffer>();
    for (const [path, entry] of entries) {
      const at = Buffer.from(`${root}/${path}`, 'latin1');
      const inode = entry.type === 'file' ? entry.inode : undefined;
      made.push({ path, entry, at, other: inode === undefined ? undefined : first.get(inode) });
      if (inode !== undefined && !first.has(inode)) first.set(inode, at);
    }
  }
  for (const one of made) create(one);
  makeFifos(made.filter(({ entry }) => entry.type === 'fifo'));
  makeSockets(made.filter(({ entry }) => entry.type === 'socket'));

  // A directory last, the deepest first: its contents must be reachable until they are done.
  const directories = made.filter(({ entry }) => entry.type === 'directory').toReversed();
  const others = made.filter(({ entry }) => entry.type !== 'directory');
  for (const one of others) setAttributes(one);
  touchExactly(others);
  touchExactly(directories);
  for (const one of directories) setAttributes(one);
}

interface Made {
  readonly path: string;
  readonly at: Buffer;
  readonly entry: Entry;
  /** Another name of the same file, made before. */
  readonly other: Buffer | undefined;
}

function create({ path, at, entry, other }: Made): void {
  if (other !== undefined) fs.linkSync(other, at);
  else if (entry.type === 'directory' && path !== '.') fs.mkdirSync(at, { mode: 0o700 });
  else if (entry.type === 'file') fs.writeFileSync(at, Buffer.from(entry.content, 'latin1'), { flag: 'wx' });
  else if (entry.type === 'symlink') fs.symlinkSync(Buffer.from(entry.target, 'latin1'), at);
}

function makeFifos(made: readonly Made[]): void {
  forEach(made, ['mkfifo', '--']);
}

// A socket is made by binding it, under a short name in ASCII, and renamed. The process is killed because one that ends
// in peace removes its sockets.
function makeSockets(made: readonly Made[]): void {
  if (made.length === 0) return;
  using workshop = scratch();
  const script = `
    let left = ${made.length};
    for (let i = left; i--; )
      require('net').createServer().listen('s' + i, () => --left || process.kill(process.pid, 'SIGKILL'));`;
  spawnSync(process.execPath, ['-e', script], { cwd: workshop.path });
  for (const [index, { at }] of made.entries()) fs.renameSync(join(workshop.path, `s${index}`), at);
}

function setAttributes({ at, entry }: Made): void {
  const { uid = process.getuid?.() ?? 0, gid = process.getgid?.() ?? 0, mode = defaultMode[entry.type] } = entry;
  if (process.getuid?.() === 0 || entry.gid !== undefined) fs.lchownSync(at, uid, gid);
  // After the owner: a change of owner clears the set-id bits.
  if (entry.type !== 'symlink') fs.chmodSync(at, mode);
  // As a string: a negative number would mean "now".
  const time = nanoseconds(entry.mtime ?? defaultTime);
  if (isExactForNode(time)) fs.lutimesSync(at, seconds(time), seconds(time));
}

/** Node passes times on as doubles: only such fractions arrive as they were given. */
const isExactForNode = (time: bigint): boolean => time % 250_000_000n === 0n;

function touchExactly(made: readonly Made[]): void {
  const inexact = made.filter(({ entry }) => !isExactForNode(nanoseconds(entry.mtime ?? defaultTime)));
  for (const [time, same] of Map.groupBy(inexact, ({ entry }) => seconds(nanoseconds(entry.mtime ?? defaultTime)))) {
    forEach(same, ['touch', '--no-dereference', '--date', `@${time}`, '--']);
  }
}

/** Names go to xargs on its input: as arguments of a process that Node starts they would have to be UTF-8. */
function forEach(made: readonly Made[], command: readonly string[]): void {
  if (made.length === 0) return;
  const input = Buffer.concat(made.flatMap(({ at }) => [at, Buffer.of(0)]));
  const { status, stderr } = spawnSync('xargs', ['-0', ...command], { input, env: { ...process.env, TZ: 'UTC' } });
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr.toString()}`);
}

/** Seconds as nanoseconds, exactly. */
export function nanoseconds(time: Time): bigint {
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d{1,9}))?$/u.exec(String(time)) ?? fail(time);
  const magnitude = BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
  return sign === '-' ? -magnitude : magnitude;
}

function fail(time: Time): never {
  throw new TypeError(`not a time: ${time}`);
}

/** Nanoseconds as seconds in decimal, exactly. */
export function seconds(time: bigint): string {
  const magnitude = time < 0n ? -time : time;
  const fraction = String(magnitude % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/u, '');
  return `${time < 0n ? '-' : ''}${magnitude / 1_000_000_000n}${fraction && `.${fraction}`}`;
}

/** The tree as the literal that makes it. */
export function show(entries: Tree): string {
  const lines = [...entries].map(([path, entry]) => `  ${quote(path)}: ${showEntry(entry)},\n`);
  return `tree({${lines.length === 0 ? '' : `\n${lines.join('')}`}})`;
}

function showEntry(entry: Entry): string {
  const { mode, uid, gid, mtime } = entry;
  const attributes = Object.entries({ mode: mode === undefined ? undefined : `0o${mode.toString(8)}`, uid, gid, mtime })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${name === 'mtime' && typeof value === 'string' ? `'${value}'` : value}`)
    .join(', ');
  const own = entry.type === 'file' ? entry.content : entry.type === 'symlink' ? entry.target : undefined;
  const inode = entry.type === 'file' ? entry.inode : undefined;
  const parts = [inode, own && showBytes(own), attributes && `{ ${attributes} }`];
  return `${inode === undefined ? entry.type : 'linked'}(${parts.filter(Boolean).join(', ')})`;
}

function showBytes(content: string): string {
  const [first = ''] = content;
  const repeats = content.length > 40 && content === first.repeat(content.length);
  return repeats ? `${quote(first)}.repeat(${content.length})` : quote(content);
}

/** A byte string as a literal in plain ASCII. */
export function quote(text: string): string {
  return `'${printable(text.replaceAll('\\', String.raw`\\`).replaceAll("'", String.raw`\'`))}'`;
}

/** What a terminal would not show as it is, escaped. */
export function printable(text: string): string {
  return text.replaceAll(/[^ -~]/gu, (char) =>
    char === '\n' ? String.raw`\n` : `\\x${(char.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`,
  );
}

/** A path as Node knows it (UTF-8) as a byte string. */
export const bytes = (path: string): string => Buffer.from(path).toString('latin1');

export interface Scratch {
  readonly path: string;
  [Symbol.dispose](): void;
}

/** A new directory, in memory where there is such a file system; gone, with all in it, at the end of its block. */
export function scratch(): Scratch {
  const path = fs.mkdtempSync(join(inMemory() ? '/dev/shm' : tmpdir(), 'volseed-test-'));
  // For the suites that drop to an ordinary user.
  fs.chmodSync(path, 0o755);
  return { path, [Symbol.dispose]: () => remove(path) };
}

function inMemory(): boolean {
  try {
    fs.accessSync('/dev/shm', fs.constants.W_OK);
    // A container's default of 64 MiB is not enough.
    const { bavail, bsize } = fs.statfsSync('/dev/shm');
    return bavail * bsize > 512 * 1024 * 1024;
  } catch {
    return false;
  }
}

/** Removes a tree whatever the modes in it. */
export function remove(path: string): void {
  if (process.getuid?.() !== 0) spawnSync('chmod', ['-R', 'u+rwX', '--', path], { stdio: 'ignore' });
  spawnSync('rm', ['-rf', '--', path]);
}
