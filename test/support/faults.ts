// Faults given to the program in one system call, and what must hold after them. strace counts for each thread by itself; the
// runtime's pool is kept to one thread, so that the numbers of a call are the same in every run.
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { exists, leftovers } from './probe.ts';
import { lay, putBack, type Laid, type Scenario } from './scenarios.ts';
import { differences, snapshot, type Seen, type Snapshot } from './snapshot.ts';
import { leading, program, runtime, runToEnd, type Result } from './volseed.ts';

/** Everything by which the program changes a file system, but for openat, of which only some do. */
export const CHANGING = [
  'rename',
  'link',
  'unlink',
  'rmdir',
  'mkdir',
  'symlink',
  'pwrite64',
  'write',
  'utimensat',
  'fchmod',
  'chmod',
  'fchown',
  'chown',
  'lchown',
  'ftruncate',
  'fsync',
  'fdatasync',
  'syncfs',
  'copy_file_range',
  'fallocate',
] as const;

/** At most so many points for each call of a scenario: VOLSEED_FAULT_POINTS, else all. */
export const MOST = Number(process.env['VOLSEED_FAULT_POINTS'] ?? Number.POSITIVE_INFINITY);

/** The nth call of a name, of one thread. */
export interface Point {
  readonly call: string;
  readonly n: number;
  /** SQLite's, which has its own way with what the kernel refuses. */
  readonly bySQLite?: boolean;
  /** What it was called with, for the message. */
  readonly what?: string;
}

/** A scenario laid out, with how it begins, and how it ends where nothing disturbs it. */
export interface Ready extends Laid {
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly code: number;
  /** The calls that change something. */
  readonly changing: readonly Point[];
  /** The calls that open something of the seed, the volume or the state to look at it. */
  readonly opening: readonly Point[];
  /** Names in the state directory at the end, those of single runs aside. */
  readonly state: readonly string[];
}

export function ready(scenario: Scenario): Ready {
  const laid = lay(scenario);
  const before = snapshot(laid.volume);
  const calls = [...CHANGING, 'openat'].join();
  const log = join(mkdtempSync(join(laid.root, 'log-')), 'log');
  allow(laid, join(log, '..'));
  const { code, stderr } = straced(laid, ['-y', '-o', log, '-e', `trace=${calls}`]);
  if (code !== 0) throw new Error(`${scenario.name}: ${code}\n${stderr}`);
  const seen = pointsOf(readFileSync(log, 'latin1'), laid);
  return { ...laid, before, after: snapshot(laid.volume), code, ...seen, state: stateOf(laid) };
}

function allow({ as }: Laid, path: string): void {
  if (as !== undefined) runToEnd('chown', [`${as.uid}:${as.gid}`, path]);
}

export interface Faulted extends Result {
  /** The numbers of calls shift from run to run, by what the runtime does for itself: an error came to a call of its. */
  readonly missed: boolean;
  /** The calls that the fault came to, for the message. */
  readonly hit: string;
}

/** Runs the scenario's command under strace. */
function straced({ args, as }: Laid, options: readonly string[]): Result {
  return runToEnd('strace', ['-f', ...options, ...program, ...args], {
    ...as,
    env: { PATH: process.env['PATH'] ?? '', UV_THREADPOOL_SIZE: '1' },
  });
}

/**
 * The same with a fault, as strace writes it behind `inject=`: `signal=KILL`, `error=EIO`.
 * @param times how often in a row: the call of the point, and those of its name that follow.
 */
export function faulty(stand: Laid, { call, n, bySQLite = false }: Point, fault: string, times = 1): Faulted {
  const last = times === Number.POSITIVE_INFINITY ? '+' : times === 1 ? '' : `..${n + times - 1}`;
  const inject = `inject=${call}:${fault}:when=${n}${last}`;
  // A filter makes it twice as fast, and with it strace 6.1 gives no signal.
  const filter = fault.startsWith('signal=') ? [] : ['--seccomp-bpf'];
  const log = join(mkdtempSync(join(stand.root, 'log-')), 'log');
  allow(stand, join(log, '..'));
  const result = straced(stand, ['-y', ...filter, '-o', log, '-e', `trace=${call}`, '-e', inject]);
  const hit = readFileSync(log, 'latin1')
    .split('\n')
    .filter((line) => line.includes('(INJECTED)'));
  // Of the others the runtime makes none itself.
  const mayMiss = ['openat', 'write'].includes(call) && !fault.startsWith('signal=');
  // A thread that is not told of something by an eventfd is the end of the runtime.
  const hitsRuntime = hit.some((line) => line.includes('[eventfd]'));
  // SQLite has its own patience, of which nothing is said.
  const isMeant = (line: string): boolean => concerns(line, stand) && (bySQLite || !isBySQLite(call, line));
  const missed = mayMiss && (hitsRuntime || !hit.some(isMeant));
  return { ...result, missed, hit: hit.join('; ') };
}

