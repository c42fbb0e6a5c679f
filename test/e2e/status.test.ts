// `status`: what was done to a volume, who is at work on it, and how it differs from the image; whatever state it is in.
import { execFileSync } from 'node:child_process';
import { chownSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { isRoot, lacks, ordinary, suite } from '../support/prerequisites.ts';
import {
  changesBy,
  type Ground,
  ground,
  lacksMounts,
  lines,
  makeSeed,
  oneLine,
  plainSeed,
  runsOf,
  staging,
} from '../support/probe.ts';
import { type Running, startVolseed, until } from '../support/process.ts';
import { asMyself, asRoot, firstNumber, numberOfPairs, pair } from '../support/random.ts';
import { build, directory, file, scratch } from '../support/tree.ts';
import { runToEnd, volseed, type Options, type Result } from '../support/volseed.ts';

const place = scratch();
/** Enough for a run that goes on when a test has seen it begin, on a busy machine too. */
const large = makeSeed(place.path, 10_000);
afterAll(() => place[Symbol.dispose]());

const status = (on: Ground, args: readonly string[] = [], options: Options = {}): Result =>
  volseed(['status', ...on.where, ...args], options);
const sync = (on: Ground, args: readonly string[] = [], options: Options = {}): Result =>
  volseed(['sync', ...on.where, ...args], options);
const stateOf = ({ volume }: Ground, name = ''): string => join(volume, '.volseed', name);

/** What stands behind a name at the beginning of a line, of each such line. */
function said({ stdout }: Result, name: string): string[] {
  return lines(stdout).flatMap((line) => (line.startsWith(`${name} `) ? [line.slice(name.length).trimStart()] : []));
}

interface Known {
  readonly state: string | null;
  readonly atWork: boolean | null;
  readonly holder: object | null;
  readonly interrupted: object | null;
  readonly runs: readonly Readonly<Record<string, unknown>>[];
  readonly resets: readonly object[];
  readonly differences: readonly Difference[] | null;
  readonly same: number;
}

interface Difference {
  readonly verb: string;
  readonly reason: string;
  readonly count: number;
}

function known(on: Ground, args: readonly string[] = []): Known {
  const { code, stdout } = status(on, ['--json', ...args]);
  expect(code).toBe(0);
  return JSON.parse(stdout) as Known;
}

function seeded(): Ground {
  const on = ground({ ...plainSeed, top: file() });
  sync(on);
  return on;
}

describe('status of a volume', () => {
  it('that was never seeded says so, and what a seeding would bring', () => {
    const on = ground();
    expect(status(on)).toEqual({
      code: 0,
      stderr: '',
      stdout:
        `volume   ${on.volume}, from ${on.seed}; no state\n` +
        'seeder   none at work, and none was before\n' +
        'now      4 to create (missing), 0 up to date\n',
    });
    expect(known(on)).toEqual({
      target: on.volume,
      seeds: [{ source: on.seed, into: '' }],
      state: null,
      atWork: false,
      holder: null,
      interrupted: null,
      runs: [],
      resets: [],
      differences: [{ verb: 'create', reason: 'missing', count: 4 }],
      same: 0,
    });
  });

  it('that is as in the image says that there is nothing to do', () => {
    const result = status(seeded());
    expect(said(result, 'now')).toEqual(['5 up to date, nothing to do']);
    expect(said(result, 'seeder')).toEqual(['none at work']);
  });

  it('tells of every difference by what would be done and why', () => {
    const on = ground(
      { new: file(), old: file('image'), users: file('image'), mode: file(), link: file(), same: file() },
      {
        old: file('old', { mtime: 1_400_000_000 }),
        users: file('users', { mtime: 1_600_000_000 }),
        mode: file('', { mode: 0o600 }),
        'link/of/users': file(),
        same: file(),
        own: directory(),
      },
    );
    const wanted = [
      '1 to create (missing)',
      '1 to replace (image newer)',
      '1 to correct (attributes differ)',
      '1 blocked (a directory that is not empty stands in the way)',
      '1 kept (newer in the volume)',
      '1 up to date',
    ];
    expect(said(status(on), 'now')).toEqual([wanted.join(', ')]);
  });

  it('that does not exist is bad usage', () => {
    const on = ground();
    rmSync(on.volume, { recursive: true });
    expect(status(on)).toEqual(oneLine(2, on.volume, 'does not exist'));
  });

  it('takes no operand', () => {
    expect(status(ground(), ['tables'])).toEqual(oneLine(2, 'tables'));
  });
});

describe('status tells of the runs', () => {
  it('the latest first: what kind, of which image, how it ended, and what was done', () => {
    const on = ground();
    sync(on, [], { env: { VOLSEED_IMAGE_VERSION: '1.0\n2.0' } });
    writeFileSync(join(on.volume, 'tables/t1.csv'), 'edited');
    volseed(['reset', 'tables', ...on.where]);
    rmSync(join(on.volume, 'global'), { recursive: true });
    volseed(['run', ...on.where, '--', 'true']);
    const [run = '', reset = '', first = '', ...more] = said(status(on), 'run');
    const ids = runsOf(on.volume).map(({ id }) => id);
    expect(more).toEqual([]);
    expect(run).toMatch(
      new RegExp(String.raw`^${ids[2]}  run  \S+Z  completed  2 created, 0 updated, 0 kept, 15 bytes$`),
    );
    expect(reset).toMatch(new RegExp(String.raw`^${ids[1]}  reset  \S+Z  completed  0 created, 1 updated, `));
    expect(first).toMatch(new RegExp(String.raw`^${ids[0]}  sync  \S+Z  completed  image 1\.0\\n2\.0  4 created, `));
    expect(known(on).runs.map(({ id }) => id)).toEqual(ids.toReversed());
  });

  it('what a run kept, and what it corrected', () => {
    const on = ground({ a: file('image'), b: file() }, { a: file('users', { mtime: 1_600_000_000 }) });
    writeFileSync(join(on.volume, 'b'), '', { mode: 0o600 });
    execFileSync('touch', ['-r', join(on.seed, 'b'), join(on.volume, 'b')]);
    sync(on);
    expect(said(status(on), 'run')).toEqual([
      expect.stringMatching(/ {2}0 created, 0 updated, 1 corrected, 1 kept, 0 bytes$/),
    ]);
  });

  it('one with a problem, by its number and the exit code', () => {
    const on = ground({ path: file() }, { 'path/of/users': file() });
    expect(sync(on).code).toBe(23);
    expect(said(status(on), 'run')).toEqual([expect.stringMatching(/ completed .*, 1 problem, .* {2}exit code 23$/)]);
  });

  it('one that failed, and why', () => {
    const on = ground(plainSeed, { 'tables/t1.csv': file('older', { mtime: 1 }) });
    const taken = join(on.root, 'taken');
    writeFileSync(taken, '');
    expect(sync(on, ['--backup', '--backup-dir', taken]).code).toBe(23);
    const [run] = said(status(on), 'run');
    expect(run).toContain('  failed  ');
    expect(run).toContain(`the backup directory ${taken} cannot be used`);
    expect(known(on).runs).toMatchObject([{ status: 'failed', error: expect.stringContaining(taken) as unknown }]);
  });

  it('the last ten of many, how many there are besides, and all of them in JSON', () => {
    const on = ground();
    for (let n = 0; n < 12; n++) sync(on);
    const runs = said(status(on), 'run');
    expect(runs).toHaveLength(11);
    expect(runs.at(-1)).toBe('and 2 before (--json lists them)');
    expect(known(on).runs).toHaveLength(12);
  });

  it('the resets that are done and not to be done again', () => {
    const on = seeded();
    sync(on, ['--reset', 'all', '--reset-id', '2026-11']);
    expect(said(status(on), 'reset')).toEqual([expect.stringMatching(/^2026-11, applied on \S+Z$/)]);
    expect(known(on).resets).toMatchObject([{ id: '2026-11', run: runsOf(on.volume)[1]?.id }]);
  });

  it('which are elsewhere where --state-dir is', () => {
    const on = ground();
    const elsewhere = ['--state-dir', join(on.root, 'state')];
    sync(on, elsewhere);
    expect(said(status(on, elsewhere), 'volume')).toEqual([
      expect.stringContaining(`state in ${join(on.root, 'state')}`),
    ]);
    expect(said(status(on, elsewhere), 'run')).toHaveLength(1);
    expect(known(on)).toMatchObject({ state: null, runs: [] });
  });
});

/** A sync that stands still in the midst of its work, with the lock in its hands. */
async function holdUp(on: Ground): Promise<Running> {
  const holder = startVolseed(['sync', ...on.where]);
  await staging(on);
  holder.kill('SIGSTOP');
  // Each of its threads stops by itself, after the call that it is in.
  await until('each thread is stopped', () => {
    const tasks = `/proc/${holder.pid}/task`;
    return readdirSync(tasks).every((task) => /^\d+ \(.*\) T /s.test(readFileSync(`${tasks}/${task}/stat`, 'utf8')));
  });
  return holder;
}

interface Holder {
  readonly run: string;
  readonly since: string;
}

const nameOf = (on: Ground): string => {
  const { run, since } = JSON.parse(readFileSync(stateOf(on, 'holder.json'), 'utf8')) as Holder;
  return `sync ${run} on host ${hostname()} (since ${since})`;
};

/** Somebody has the lock who left no name. */
function holdNameless(on: Ground): void {
  writeFileSync(stateOf(on, 'lock'), '');
  const database = new DatabaseSync(stateOf(on, 'lock'));
  database.exec('PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE');
  onTestFinished(() => database.close());
}

describe('status names', () => {
  it('a seeder that is at work, does not wait for it, and disturbs nothing', async () => {
    const on = ground(large.path);
    const holder = await holdUp(on);
    const name = nameOf(on);
    const { result, changed } = changesBy(on.volume, () => status(on));
    expect({ code: result.code, stderr: result.stderr, changed }).toEqual({ code: 0, stderr: '', changed: [] });
    expect(said(result, 'seeder')).toEqual([`at work: ${name}`]);
    expect(said(result, 'dead')).toEqual([]);
    expect(known(on)).toMatchObject({ atWork: true, holder: { mode: 'sync' }, interrupted: null });
    holder.kill('SIGCONT');
    expect(await holder.ended).toEqual({ code: 0, signal: null });
    expect(said(status(on), 'seeder')).toEqual(['none at work']);
  });

  it('nobody where a seeder at work left no name', () => {
    const on = seeded();
    holdNameless(on);
    expect(said(status(on), 'seeder')).toEqual(['one is at work']);
    expect(known(on)).toMatchObject({ atWork: true, holder: null, interrupted: null });
  });

  it('a run that died, until the next has finished it; then it is one that was interrupted', async () => {
    const on = ground(large.path);
    const holder = await holdUp(on);
    const name = nameOf(on);
    holder.kill('SIGKILL');
    await holder.ended;
    const died = status(on);
    expect(said(died, 'seeder')).toEqual(['none at work']);
    expect(said(died, 'dead')).toEqual([`${name} died before it had finished; the next run finishes it`]);
    expect(known(on)).toMatchObject({ atWork: false, holder: null, interrupted: { mode: 'sync', host: hostname() } });
    sync(on);
    const finished = status(on);
    expect(said(finished, 'dead')).toEqual([]);
    expect(said(finished, 'run')).toEqual([
      expect.stringContaining('  completed  '),
      expect.stringMatching(/ {2}interrupted {2}it died before it had finished$/),
    ]);
  });

  it('nobody by what somebody else wrote into their name', () => {
    const on = seeded();
    const forged = 'x\nnow      all is well';
    const holder = { run: forged, mode: 'sync', host: '\x1b[2J', pid: 1, since: '\u202e' };
    writeFileSync(stateOf(on, 'holder.json'), JSON.stringify(holder));
    const result = status(on);
    expect(said(result, 'now')).toHaveLength(1);
    expect(result.stdout).toMatch(/^[ -~\n]+$/);
  });
});

/** Spoils the state, and returns what status then says; the volume differs from its image in one path. */
function spoiled(spoil: (on: Ground) => void): { readonly on: Ground; readonly result: Result } {
  const on = seeded();
  rmSync(join(on.volume, 'top'));
  spoil(on);
  const { result, changed } = changesBy(on.volume, () => status(on));
  expect(changed).toEqual([]);
  return { on, result };
}

const theRest = ['1 to create (missing), 4 up to date'];

describe('a state that cannot be read is said in one warning, and the rest is told', () => {
  it.each<[string, (path: string) => void]>([
    ['is no database', (path) => writeFileSync(path, 'not a database\n'.repeat(500))],
    ['is empty', (path) => truncateSync(path)],
    ['was cut off', (path) => truncateSync(path, 5000)],
    ['is of a version to come', (path) => alter(path, 'PRAGMA user_version = 99')],
    ['has a table too many', (path) => alter(path, 'CREATE TABLE more (a TEXT)')],
    ['has a trigger', (path) => alter(path, 'CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM runs; END')],
    ['is a link', (path) => (rmSync(path), symlinkSync('/etc/passwd', path))],
    ['is a FIFO', (path) => (rmSync(path), runToEnd('mkfifo', [path]))],
    ['is a directory', (path) => (rmSync(path), runToEnd('mkdir', [path]))],
  ])('where state.db %s', (_, spoil) => {
    const { on, result } = spoiled((one) => spoil(stateOf(one, 'state.db')));
    const warning = `volseed: warning: the state in ${stateOf(on)} cannot be read; the next run moves it aside and begins a new one\n`;
    expect(result).toMatchObject({ code: 0, stderr: warning });
    expect([said(result, 'run'), said(result, 'seeder'), said(result, 'now')]).toEqual([[], ['none at work'], theRest]);
    expect(sync(on).code).toBe(0);
    expect(said(status(on), 'run')).toHaveLength(1);
  });

  it('where .volseed is no directory', () => {
    const { result } = spoiled((on) => (rmSync(stateOf(on), { recursive: true }), writeFileSync(stateOf(on), '')));
    expect(result).toMatchObject({ code: 0, stderr: expect.stringContaining('is not a directory') as unknown });
    expect([said(result, 'seeder'), said(result, 'now')]).toEqual([['not known'], theRest]);
  });

  it('but for a lock or a holder that are not what they were: those are nobody', () => {
    const { result } = spoiled((on) => {
      writeFileSync(stateOf(on, 'lock'), 'not a database\n'.repeat(500));
      writeFileSync(stateOf(on, 'holder.json'), '{');
    });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect([said(result, 'seeder'), said(result, 'now')]).toEqual([['none at work'], theRest]);
  });

  it.each(['lock', 'holder.json'])('and where %s is a FIFO nobody waits for it', (name) => {
    const { result } = spoiled(
      (on) => (rmSync(stateOf(on, name), { force: true }), runToEnd('mkfifo', [stateOf(on, name)])),
    );
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(said(result, 'now')).toEqual(theRest);
  });
});

function alter(path: string, sql: string): void {
  using database = new DatabaseSync(path);
  database.exec(sql);
}

it('a state of the first version, which knew no resets, is read as it is', () => {
  const { on, result } = spoiled((one) =>
    alter(stateOf(one, 'state.db'), 'DROP TABLE resets; PRAGMA user_version = 1'),
  );
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect([said(result, 'run').length, said(result, 'reset'), said(result, 'now')]).toEqual([1, [], theRest]);
  sync(on);
  expect(said(status(on), 'run')).toHaveLength(2);
});

it('a seed that is missing is said in a warning, and the runs are told', () => {
  const on = seeded();
  rmSync(on.seed, { recursive: true });
  const result = status(on);
  expect(result).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(
      /^volseed: warning: how the volume differs from the image is not known: [^\n]+\n$/,
    ) as unknown,
  });
  expect([said(result, 'run').length, said(result, 'now')]).toEqual([1, []]);
  expect(known(on)).toMatchObject({ differences: null, runs: [{ mode: 'sync' }] });
});

