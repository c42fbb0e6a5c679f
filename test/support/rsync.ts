// rsync as the oracle: what it leaves of a volume is what volseed has to leave.
// oxlint-disable no-await-in-loop -- each round needs what the one before has shown
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { firstNumber, outside, pair } from './random.ts';
import type { Flavour, Pair } from './random.ts';
import { differences, changes, snapshot } from './snapshot.ts';
import type { Snapshot } from './snapshot.ts';
import { buildAll, bytes, directory, file, printable, scratch, show } from './tree.ts';
import type { Entry, Tree } from './tree.ts';
import { leading, runtime } from './volseed.ts';
import type { Options, Result } from './volseed.ts';

export interface Identity extends Pick<Options, 'uid' | 'gid'> {
  /** A supplementary group, as Kubernetes gives by fsGroup. */
  readonly group?: number;
}

/** A program under test: seeds `volume` from `seed`. */
export type Program = (seed: string, volume: string, as: Identity) => Promise<Result>;

/** `rsync -avu`, less what volseed passes over with a warning, and what `options` add or, given first, replace. */
export function rsync(options: readonly string[] = [], base: readonly string[] = ['-avu']): Program {
  const settings = [...base, '--no-specials', '--no-devices', ...options];
  return (seed, volume, as) => run('rsync', [...settings, '--', `${seed}/`, `${volume}/`], as);
}

/** An rsync that lists what it would still do, and does nothing. */
export function itemized(options: readonly string[] = []): Program {
  return rsync(['--itemize-changes', ...options], ['-aun']);
}

export function volseed(command: 'sync' | 'plan', options: readonly string[] = []): Program {
  return (seed, volume, as) =>
    run(runtime, [...leading, command, '--source', seed, '--target', volume, ...options], as);
}

/** Gives a seed a manifest. */
export const withManifest = async (seed: string): Promise<Result> =>
  run(runtime, [...leading, 'manifest', '--source', seed]);

/** `volseed sync` that fails where it does not go by the manifest. */
export const syncByManifest: Program = async (...args) => {
  const result = await volseed('sync')(...args);
  return result.stderr.includes('the manifest of') ? { ...result, code: 1 } : result;
};

/** The same at a start that is not the first: a first one adopts what it finds, and visits each path. */
export const notAtFirst =
  (program: Program): Program =>
  async (seed, volume, as) => {
    const aside = `${volume}-aside`;
    const { atimeNs, mtimeNs } = statSync(volume, { bigint: true });
    mkdirSync(aside);
    for (const name of namesIn(volume)) renameSync(below(volume, name), below(aside, name));
    await program(seed, volume, as);
    for (const name of namesIn(volume)) rmSync(below(volume, name), { recursive: true });
    for (const name of namesIn(aside)) renameSync(below(aside, name), below(volume, name));
    rmdirSync(aside);
    utimesSync(volume, inSeconds(atimeNs), inSeconds(mtimeNs));
    return program(seed, volume, as);
  };

const namesIn = (at: string): Buffer[] => readdirSync(at, 'buffer').filter((name) => name.toString() !== '.volseed');
const below = (at: string, name: Buffer): Buffer => Buffer.concat([Buffer.from(`${at}/`), name]);
/** As text, in which no nanosecond gets lost. */
const inSeconds = (time: bigint): string =>
  `${time / 1_000_000_000n}.${String(time % 1_000_000_000n).padStart(9, '0')}`;

/** Where the promise is that nothing changes. */
export const doNothing: Program = async () => ({ code: 0, stdout: '', stderr: '' });

export interface Around {
  readonly before: Snapshot;
  readonly seed: Snapshot;
  /** What the program left, for a promise that leaves a choice. */
  readonly found: Snapshot;
}

export interface Contract {
  /** What is done to a seed before anything else; it must succeed. */
  readonly prepare?: (seed: string) => Promise<Result>;
  readonly oracle: Program;
  readonly program: Program;
  /** Asked afterwards what it would still do, an rsync that lists items and changes nothing. */
  readonly asked?: Program;
  readonly as?: Identity;
  /** The root's own attributes count too. */
  readonly root?: boolean;
  /** Besides, the trees are in a directory beside so many files that they are looked at in the way that is for many. */
  readonly crowded?: boolean;
  /** Where the promise is not quite what the oracle does: what it is, from what that left. */
  readonly promised?: (left: Snapshot, around: Around) => Snapshot;
}

