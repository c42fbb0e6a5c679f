// What is in a directory, as data that can be compared, read without ever following a link.
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { bytes, quote, seconds } from './tree.ts';

export interface Seen {
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970, exact. */
  readonly mtime: bigint;
  /** Something was expected to be added, and nothing was promised about the time: the clock's will do as well. */
  readonly mayBeNow?: boolean;
  readonly ctime: bigint;
  readonly inode: bigint;
  /** A file's bytes (or the hash of many), a link's target; names and targets are byte strings. */
  readonly holds: string;
}

/** Entries by their relative path, a byte string; '.' is the root. */
export type Snapshot = ReadonlyMap<string, Seen>;

export interface Scope {
  /** The root's own attributes too. */
  readonly root?: boolean;
  /** volseed's own directory at the root too. */
  readonly state?: boolean;
}

export function snapshot(dir: string, { root = false, state = false }: Scope = {}): Snapshot {
  const seen = new Map<string, Seen>();
  const base = bytes(dir);
  const visit = (path: string): void => {
    const at = Buffer.from(path === '.' ? base : `${base}/${path}`, 'latin1');
    const entry = look(at);
    if (path !== '.' || root) seen.set(path, entry);
    if (entry.type !== 'directory') return;
    for (const name of names(at)) {
      if (path !== '.') visit(`${path}/${name}`);
      else if (name !== '.volseed' || state) visit(name);
    }
  };
  visit('.');
  return seen;
}

function names(at: Buffer): string[] {
  try {
    return fs
      .readdirSync(at, { encoding: 'buffer' })
      .map((name) => name.toString('latin1'))
      .toSorted();
  } catch (error) {
    return ifClosed(error, []);
  }
}

function look(at: Buffer): Seen {
  const stat = fs.lstatSync(at, { bigint: true });
  const type = typeOf(stat);
  return {
    type,
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtime: stat.mtimeNs,
    ctime: stat.ctimeNs,
    inode: stat.ino,
    holds: type === 'file' ? content(at) : type === 'symlink' ? target(at) : '',
  };
}

function typeOf(stat: fs.BigIntStats): string {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  return stat.isSocket() ? 'socket' : 'device';
}

const target = (at: Buffer): string => fs.readlinkSync(at, { encoding: 'buffer' }).toString('latin1');

function content(at: Buffer): string {
  try {
    const all = fs.readFileSync(at);
    if (all.length <= 200) return all.toString('latin1');
    return `${all.length} bytes of SHA-256 ${createHash('sha256').update(all).digest('hex')}`;
  } catch (error) {
    return ifClosed(error, '(unreadable)');
  }
}

/** An ordinary user cannot look into what is closed to it; two closed entries are taken as equal. */
function ifClosed<T>(error: unknown, otherwise: T): T {
  if (error instanceof Error && 'code' in error && error.code === 'EACCES') return otherwise;
  throw error;
}

/** How two snapshots of one directory differ to the last bit: also inodes, and ctimes, which no write can hide from. */
export function changes(before: Snapshot, after: Snapshot): string[] {
  return compare(before, after, (path, was, is) => [
    ...describe(path, was, is),
    ...(was.mtime === is.mtime ? [] : [`${quote(path)}: mtime ${seconds(is.mtime)}, was ${seconds(was.mtime)}`]),
    ...(was.inode === is.inode ? [] : [`${quote(path)}: is a new inode`]),
    ...(was.ctime === is.ctime ? [] : [`${quote(path)}: was written to (ctime)`]),
  ]);
}

export interface Comparison {
  /** What both began with: an entry that was left alone keeps its mtime to the nanosecond. */
  readonly before: Snapshot;
  /** When the programs were started: times that the clock gave from then on are taken as equal. */
  readonly started: bigint;
}

/**
 * How `actual` differs from what was expected. Times that were set are compared to two microseconds, which is what Node
 * can set in the next centuries, but may never be in another second.
 */
export function differences(expected: Snapshot, actual: Snapshot, { before, started }: Comparison): string[] {
  return compare(expected, actual, (path, wanted, found) => {
    const untouched = leftAlone(wanted, before.get(path));
    const fromClock = isSince(started, found) && (wanted.mayBeNow === true || isSince(started, wanted));
    const same = wanted.mtime === found.mtime || fromClock || (!untouched && isClose(wanted.mtime, found.mtime));
    const time = same ? [] : [`${quote(path)}: mtime ${seconds(found.mtime)}, expected ${seconds(wanted.mtime)}`];
    return [...describe(path, wanted, found), ...time];
  });
}

// A directory's own time moves with its contents, and is then set back by both programs.
function leftAlone(after: Seen, before: Seen | undefined): boolean {
  if (before === undefined || after.type === 'directory') return false;
  return before.type === after.type && before.mtime === after.mtime && before.holds === after.holds;
}

function isClose(a: bigint, b: bigint): boolean {
  const apart = a < b ? b - a : a - b;
  return apart < 2000n && wholeSecond(a) === wholeSecond(b);
}

const minute = 60_000_000_000n;

function isSince(started: bigint, { mtime }: Seen): boolean {
  return mtime > started - minute && mtime < started + 10n * minute;
}

/** Rounded down, also before 1970: division alone rounds towards zero. */
const wholeSecond = (time: bigint): bigint => time / 1_000_000_000n - (time % 1_000_000_000n < 0n ? 1n : 0n);

function compare(
  expected: Snapshot,
  actual: Snapshot,
  both: (path: string, wanted: Seen, found: Seen) => string[],
): string[] {
  const paths = new Set([...expected.keys(), ...actual.keys()]);
  return [...paths].toSorted().flatMap((path) => {
    const [wanted, found] = [expected.get(path), actual.get(path)];
    if (wanted === undefined) return [`${quote(path)}: ${found && summary(found)}, expected nothing there`];
    if (found === undefined) return [`${quote(path)}: nothing there, expected ${summary(wanted)}`];
    return both(path, wanted, found);
  });
}

function describe(path: string, wanted: Seen, found: Seen): string[] {
  if (wanted.type !== found.type) return [`${quote(path)}: ${summary(found)}, expected ${summary(wanted)}`];
  return (['holds', 'mode', 'uid', 'gid'] as const)
    .filter((field) => wanted[field] !== found[field])
    .map((field) => `${quote(path)}: ${field} ${value(found, field)}, expected ${value(wanted, field)}`);
}

function value(seen: Seen, field: 'holds' | 'mode' | 'uid' | 'gid'): string {
  if (field === 'holds') return quote(seen.holds);
  return field === 'mode' ? octal(seen.mode) : String(seen[field]);
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

function summary({ type, mode, uid, gid, mtime, holds }: Seen): string {
  return `a ${type}${holds && ` of ${quote(holds)}`} (${octal(mode)} ${uid}:${gid} ${seconds(mtime)})`;
}
