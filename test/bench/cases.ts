/** What is measured: each case with its seed, what is there before each round, and what volseed is to reach against whom. */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesOf, makeLarge, makeNext, makeSmall, remove } from './data.ts';

export type Command = readonly string[];

/** The ways that volseed is shipped. */
export interface Programs {
  readonly node: Command;
  /** Undefined where it was not built. */
  readonly standalone: Command | undefined;
}

export interface Team {
  readonly name: string;
  readonly command: Command;
  readonly volume: string;
}

export interface Case {
  readonly name: string;
  /** What the volumes are to be in the end; undefined where there is nothing to compare. */
  readonly seed: string | undefined;
  readonly files: number;
  readonly teams: readonly Team[];
  /** Once, and then before each round. */
  readonly setUp: (team: Team) => void;
  readonly before: (team: Team) => void;
  /** [team, against, times faster] */
  readonly floors: readonly (readonly [string, string, number])[];
}

export interface Ground {
  readonly root: string;
  readonly programs: Programs;
}

/** Cases are made one at a time, because their data is large. */
export type Maker = { readonly name: string; readonly make: (ground: Ground) => Case };

const nothing = (): void => {};

const hasRclone = spawnSync('rclone', ['version']).status === 0;

function empty({ volume }: Team): void {
  remove(volume);
  mkdirSync(volume, { recursive: true });
}

function run([program = '', ...args]: Command): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

interface Shape {
  readonly plain: string;
  /** The same with a manifest. */
  readonly listed: string;
}

function once(path: string, make: (path: string) => void): string {
  if (!existsSync(path)) make(path);
  return path;
}

function listed({ programs }: Ground, plain: string): Shape {
  const copy = once(`${plain}-listed`, (path) => {
    execFileSync('cp', ['-a', plain, path]);
    run([...programs.node, 'manifest', '--source', path]);
  });
  return { plain, listed: copy };
}

function small(ground: Ground, count: number): Shape {
  return listed(
    ground,
    once(join(ground.root, `small-${count}`), (path) => makeSmall(path, count)),
  );
}

interface Field extends Ground {
  readonly shape: Shape;
  readonly options?: readonly string[];
  /** Arguments of rsync besides -avu. */
  readonly rsync?: readonly string[];
  readonly cp?: boolean;
  readonly manifest?: boolean | 'both';
}

/** Where the floor (floor.c) was built; undefined where there is no compiler. */
function floorAt(root: string): string | undefined {
  const [program, source] = [join(root, 'floor'), fileURLToPath(new URL('floor.c', import.meta.url))];
  const built = existsSync(program) || spawnSync('cc', ['-O2', '-o', program, source]).status === 0;
  return built ? program : undefined;
}

/** What is in a seed, as `floor look` reads it. */
function listOf(seed: string): string {
  return once(`${seed}-list`, (path) => {
    const lines: string[] = [];
    let last = '';
    for (const file of filesOf(seed).map((each) => relative(seed, each))) {
      const directory = `${dirname(file)}/`;
      if (directory !== last) lines.push(directory);
      last = directory;
      lines.push(basename(file));
    }
    writeFileSync(path, `${lines.join('\n')}\n`);
  });
}

/** The system calls that a case cannot do without, made by a program in C; none where it cannot be built. */
function floorTeams(root: string, seed: string, kinds: readonly ('look' | 'walk' | 'copy')[]): Team[] {
  const program = floorAt(root);
  if (program === undefined) return [];
  return kinds.map((kind) => {
    const name = kind === 'look' ? 'floor, manifest' : 'floor';
    const volume = join(root, 'volumes', name);
    const command =
      kind === 'look'
        ? ['sh', '-c', '"$1" look "$2" < "$3"', 'sh', program, volume, listOf(seed)]
        : [program, kind, seed, volume];
    return { name, command, volume };
  });
}

/** rsync, cp, and volseed in each form that is there. */
function teamsOf({ root, programs, shape, options = [], rsync = [], cp = true, manifest = 'both' }: Field): Team[] {
  const at = (name: string): string => join(root, 'volumes', name);
  const of = (name: string, command: Command): Team => ({ name, command, volume: at(name) });
  const teams = [of('rsync', ['rsync', '-avu', ...rsync, `${shape.plain}/`, `${at('rsync')}/`])];
  if (cp) teams.push(of('cp', ['cp', '-au', `${shape.plain}/.`, at('cp')]));
  if (cp && hasRclone)
    teams.push(of('rclone', ['rclone', 'copy', '--update', '--links', '--metadata', shape.plain, at('rclone')]));
  for (const [form, program] of Object.entries(programs) as [keyof Programs, Command | undefined][]) {
    if (program === undefined) continue;
    const sync = (name: string, seed: string): Team =>
      of(name, [...program, 'sync', '--source', seed, '--target', at(name), ...options]);
    if (manifest !== true) teams.push(sync(form, shape.plain));
    if (manifest !== false) teams.push(sync(`${form}, manifest`, shape.listed));
  }
  return teams;
}