export interface Tally {
  readonly pairs: number;
  readonly clean: number;
  readonly troubled: number;
}

const chunk = 24;
const worthReporting = 3;

/**
 * Runs so many random pairs through the oracle and the program, and counts them. The first pairs at which the two do not
 * agree are cut down to what still shows it, and thrown as literals.
 */
export async function agree(pairs: number, flavour: Flavour, contract: Contract): Promise<Tally> {
  const verdicts: Verdict[] = [];
  const wrong: Verdict[] = [];
  for (let first = 0; first < pairs && wrong.length < worthReporting; first += chunk) {
    const numbers = Array.from({ length: Math.min(chunk, pairs - first) }, (_, index) => firstNumber + first + index);
    const judged = await judge(
      numbers.map((number) => pair(number, flavour)),
      contract,
    );
    verdicts.push(...judged);
    wrong.push(...judged.filter(({ faults }) => faults.length > 0));
  }
  const reports: string[] = [];
  for (const verdict of wrong.slice(0, worthReporting)) reports.push(report(await smallest(verdict, contract)));
  if (reports.length > 0) throw new Error(`${wrong.length} of ${verdicts.length} pairs differ.\n${reports.join('\n')}`);
  const troubled = verdicts.filter(({ code }) => code !== 0).length;
  console.info(`${verdicts.length} pairs, ${troubled} of them with exit code 23`);
  return { pairs: verdicts.length, clean: verdicts.length - troubled, troubled };
}

export interface Verdict {
  readonly pair: Pair;
  /** The oracle's exit code. */
  readonly code: number;
  /** What is not as it has to be, in words. */
  readonly faults: readonly string[];
  /** What the two said. */
  readonly said: string;
}

/** Runs pairs through both programs, side by side. */
export async function judge(pairs: readonly Pair[], contract: Contract): Promise<Verdict[]> {
  using place = scratch();
  const numbered = pairs.map((one, index) => ({ pair: one, at: sides(place.path, String(index)) }));
  buildAll(
    numbered.flatMap(({ pair: one, at }) => {
      const among = contract.crowded === true ? amongMany : (each: Tree): Tree => each;
      const [seed, volume] = [resolved(among(one.seed), at.outside), resolved(among(one.volume), at.outside)];
      return [
        [at.seed, seed] as const,
        [at.a, volume] as const,
        [at.b, volume] as const,
        [at.outside, one.outside] as const,
      ];
    }),
  );
  const { prepare } = contract;
  if (prepare !== undefined)
    await inLanes(numbered, async ({ at }) => {
      const { code, stderr } = await prepare(at.seed);
      if (code !== 0) throw new Error(`the seed cannot be prepared: ${stderr}`);
    });
  const verdicts = await inLanes(numbered, ({ pair: one, at }) => judgeOne(one, at, contract));
  const { asked: question, as = {}, root = false } = contract;
  if (question === undefined) return verdicts;
  const asked = async (seed: string, volume: string): Promise<Map<number, string[]>> => {
    const { stdout } = await question(seed, volume, as);
    return Map.groupBy(stdout.split('\n').filter(Boolean), (line) => Number(line.slice(itemsWidth).split('/')[0]));
  };

  // One question for all of them: it only reads.
  const top = sides(place.path, '.');
  const [allowed, wanted] = await Promise.all([top.a, top.b].map(async (volume) => asked(top.seed, volume)));
  return verdicts.map((verdict, index) => {
    const roots = root ? [] : [`${index}/`];
    const lines = wanted?.get(index)?.filter((line) => !roots.includes(line.slice(itemsWidth))) ?? [];
    // An ordinary user cannot set every set-group-id bit, and rsync never tires of wanting it.
    const more = lines.filter((line) => !line.startsWith('.') || !allowed?.get(index)?.includes(line));
    if (verdict.code !== 0 || more.length === 0) return verdict;
    return { ...verdict, faults: [...verdict.faults, ...more.map((line) => `rsync asked afterwards wants ${line}`)] };
  });
}