suite('what belongs to another user', ['root'], () => {
  it('is not believed: it is said in a warning, and the rest is told', () => {
    const { on, result } = spoiled((one) => chownSync(stateOf(one), ordinary.uid, ordinary.gid));
    expect(result.code).toBe(0);
    expect(result.stderr).toMatch(/^volseed: warning: the state cannot be read: [^\n]+ belongs to uid 1000[^\n]+\n$/);
    expect([said(result, 'run'), said(result, 'seeder'), said(result, 'now')]).toEqual([[], ['not known'], theRest]);
    expect(said(result, 'volume')).toEqual([`${on.volume}, from ${on.seed}; its state cannot be read`]);
    expect(known(on)).toMatchObject({ state: null, atWork: null, runs: [] });
  });
});

suite('an ordinary user', ['root', 'a checkout that other users can read'], () => {
  it('is told what is not closed to it', () => {
    const on = seeded();
    const result = status(on, [], ordinary);
    expect(result).toMatchObject({ code: 0, stderr: expect.stringContaining('belongs to uid 0') as unknown });
    expect(said(result, 'now')).toEqual(['5 up to date, nothing to do']);
  });
});

function mounted(): Ground {
  const on = ground({ ...plainSeed, top: file() });
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', on.volume]);
  onTestFinished(() => void execFileSync('umount', [on.volume]));
  return on;
}