/** Seeds a volume; twice, because the second run may still have to learn something of the first. */
function synced(seed: string): (team: Team) => void {
  return (team) => {
    empty(team);
    if (team.name.startsWith('floor')) {
      run(['cp', '-a', `${seed}/.`, team.volume]);
      return;
    }
    run(team.command);
    run(team.command);
  };
}

function nothingToDo(count: number, floors: Case['floors']): Maker {
  return {
    name: `nothing to do, ${count}`,
    make: (ground) => {
      const shape = small(ground, count);
      const teams = [...teamsOf({ ...ground, shape }), ...floorTeams(ground.root, shape.plain, ['walk', 'look'])];
      return { name: '', seed: shape.plain, files: count, teams, setUp: synced(shape.plain), before: nothing, floors };
    },
  };
}

function unchangedMerge(count: number, floors: Case['floors']): Maker {
  return {
    name: `nothing to do under merge, ${count}`,
    make: (ground) => {
      const shape = small(ground, count);
      const teams = teamsOf({ ...ground, shape, options: ['--policy', 'merge'] });
      return { name: '', seed: shape.plain, files: count, teams, setUp: synced(shape.plain), before: nothing, floors };
    },
  };
}

function firstCopy(count: number, flushed: boolean, floors: Case['floors']): Maker {
  return {
    name: `first copy, ${count} small${flushed ? ', to the disk' : ''}`,
    make: (ground) => {
      const shape = small(ground, count);
      const options = flushed ? [] : ['--no-flush'];
      const teams = teamsOf({ ...ground, shape, options, rsync: flushed ? ['--fsync'] : [], cp: !flushed });
      if (!flushed) teams.push(...floorTeams(ground.root, shape.plain, ['copy']));
      return { name: '', seed: shape.plain, files: count, teams, setUp: nothing, before: empty, floors };
    },
  };
}

function large(count: number, megabytes: number, flushed: boolean, floors: Case['floors']): Maker {
  return {
    name: `first copy, ${count} of ${megabytes} MB${flushed ? ', to the disk' : ''}`,
    make: (ground) => {
      const plain = once(join(ground.root, `large-${count}`), (path) => makeLarge(path, count, megabytes));
      const options = flushed ? [] : ['--no-flush'];
      const shape = { plain, listed: plain };
      const rsync = flushed ? ['--fsync'] : [];
      const teams = teamsOf({ ...ground, shape, options, rsync, cp: !flushed, manifest: false });
      if (!flushed) teams.push(...floorTeams(ground.root, plain, ['copy']));
      return { name: '', seed: plain, files: count, teams, setUp: nothing, before: empty, floors };
    },
  };
}

function changed(count: number, floors: Case['floors']): Maker {
  return {
    name: `1% of ${count} changed`,
    make: (ground) => {
      const first = small(ground, count);
      const next = listed(
        ground,
        once(join(ground.root, `small-${count}-next`), (path) => makeNext(first.plain, path, 100)),
      );
      const touched = filesOf(next.plain).filter((_, at) => at % 100 === 0);
      const teams = teamsOf({ ...ground, shape: next, options: ['--no-flush'] });
      const before = ({ volume }: Team): void => {
        for (const file of touched) goBack(first.plain, relative(next.plain, file), volume);
      };
      const setUp = (team: Team): void => {
        synced(next.plain)(team);
        before(team);
      };
      return { name: '', seed: next.plain, files: count, teams, setUp, before, floors };
    },
  };
}

/** Puts a file of the seed before this one into the volume, as an earlier run would have: under another name, and renamed. */
function goBack(seed: string, path: string, volume: string): void {
  const from = join(seed, path);
  const { mtimeMs } = statSync(from);
  copyFileSync(from, join(volume, path));
  utimesSync(join(volume, path), mtimeMs / 1000, mtimeMs / 1000);
}