/** In a directory of their own, beside one with files that both trees have. */
function amongMany(one: Tree): Tree {
  const crowd = Array.from({ length: 70 }, (_, n) => [`!crowd/${n}`, file('', { mtime: 1_600_000_000 })] as const);
  const root = one.get('.') ?? directory();
  const moved = [...one].filter(([path]) => path !== '.').map(([path, entry]) => [`pair/${path}`, entry] as const);
  const directories = ['.', '!crowd', 'pair'].map((path) => [path, root] as const);
  return new Map([...directories, ...crowd, ...moved]);
}

/** '.f..t...... ' before each path. */
const itemsWidth = 12;

type Sides = Readonly<Record<'seed' | 'a' | 'b' | 'outside', string>>;

const sides = (place: string, name: string): Sides => ({
  seed: join(place, 'seed', name),
  a: join(place, 'a', name),
  b: join(place, 'b', name),
  outside: join(place, 'outside', name),
});

function resolved(entries: Tree, place: string): Tree {
  return new Map(
    [...entries].map(([path, entry]) => [
      path,
      entry.type === 'symlink' ? { ...entry, target: entry.target.replace(outside, bytes(place)) } : entry,
    ]),
  );
}

async function judgeOne(one: Pair, at: Sides, contract: Contract): Promise<Verdict> {
  const { oracle, program, promised = (all) => all, root = false, as = {} } = contract;
  const untouchable = [at.seed, at.outside].map((dir) => ({ dir, was: snapshot(dir, { root: true, state: true }) }));
  const before = snapshot(at.b, { root });
  const started = BigInt(Date.now()) * 1_000_000n;
  const [expected, actual] = await Promise.all([oracle(at.seed, at.a, as), program(at.seed, at.b, as)]);
  if (![0, 23].includes(expected.code)) throw new Error(`the oracle ends ${expected.code}: ${expected.stderr}`);
  const [left, found] = [snapshot(at.a, { root }), snapshot(at.b, { root })];
  const wanted = promised(left, { before, seed: snapshot(at.seed, { root }), found });
  const faults = [
    ...(actual.code === expected.code || (actual.code === 0 && onlyOpened(expected.stderr))
      ? []
      : [`exit code ${actual.code}, expected ${expected.code}`]),
    ...differences(wanted, found, { before, started }),
    ...untouchable.flatMap(({ dir, was }) =>
      changes(was, snapshot(dir, { root: true, state: true })).map(
        (change) => `outside of the volume, in ${dir === at.seed ? 'the seed' : 'what links lead to'}: ${change}`,
      ),
    ),
  ];
  return {
    pair: one,
    code: expected.code,
    faults,
    said:
      actual.stderr.replaceAll(/^(?=.)/gmu, 'volseed said: ') + expected.stderr.replaceAll(/^(?=.)/gmu, 'rsync said: '),
  };
}

/** What a fault is about, without names and numbers. */
const kind = (fault: string): string => fault.replaceAll(/'(?:[^'\\]|\\.)*'|[\d.]+/gu, '');

/** Cuts a pair down as long as it still shows a difference of the kind that came first. */
export async function smallest(verdict: Verdict, contract: Contract): Promise<Verdict> {
  const deadline = Date.now() + 60_000;
  const [first = ''] = verdict.faults.map(kind);
  const shows = ({ faults }: Verdict): boolean => faults.some((fault) => kind(fault) === first);
  let best = verdict;
  let round = 0;
  while (round < rounds.length && Date.now() < deadline) {
    const smaller = await smallerBy(rounds[round]?.(best.pair) ?? [], best.pair, contract, shows);
    round = smaller === undefined ? round + 1 : round;
    best = smaller ?? best;
  }
  return best;
}

/** As many of the steps at once as still show it together. */
async function smallerBy(
  steps: readonly Simplification[],
  from: Pair,
  contract: Contract,
  shows: (verdict: Verdict) => boolean,
): Promise<Verdict | undefined> {
  const alone = await judge(
    steps.map((step) => step(from)),
    contract,
  );
  const good = steps.filter((_, index) => alone[index] && shows(alone[index]));
  const together: Pair[] = [];
  for (let count = good.length; count >= 1; count = Math.floor(count / 2)) {
    together.push(good.slice(0, count).reduce((smaller, step) => step(smaller), from));
  }
  return (await judge(together, contract)).find(shows);
}