const close = ({ volume }: Ground): void => void execFileSync('mount', ['-o', 'remount,ro', volume]);

describe.skipIf(lacks('root') || lacksMounts())('a volume on a read-only mount', () => {
  it('tells its runs, and how it differs', () => {
    const on = mounted();
    sync(on);
    rmSync(join(on.volume, 'top'));
    close(on);
    const result = status(on);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect([said(result, 'run').length, said(result, 'seeder'), said(result, 'now')]).toEqual([
      1,
      ['none at work'],
      theRest,
    ]);
  });

  it('that was never seeded says so', () => {
    const on = mounted();
    close(on);
    expect(status(on)).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('no state') as unknown });
  });
});

describe('the answer', () => {
  it('is given whatever the log level, and as one object a line where that is asked for', () => {
    const on = seeded();
    const plain = lines(status(on).stdout);
    expect(lines(status(on, ['--log-level', 'error']).stdout)).toEqual(plain);
    const objects = lines(status(on, ['--log-format', 'json', '--log-level', 'error']).stdout);
    expect(objects.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(plain);
  });

  it('in JSON is one object, whatever the log’s format', () => {
    const on = seeded();
    const { stdout } = status(on, ['--json']);
    expect(lines(stdout)).toHaveLength(1);
    expect(status(on, ['--json', '--log-format', 'json', '--log-level', 'error'])).toEqual({
      code: 0,
      stderr: '',
      stdout,
    });
  });

  it('costs nothing: neither seed nor volume nor state is touched', () => {
    const on = seeded();
    writeFileSync(join(on.volume, 'tables/t1.csv'), 'edited');
    const { changed } = changesBy(on.root, () => [status(on), known(on), known(on, ['--checksum'])]);
    expect(changed).toEqual([]);
  });
});

it('asked again and again, it never keeps a seeder that may not wait from its work', async () => {
  const on = seeded();
  let done = false;
  const ask = async (): Promise<void> => {
    const { ended, output } = startVolseed(['status', ...on.where]);
    expect({ ...(await ended), stderr: output.stderr }).toEqual({ code: 0, signal: null, stderr: '' });
    if (!done) await ask();
  };
  const asking = Promise.all([ask(), ask(), ask()]);
  const endings = await seedInTurn(on, 25);
  done = true;
  await asking;
  expect(endings).toEqual(endings.map(() => 'ended with 0: '));
});

async function seedInTurn(on: Ground, times: number): Promise<string[]> {
  if (times === 0) return [];
  const { ended, output } = startVolseed(['sync', ...on.where, '--lock-timeout', '0']);
  const { code } = await ended;
  return [`ended with ${code}: ${output.stderr}`, ...(await seedInTurn(on, times - 1))];
}

// ---- what status counts is what plan lists ----

const pairs = Math.ceil(numberOfPairs / 10);

interface Line {
  readonly event?: string;
  readonly reason?: string;
  readonly kind?: string;
  readonly same?: number;
}

function planned(where: readonly string[]): Pick<Known, 'differences' | 'same'> {
  const all = lines(volseed(['plan', '--log-format', 'json', ...where]).stdout).map((text) => JSON.parse(text) as Line);
  const blocked = 'blocked a directory that is not empty stands in the way';
  const keys = all.flatMap(({ event, kind, reason }) => {
    if (event === 'problem') return kind === 'blocked' ? [blocked] : [];
    return reason === undefined ? [] : [`${event} ${reason}`];
  });
  const counts = Map.groupBy(keys, (key) => key);
  const differences = [...counts].map(([key, { length: count }]) => {
    const cut = key.indexOf(' ');
    return { verb: key.slice(0, cut), reason: key.slice(cut + 1), count };
  });
  return { differences, same: all.find(({ event }) => event === 'plan')?.same ?? -1 };
}

const sorted = (all: readonly Difference[] | null): string[] =>
  (all ?? []).map((each) => JSON.stringify(each)).toSorted();

function counted(number: number) {
  using ours = scratch();
  const [seed, volume] = [join(ours.path, 'seed'), join(ours.path, 'volume')];
  const made = pair(number, isRoot() ? asRoot : asMyself);
  build(seed, made.seed);
  build(volume, made.volume);
  const where = ['--source', seed, '--target', volume];
  const wanted = planned(where);
  const { code, stdout } = volseed(['status', '--json', ...where]);
  const found = JSON.parse(stdout) as Known;
  return {
    found: { code, same: found.same, differences: sorted(found.differences) },
    wanted: { code: 0, same: wanted.same, differences: sorted(wanted.differences) },
  };
}

it(
  'what status counts is what plan lists, whatever the trees',
  () => {
    for (let number = firstNumber; number < firstNumber + pairs; number++) {
      const { found, wanted } = counted(number);
      expect({ VOLSEED_TEST_SEED: number, ...found }).toEqual({ VOLSEED_TEST_SEED: number, ...wanted });
    }
  },
  60_000 + pairs * 5000,
);