/** Whether a call is about the seed, the volume or the state: with an absolute path, the working directory says nothing. */
function concerns(line: string, { root, places }: Laid): boolean {
  const said = line.replace(/\(AT_FDCWD<[^>]*>, "\//, '("/');
  return ['"/proc/self/fd/', root, ...places].some((path) => said.includes(path));
}

/** In a scenario nobody else opens a file to read and write, or writes at a place. */
function isBySQLite(call: string, line: string): boolean {
  return call === 'pwrite64' || (call === 'openat' && line.includes('O_RDWR'));
}

export function undisturbed({ args, as }: Laid): Result {
  return runToEnd(runtime, [...leading, ...args], { ...as, env: { PATH: process.env['PATH'] ?? '' } });
}

/** Which calls of a log are of interest. Bare names and descriptors are shown with their paths by -y. */
function pointsOf(log: string, laid: Laid): Pick<Ready, 'changing' | 'opening'> {
  const counts = new Map<string, number>();
  const changing = new Map<string, Point>();
  const opening = new Map<string, Point>();
  for (const line of log.split('\n')) {
    const [, thread = '', call = '', rest = ''] = /^(\d+) +(\w+)\((.*)$/.exec(line) ?? [];
    if (call === '') continue;
    const key = `${thread} ${call}`;
    const n = (counts.get(key) ?? 0) + 1;
    counts.set(key, n);
    const what = rest.slice(0, 160);
    const isOurs = concerns(line, laid);
    const changes = call === 'openat' ? isOurs && /O_CREAT|O_WRONLY|O_RDWR/.test(rest) : call !== 'write' || isOurs;
    const bySQLite = isBySQLite(call, rest);
    if (changes) changing.set(`${call} ${n}`, { call, n, bySQLite, what });
    else if (call === 'openat' && isOurs) opening.set(`${call} ${n}`, { call, n, what });
  }
  return { changing: [...changing.values()], opening: [...opening.values()] };
}

/** Evenly, at most so many of each call. */
export function chosen(points: readonly Point[], most = MOST): Point[] {
  return [...Map.groupBy(points, ({ call }) => call).values()].flatMap((all) => few(all, most));
}

/** So many, evenly over all of them. */
export function few(points: readonly Point[], most: number): Point[] {
  const step = Math.max(1, points.length / most);
  return points.filter((_, at) => Math.floor(at / step) !== Math.floor((at - 1) / step));
}

/**
 * Does something at each point on the scenario as it was laid out, and gathers the troubles, each with its point.
 * @param act returns what is wrong.
 */
export function atEach<P extends Point>(stand: Ready, points: readonly P[], act: (point: P) => string[]): string[] {
  return points.flatMap((point) => {
    putBack(stand);
    return act(point).map((trouble) => `${point.call} ${point.n} (${point.what}): ${trouble}`);
  });
}

/** What is wrong after a kill: that there was none, too. */
export function troublesOfKill(stand: Ready, point: Point): string[] {
  const { code } = faulty(stand, point, 'signal=KILL');
  // The command that flushes a file system is a process of its own, and the run goes on without it.
  const isEnded = code === 137 || (code === 0 && point.call === 'syncfs');
  return [...(isEnded ? [] : [`was not killed, but ended with ${code}`]), ...harmIn(stand)];
}

export const ERRORS = ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EACCES', 'EMFILE', 'EINTR'] as const;

export const TRANSIENT = ['ESTALE', 'EBUSY', 'ETIMEDOUT', 'EAGAIN', 'EINTR'] as const;

/** Not what SQLite does, and no flush. */
export function isRepeated({ call, bySQLite }: Point): boolean {
  return bySQLite !== true && !['fsync', 'fdatasync', 'syncfs'].includes(call);
}

/** What of the table of exit codes is an answer to the environment's refusal. */
const ANSWERS = new Set([0, 2, 23, 75, 76]);

/** Refused for good, the runtime could not even wake its own threads, which it does by writing: small.test.ts fills real disks. */
export const NOT_FOR_GOOD = new Set(['write']);

/** What is wrong after an error: a fault of the program's own, a word too little or too many, a success that is none. */
export function troublesOfError(stand: Ready, point: Point, error: string, on: boolean): string[] {
  const { code, stderr, missed } = faulty(stand, point, `error=${error}`, on ? Number.POSITIVE_INFINITY : 1);
  if (missed) return harmIn(stand);
  const lines = stderr.split('\n').filter((line) => line !== '');
  const wrong = [
    ...(ANSWERS.has(code) ? [] : [`ended with ${code}: ${stderr}`]),
    ...(code === 0 || lines.length > 0 ? [] : [`ended with ${code} without a word`]),
    ...lines.filter((line) => !line.startsWith('volseed: ')).map((line) => `said ${line}`),
    ...lines.filter((line) => /fault in volseed|ERR_|undefined/.test(line)).map((line) => `said ${line}`),
    ...lines.filter((line, at) => lines.indexOf(line) !== at).map((line) => `said twice: ${line}`),
  ];
  return [...wrong, ...(code === 0 ? unlike(stand).map((each) => `ended with 0, but ${each}`) : harmIn(stand))];
}

const isAs = (seen: Seen | undefined, other: Seen | undefined): boolean =>
  seen?.type === other?.type && (seen?.type === 'directory' || seen?.holds === other?.holds);

/** What is wrong with a volume in which a run was disturbed: something half, or something of the user's gone. */
export function harmIn({ volume, before, after }: Ready): string[] {
  const now = snapshot(volume);
  const paths = [...new Set([...before.keys(), ...after.keys(), ...now.keys()])];
  return paths.flatMap((path) => {
    const [was, will, is] = [before.get(path), after.get(path), now.get(path)];
    if (isAs(is, was) || isAs(is, will) || /\.volseed-[0-9a-f]{12}(\/|$)/.test(path)) return [];
    // A directory that makes way for something else, or the reverse, takes two steps.
    const twoSteps = is === undefined && (was?.type === 'directory') !== (will?.type === 'directory');
    return twoSteps ? [] : [`${path}: neither the old nor the new (${is?.type ?? 'nothing'})`];
  });
}

/** What is not as where nothing had disturbed the run. */
export function unlike({ volume, after }: Ready): string[] {
  return differences(after, snapshot(volume), { before: new Map(), started: 1n << 80n });
}

/** Runs it once more, and says what is not as it would have been. */
export function troublesOfTheNext(stand: Ready): string[] {
  const { code, stderr } = undisturbed(stand);
  const ended = code === 0 ? [] : [`the next run ended with ${code}: ${stderr}`];
  return [...ended, ...unlike(stand), ...lostBytes(stand), ...straysOf(stand)];
}

/** Names that no undisturbed run leaves, in the volume and in the state. */
export function straysOf(stand: Ready): string[] {
  const more = stateOf(stand).filter((name) => !stand.state.includes(name));
  const offered = leftovers(stand.volume).filter((name) => !stand.after.has(name));
  return [...offered, ...more].map((name) => `${name} was left behind`);
}

function stateOf({ places: [volume = '', other] }: Laid): string[] {
  const at = other === undefined ? join(volume, '.volseed') : other;
  if (!exists(at)) return [];
  const names = readdirSync(at, { recursive: true, encoding: 'utf8' }).filter(
    (name) => !/\d{8}T\d{6}-[0-9a-f]{6}\.(json|tar\.gz)$/.test(name),
  );
  // The last holder's name of the lock stays, whatever it is; two of them would be one too many.
  const [last, ...others] = names.filter((name) => /(^|\/)lock-[0-9a-f]{32}$/.test(name));
  return [...names.filter((name) => name !== last && !others.includes(name)), ...others];
}

/** What a user wrote and no image ships, by its bytes: it is in the volume, or in a backup. */
function lostBytes(stand: Ready): string[] {
  const backups = join(stand.volume, '.volseed/backups');
  if (!exists(backups)) return [];
  const held = new Set([...snapshot(stand.volume).values()].map(({ holds }) => holds));
  const room = join(stand.root, `unpacked-${randomBytes(4).toString('hex')}`);
  for (const name of readdirSync(backups).filter((each) => each.endsWith('.tar.gz'))) {
    mkdirSync(room);
    runToEnd('tar', ['-xzf', join(backups, name), '-C', room]);
    for (const { holds } of snapshot(room).values()) held.add(holds);
    rmSync(room, { recursive: true });
  }
  return [...stand.before]
    .filter(([, { type, holds }]) => type === 'file' && !held.has(holds))
    .map(([path]) => `${path}: what it held is neither in the volume nor in a backup`);
}

/** Points of all, for the line that a suite ends with. */
export class Count {
  readonly #counts = new Map<string, number>();

  add(what: string, number = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + number);
  }

  tell(title: string): void {
    const counts = [...this.#counts].map(([what, number]) => `${number} ${what}`);
    process.stdout.write(`${title}: ${counts.join(', ')}\n`);
  }
}

export { putBack };
