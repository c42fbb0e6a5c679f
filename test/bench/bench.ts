/**
 * npm run bench [-- OPTIONS]: volseed against rsync and cp, as users run them, interleaved, several rounds, in one run. What is
 * printed are medians, and medians of the ratios round by round: the machine's mood is in both sides of a ratio.
 *
 *   --cases TEXT   only cases whose names contain it; repeatable
 *   --rounds N     9 where not said, fewer where a round takes long
 *   --on DIR       where seeds and volumes lie; a new directory in /dev/shm where not said. Try a disk as well.
 *   --million      with a million files
 *   --costs        memory and system calls, too
 *   --imports      only what it costs to load each module and package
 *   --json         one object instead of a table
 *   --program FILE another bundle, to compare with
 */
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CASES, MILLION, type Case, type Ground, type Team } from './cases.ts';
import { compare, remove } from './data.ts';
import { prices } from './imports.ts';
import { median, memory, systemCalls, time } from './measure.ts';

const { values: options } = parseArgs({
  options: {
    cases: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '9' },
    on: { type: 'string', default: '/dev/shm' },
    million: { type: 'boolean', default: false },
    costs: { type: 'boolean', default: false },
    imports: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    program: { type: 'string' },
  },
});

interface Line {
  readonly team: string;
  /** Milliseconds. */
  readonly median: number;
  /** How many times volseed's time the other takes, round by round. */
  readonly against: Readonly<Record<string, number>>;
  readonly megabytes?: number;
  readonly callsPerFile?: number;
}

/** Longer than this in all, and a case gets fewer rounds. */
const SECONDS = 60;

const file = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const root = mkdtempSync(join(options.on, 'volseed-bench-'));
const standalone = file('dist/volseed-linux-x64');
const ground: Ground = {
  root,
  programs: {
    node: [file('node_modules/node/bin/node'), options.program ?? file('dist/entrypoint.js')],
    standalone: existsSync(standalone) ? [standalone] : undefined,
  },
};

for (const name of Object.keys(process.env)) if (name.startsWith('VOLSEED_')) delete process.env[name];
process.on('exit', () => remove(root));
process.on('SIGINT', () => process.exit(130));

const results: Record<string, readonly Line[]> = {};
const missed: string[] = [];
say(machine());
if (options.imports) {
  const all = await prices(file('node_modules/node/bin/node'), join(root, 'imports'), Number(options.rounds));
  for (const { name, median: took, when } of all)
    say(`  ${name.padEnd(22)} ${took.toFixed(1).padStart(6)} ms  ${when}`);
  if (options.json) console.log(JSON.stringify({ machine: machine(), imports: all }, undefined, 2));
  process.exit();
}
if (ground.programs.standalone === undefined)
  say('The standalone executable is not there (npm run build:standalone); its lines are left out.');
for (const { name, make } of [...CASES, ...(options.million ? MILLION : [])]) {
  if (options.cases !== undefined && !options.cases.some((part) => name.includes(part))) continue;
  const made = make(ground);
  results[name] = await measure(made);
  show(name, made, results[name]);
  remove(join(root, 'volumes'));
}
if (options.json) console.log(JSON.stringify({ machine: machine(), results, missed }, undefined, 2));
else if (missed.length > 0) say(`Short of the aim:\n${missed.map((line) => `  ${line}`).join('\n')}`);

async function measure({ teams, setUp, before, seed, files }: Case): Promise<Line[]> {
  for (const team of teams) {
    remove(team.volume);
    setUp(team);
  }
  const times = teams.map((): number[] => []);
  const from = Date.now();
  for (let round = 0; round < Number(options.rounds); round++) {
    if (round > 2 && (Date.now() - from) / 1000 > SECONDS) break;
    // Whoever is first finds the caches as the preparation left them: each is that in turn.
    for (let turn = 0; turn < teams.length; turn++) {
      const at = (turn + round) % teams.length;
      const team = teams[at] as Team;
      before(team);
      times[at]?.push(time(team.command));
      if (seed !== undefined) compare(seed, team.volume);
    }
  }
  const lines: Line[] = [];
  for (const [at, team] of teams.entries()) {
    const own = times[at] ?? [];
    const against: Record<string, number> = {};
    for (const [other, { name }] of teams.entries())
      if ((['rsync', 'cp', 'rclone'].includes(name) || isFloorOf(name, team.name)) && name !== team.name)
        against[name] = median(own.map((value, round) => (times[other]?.[round] ?? Number.NaN) / value));
    const line = { team: team.name, median: median(own), against };
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    lines.push(options.costs ? { ...line, ...(await costs(team, before, files)) } : line);
  }
  return lines;
}

/** With a manifest, the seed need not be walked. */
function isFloorOf(floor: string, team: string): boolean {
  return floor === (team.endsWith(', manifest') ? 'floor, manifest' : 'floor') && !team.startsWith('floor');
}

async function costs(
  team: Team,
  before: Case['before'],
  files: number,
): Promise<Pick<Line, 'megabytes' | 'callsPerFile'>> {
  before(team);
  const megabytes = await memory(team.command);
  before(team);
  const calls = systemCalls(team.command, join(root, 'calls'));
  return files === 0 ? { megabytes } : { megabytes, callsPerFile: calls / files };
}

function show(name: string, { floors }: Case, lines: readonly Line[]): void {
  say(`\n${name}`);
  for (const { team, median: took, against, megabytes, callsPerFile } of lines) {
    const ratios = Object.entries(against).map(([other, ratio]) => {
      const floor = floors.find(([of, whom]) => of === team && whom === other)?.[2];
      const short = floor !== undefined && ratio < floor;
      if (short)
        missed.push(`${name}: ${team} is ${ratio.toFixed(2)} times as fast as ${other}, not ${floor.toFixed(2)}`);
      return `${ratio.toFixed(2)}× ${other}${floor === undefined ? '' : ` (${short ? 'short of' : 'of'} ${floor.toFixed(2)})`}`;
    });
    const cost = megabytes === undefined ? [] : [`${megabytes.toFixed(0)} MB`];
    if (callsPerFile !== undefined) cost.push(`${callsPerFile.toFixed(2)} calls a file`);
    say(`  ${team.padEnd(22)} ${took.toFixed(1).padStart(8)} ms  ${[...ratios, ...cost].join('  ')}`);
  }
}

function machine(): string {
  const { model = 'unknown' } = cpus()[0] ?? {};
  const system = /^PRETTY_NAME="(.*)"/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';
  return `${cpus().length} × ${model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}, ${system}; on ${options.on}`;
}

function say(text: string): void {
  if (!options.json) console.log(text);
}