function reset(count: number): Maker {
  return {
    name: `reset of everything, ${count}`,
    make: (ground) => {
      const shape = small(ground, count);
      const teams = teamsOf({ ...ground, shape, cp: false, rsync: ['--ignore-times'], options: ['--no-flush'] });
      const asReset = teams.map((team) => ({
        ...team,
        command: team.command.flatMap((word) => (word === 'sync' ? ['reset', '--all', '--yes'] : [word])),
      }));
      const all = filesOf(shape.plain);
      const before = ({ volume }: Team): void => {
        for (const file of all) {
          const copy = join(volume, relative(shape.plain, file));
          const { mtimeMs } = statSync(file);
          const bytes = readFileSync(file);
          bytes[0] = 35;
          writeFileSync(copy, bytes);
          utimesSync(copy, mtimeMs / 1000, mtimeMs / 1000);
        }
      };
      const setUp = (team: Team): void => {
        empty(team);
        run(teams.find(({ name }) => name === team.name)?.command ?? []);
      };
      return { name: '', seed: shape.plain, files: count, teams: asReset, setUp, before, floors: [] };
    },
  };
}

/** Start-up alone: what an entrypoint script with rsync costs, and what volseed. */
function start(): Maker {
  return {
    name: 'run -- true, an empty seed',
    make: ({ root, programs }) => {
      const seed = once(join(root, 'empty'), (path) => mkdirSync(path));
      const at = (name: string): string => join(root, 'volumes', name);
      const script = `rsync -avu ${seed}/ ${at('rsync')}/; exec true`;
      const teams: Team[] = [{ name: 'rsync', command: ['bash', '-c', script], volume: at('rsync') }];
      for (const [name, program] of Object.entries(programs) as [string, Command | undefined][])
        if (program !== undefined)
          teams.push({
            name,
            command: [...program, 'run', '--source', seed, '--target', at(name), '--', 'true'],
            volume: at(name),
          });
      const floors = [['standalone', 'rsync', 3]] as const;
      return { name: '', seed, files: 0, teams, setUp: empty, before: nothing, floors };
    },
  };
}

/** In the order in which they are run; floors are those of the project's aims. */
export const CASES: readonly Maker[] = [
  start(),
  nothingToDo(20, [
    ['standalone', 'rsync', 4],
    ['node', 'rsync', 1 / 1.3],
  ]),
  nothingToDo(1000, []),
  nothingToDo(10_000, [
    ['standalone, manifest', 'rsync', 3],
    ['standalone, manifest', 'cp', 1.5],
  ]),
  nothingToDo(100_000, [
    ['node, manifest', 'rsync', 2.2],
    ['node, manifest', 'cp', 1.9],
    ['standalone, manifest', 'rsync', 2.2],
    ['standalone, manifest', 'cp', 1.9],
    ['node', 'rsync', 1.1],
    ['node', 'cp', 1],
    ['standalone', 'rsync', 1.1],
    ['standalone', 'cp', 1],
  ]),
  unchangedMerge(100_000, [
    ['node, manifest', 'rsync', 20],
    ['node, manifest', 'cp', 20],
    ['standalone, manifest', 'rsync', 20],
    ['standalone, manifest', 'cp', 20],
  ]),
  changed(100_000, [
    ['node, manifest', 'rsync', 2],
    ['node, manifest', 'cp', 1.7],
    ['standalone, manifest', 'rsync', 2],
    ['standalone, manifest', 'cp', 1.7],
  ]),
  firstCopy(10_000, false, [
    ['node', 'rsync', 2.2],
    ['node', 'cp', 1.3],
    ['standalone', 'rsync', 2.2],
    ['standalone', 'cp', 1.3],
  ]),
  firstCopy(10_000, true, []),
  firstCopy(100_000, false, [
    ['node', 'rsync', 2.5],
    ['node', 'cp', 1.5],
    ['standalone', 'rsync', 2.5],
    ['standalone', 'cp', 1.5],
  ]),
  large(1, 1024, false, [
    ['node', 'rsync', 2.5],
    ['node', 'cp', 1],
    ['standalone', 'rsync', 2.5],
    ['standalone', 'cp', 1],
  ]),
  large(10, 100, false, [
    ['node', 'rsync', 4],
    ['node', 'cp', 1.5],
    ['standalone', 'rsync', 4],
    ['standalone', 'cp', 1.5],
  ]),
  reset(10_000),
];

/** Only where it is asked for. */
export const MILLION: readonly Maker[] = [nothingToDo(1_000_000, []), unchangedMerge(1_000_000, [])];