type Simplification = (from: Pair) => Pair;

const sidesOfPair = ['seed', 'volume', 'outside'] as const;

// The root stays as it is: with another owner it would be closed to an ordinary user, which is another story.
const removals =
  (which: (path: string) => boolean) =>
  (whole: Pair): Simplification[] =>
    sidesOfPair.flatMap((side) =>
      [...whole[side].keys()].filter(which).map((path): Simplification => (from) => ({
        ...from,
        [side]: without(from[side], path),
      })),
    );

const changesOfEntries = (whole: Pair): Simplification[] =>
  sidesOfPair.flatMap((side) =>
    [...whole[side]]
      .filter(([path]) => path !== '.')
      .flatMap(([path, entry]) =>
        simpler(entry).map((change): Simplification => (from) => ({
          ...from,
          [side]: changed(from[side], path, change),
        })),
      ),
  );

const rounds = [
  removals((path) => path !== '.' && !path.includes('/')),
  removals((path) => path.includes('/')),
  changesOfEntries,
];

function without(entries: Tree, path: string): Tree {
  return new Map([...entries].filter(([other]) => other !== path && !other.startsWith(`${path}/`)));
}

function changed(entries: Tree, path: string, change: (entry: Entry) => Entry): Tree {
  return new Map([...entries].map(([other, entry]) => [other, other === path ? change(entry) : entry]));
}

const drop: Readonly<Record<'mode' | 'owner' | 'mtime', (from: Entry) => Entry>> = {
  mode: ({ mode: _mode, ...rest }) => rest,
  owner: ({ uid: _uid, gid: _gid, ...rest }) => rest,
  mtime: ({ mtime: _mtime, ...rest }) => rest,
};

function simpler(entry: Entry): ((from: Entry) => Entry)[] {
  const has = { mode: entry.mode, owner: entry.uid ?? entry.gid, mtime: entry.mtime };
  const drops = (['mode', 'owner', 'mtime'] as const)
    .filter((name) => has[name] !== undefined)
    .map((name) => drop[name]);
  if (entry.type === 'file') return entry.content.length > 1 ? [...drops, () => ({ ...entry, content: 'x' })] : drops;
  return entry.type === 'directory' ? drops : [...drops, () => file(), () => directory()];
}

/**
 * rsync without root opens every directory that its seed has closed to writing (0555), and ends 23 where that is another user's,
 * though there be nothing to write. volseed opens what it works in: no trouble, no 23 (docs/newer.md).
 */
function onlyOpened(stderr: string): boolean {
  const lines = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('rsync error: some files/attrs'));
  return lines.length > 0 && lines.every((line) => line.includes('failed to modify permissions on'));
}

function report({ pair: { number, seed, volume, outside: beyond }, faults, said }: Verdict): string {
  return [
    `\nTo see it again: VOLSEED_TEST_SEED=${number} VOLSEED_ORACLE_PAIRS=1. Cut down to what still differs:`,
    `seed ${show(seed)}`,
    `volume ${show(volume)}`,
    ...(beyond.size > 0 ? [`${outside} ${show(beyond)}`] : []),
    ...faults.map((fault) => `- ${fault}`),
    ...said.split('\n').filter(Boolean).slice(0, 20).map(printable),
  ].join('\n');
}

/** More programs at a time than processors: rsync mostly waits for its other half. */
export async function inLanes<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  const lane = async (): Promise<void> => {
    for (const [index, item] of rest) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() * 4 }, lane));
  return results;
}

/** Runs a command to its end, beside others. The environment is PATH and nothing else. */
export async function run(command: string, args: readonly string[], as: Identity = {}): Promise<Result> {
  const { group, ...user } = as;
  if (group !== undefined) {
    const become = [`--reuid=${user.uid}`, `--regid=${user.gid}`, `--groups=${group}`];
    return run('setpriv', [...become, '--', command, ...args]);
  }
  const child = spawn(command, [...args], {
    ...user,
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // So that one which hangs is known by its pair.
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  const collected = Promise.all([text(child.stdout), text(child.stderr)]);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve(status ?? 128 + (signal === 'SIGKILL' ? 9 : 0)));
  });
  const [stdout, stderr] = await collected;
  return { code, stdout, stderr };
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString('latin1');
}
