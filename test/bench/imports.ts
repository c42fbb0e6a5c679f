/** What it costs to load each thing that volseed can load, in a process of its own each time. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parts } from '../../scripts/parts.ts';
import { median } from './measure.ts';

/** When each is loaded; what is missing here is a mistake. */
const WHEN: Readonly<Record<string, string>> = {
  'node:fs': 'each start; the runtime has it already',
  'node:path': 'each start; the runtime has it already',
  'node:os': 'each start',
  'node:vm': 'each start of the bundle',
  'node:sqlite': 'each start that seeds: the lock and the state',
  'node:crypto': 'more than 64 KiB to hash',
  'node:child_process': 'a flush of all that was changed, --supervise, --nofile',
  'node:worker_threads': 'from 2000 small files to copy on',
  'node:util': 'only by packages',
  micromatch: 'patterns: --include, --exclude, rules, reset PATTERN',
  pino: '--log-format json',
  tar: 'backup, restore, and --backup',
  yaml: 'a configuration file',
  yargs: '--help',
};

export interface Price {
  readonly name: string;
  /** Milliseconds. */
  readonly median: number;
  readonly when: string;
}

/** @param place a directory for what is loaded. */
export async function prices(node: string, place: string, rounds: number): Promise<readonly Price[]> {
  mkdirSync(place, { recursive: true });
  const { packages } = await parts('0.0.0');
  const missing = [...packages.keys()].filter((name) => WHEN[name] === undefined);
  if (missing.length > 0) throw new Error(`when is ${missing.join(', ')} loaded?`);
  const loads = Object.keys(WHEN).map((name) => {
    const code = packages.get(name);
    const file = join(place, `${name.replace(':', '-')}.cjs`);
    const own = join(place, `${name}.txt`);
    if (code !== undefined) writeFileSync(own, code, 'latin1');
    const load =
      code === undefined
        ? `process.getBuiltinModule(${JSON.stringify(name)})`
        : `new Function('module', 'exports', 'require', fs.readFileSync(${JSON.stringify(own)}, 'latin1'))({ exports: {} }, {}, require)`;
    writeFileSync(
      file,
      `const fs = process.getBuiltinModule('node:fs'); const from = process.hrtime.bigint(); ${load}; fs.writeSync(1, String(process.hrtime.bigint() - from));`,
    );
    return { name, file, times: [] as number[] };
  });
  for (let round = 0; round < rounds; round++)
    for (const { file, times } of loads) times.push(Number(spawnSync(node, [file], { encoding: 'utf8' }).stdout) / 1e6);
  return loads.map(({ name, times }) => ({ name, median: median(times), when: WHEN[name] ?? '' }));
}
