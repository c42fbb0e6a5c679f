/** Everything a run depends on, settled before anything is touched. */
import { resolve } from 'node:path';
import { parseChmod, type ModeChange } from '../core/chmod.ts';
import { UsageError } from '../core/errors.ts';
import type { OnConflict } from '../core/merge.ts';
import type { Level } from '../core/log.ts';
import { LONGEST_VERSION } from '../core/manifest-format.ts';
import { displayText, fromText, hadBadByte, ROOT } from '../core/path.ts';
import type { Policy } from '../core/policy.ts';
import { parseLimit, type Limit, type Safety } from '../core/safety.ts';
import type { Selection } from '../core/selection.ts';
import { splitList, type Arguments, type Given } from './arguments.ts';
import { compileGlobs } from './globs.ts';
import { OPTIONS, optionsOf, type Command } from './options.ts';
import { BAD_BYTE } from './patterns.ts';
import { rulesOf, seedOf, type Named, type RuleSettings, type SeedSettings } from './per-path.ts';
import type { Configured } from './written.ts';

/** Owner as given; `process/accounts.ts` finds the numbers. */
export interface Settings {
  readonly command: Command;
  /** In the order in which they are laid over each other; none for a command that looks at no seed. */
  readonly seeds: readonly SeedSettings[];
  /** An absolute path; empty for a command that has none. */
  readonly target: string;
  /** The flag, variable or key that gave it. */
  readonly targetBy: string;
  readonly stateDir: string | undefined;
  readonly policy: Policy;
  /** What gave it, for `explain`. */
  readonly policyBy: string;
  /** In the order in which they stand in the file. */
  readonly rules: readonly RuleSettings[];
  /** The configuration file. */
  readonly file: string | undefined;
  readonly safety: Safety;
  readonly selection: Selection;
  /** The globs of the selection as given. */
  readonly included: Given | undefined;
  readonly excluded: Given | undefined;
  readonly checksum: boolean;
  /** What an earlier image seeded and nobody edited goes when the image no longer has it. */
  readonly prune: boolean;
  readonly onConflict: OnConflict;
  readonly restoreDeleted: boolean;
  /** All that was given of what decisions turn on, as one text; what it comes to is for `keyOf` (core/rulebook.ts). */
  readonly decisive: string;
  readonly chown: Named | undefined;
  readonly chmod: ModeChange | undefined;
  readonly rootAttrs: boolean;
  readonly dryRun: boolean;
  readonly flush: boolean;
  /** Milliseconds. */
  readonly lockTimeout: number;
  /** How many runs stay on record. */
  readonly keepRuns: number;
  /** How many threads copy small files; undefined for as many as there is work and processors for. */
  readonly threads: 1 | 2 | undefined;
  readonly exitCode: boolean;
  /** What is put back to the image's version whatever its policy; undefined for nothing. */
  readonly reset: Reset | undefined;
  readonly backup: Backups;
  /** Patterns of `backup` and `restore`, the path of `explain`. */
  readonly operands: readonly string[];
  /** `restore --last` */
  readonly last: boolean;
  readonly yes: boolean;
  readonly json: boolean;
  /** Paths of earlier manifests, absolute. */
  readonly history: readonly string[];
  readonly imageVersion: string | undefined;
  readonly service: Service | undefined;
}

export interface Reset {
  /** Undefined for every path. As given: which are paths and which globs, the seed tells. */
  readonly patterns: readonly string[] | undefined;
  /** What gave them, for messages. */
  readonly by: string;
  /** Once per volume. */
  readonly id: string | undefined;
  readonly deleteExtra: boolean;
}

export interface Backups {
  readonly on: boolean;
  /** By a flag or variable, not because a reset is to be done. */
  readonly asked: boolean;
  /** How many stay. */
  readonly keep: number;
  readonly directory: string | undefined;
}

export interface Service {
  readonly argv: readonly string[];
  readonly user: Named | undefined;
  readonly nofile: number | undefined;
  readonly supervise: boolean;
  /** Milliseconds. */
  readonly grace: number;
  readonly startOnFailure: boolean;
}

export interface LogSettings {
  readonly format: 'text' | 'json';
  readonly level: Level;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The longest that a timer takes: 2^31 - 1 ms; a longer one ends at once. */
const TWENTY_FOUR_DAYS = 24 * 24 * 3600 * 1000;

/** Read first, so that every later error goes where it is to go. */
export function settleLog({ given }: Arguments): LogSettings {
  return { format: choice(given, 'log-format', 'text'), level: choice(given, 'log-level', 'info') };
}

/** Throws `UsageError`, naming the flag or variable, what is wrong with it, and what would be right. */
export async function settle(
  command: Command,
  { given, operands, rest, configured }: Arguments,
  environment: Environment,
): Promise<Settings> {
  if (command !== 'run' && rest.length > 0)
    throw new UsageError(`${command} takes no command behind --; that is for volseed run`);
  const reset = resetOf(command, given, operands);
  const needsTarget = optionsOf(command).some(({ name }) => name === 'target');
  const target = needsTarget ? (given.get('target')?.values[0] ?? environment['DATA_DIR_PATH'] ?? '') : '';
  if (needsTarget && target === '') {
    throw new UsageError(
      'no target: set DATA_DIR_PATH to the directory of the volume, or give --target DIR (or VOLSEED_TARGET)',
    );
  }
  const targetBy = given.get('target')?.by ?? 'DATA_DIR_PATH';
  return {
    command,
    seeds: seedsOf(command, given, configured),
    target: needsTarget ? resolve(path(targetBy, target)) : '',
    targetBy,
    stateDir: text(given, 'state-dir') === undefined ? undefined : resolve(text(given, 'state-dir') ?? ''),
    policy: choice(given, 'policy', 'newer'),
    policyBy: given.get('policy')?.by ?? 'the default',
    rules: await rulesOf(configured?.rules ?? []),
    file: configured?.file,
    safety: {
      maxDeletes: limit(given),
      onDowngrade: choice(given, 'on-downgrade', 'allow'),
      minSeedFiles: whole(given, 'min-seed-files', 0) ?? 0,
    },
    selection: {
      include: await compileGlobs(given.get('include')?.values ?? [], given.get('include')?.by ?? ''),
      exclude: await compileGlobs(given.get('exclude')?.values ?? [], given.get('exclude')?.by ?? ''),
    },
    included: given.get('include'),
    excluded: given.get('exclude'),
    checksum: flag(given, 'checksum', false),
    prune: flag(given, 'prune', false),
    onConflict: choice(given, 'on-conflict', 'new'),
    restoreDeleted: flag(given, 'restore-deleted', false),
    decisive: decisive(given, configured),
    chown: named(given, 'chown'),
    chmod: modes(given),
    rootAttrs: flag(given, 'root-attrs', false),
    dryRun: command === 'plan' || flag(given, 'dry-run', false),
    flush: flag(given, 'flush', true),
    lockTimeout: time(given, 'lock-timeout', 600_000),
    keepRuns: whole(given, 'keep-runs') ?? 200,
    threads: threads(given),
    exitCode: flag(given, 'exit-code', false),
    reset,
    backup: {
      on: flag(given, 'backup', reset !== undefined),
      asked: given.has('backup'),
      keep: whole(given, 'keep-backups') ?? 5,
      directory: text(given, 'backup-dir') === undefined ? undefined : resolve(text(given, 'backup-dir') ?? ''),
    },
    operands,
    last: flag(given, 'last', false),
    yes: flag(given, 'yes', false),
    json: flag(given, 'json', false),
    history: (given.get('history')?.values ?? []).map((each) => resolve(path(given.get('history')?.by ?? '', each))),
    imageVersion: version(given),
    service: command === 'run' ? service(given, rest) : undefined,
  };
}

function seedsOf(
  command: Command,
  given: ReadonlyMap<string, Given>,
  configured: Configured | undefined,
): readonly SeedSettings[] {
  if (!optionsOf(command).some(({ name }) => name === 'source')) return [];
  if (configured?.seeds !== undefined) return configured.seeds.map(seedOf);
  const source = resolve(text(given, 'source') ?? '/var/initialdata');
  return [{ source, by: given.get('source')?.by ?? 'the default of --source', into: ROOT, policy: undefined }];
}

function resetOf(command: Command, given: ReadonlyMap<string, Given>, operands: readonly string[]): Reset | undefined {
  if (command === 'reset') {
    const all = flag(given, 'all', false);
    if (all && operands.length > 0) throw new UsageError('reset takes --all or patterns, not both');
    if (!all && operands.length === 0) {
      throw new UsageError("reset needs to be told what: patterns, as in volseed reset 'tables/**', or --all");
    }
    const deleteExtra = flag(given, 'delete-extra', false);
    return { patterns: all ? undefined : operands, by: 'reset', id: undefined, deleteExtra };
  }
  const globs = given.get('reset');
  const id = given.get('reset-id');
  if (globs === undefined) {
    if (id !== undefined) throw new UsageError(`${id.by}: there is nothing to reset; say what with --reset`);
    return undefined;
  }
  if (id !== undefined && !/^[\x21-\x7e]{1,200}$/.test(id.values[0] ?? ''))
    throw new UsageError(`${id.by}: an id is 1 to 200 printable ASCII characters without spaces`);
  const patterns = globs.values.flatMap(splitList);
  return {
    patterns: patterns.includes('all') ? undefined : patterns,
    by: globs.by,
    id: id?.values[0],
    deleteExtra: false,
  };
}

const DECISIVE = [
  'policy',
  'include',
  'exclude',
  'chown',
  'chmod',
  'prune',
  'on-conflict',
  'restore-deleted',
  'root-attrs',
];

function decisive(given: ReadonlyMap<string, Given>, configured: Configured | undefined): string {
  const identity = [process.geteuid?.(), process.getegid?.()];
  const seeds = configured?.seeds?.map(({ into, policy }) => [into, policy]);
  const rules = configured?.rules.map(({ match, mode, owner, sets }) => [match, mode, owner, sets]);
  return JSON.stringify([identity, DECISIVE.map((name) => given.get(name)?.values ?? null), seeds, rules]);
}

function service(given: ReadonlyMap<string, Given>, argv: readonly string[]): Service {
  if (argv.length === 0)
    throw new UsageError('run needs the command that volseed is to become: volseed run [options] -- COMMAND [ARG...]');
  return {
    argv,
    user: named(given, 'user'),
    nofile: whole(given, 'nofile'),
    supervise: flag(given, 'supervise', false),
    grace: time(given, 'grace', 30_000),
    startOnFailure: choice<'abort' | 'start'>(given, 'on-failure', 'abort') === 'start',
  };
}

function text(given: ReadonlyMap<string, Given>, name: string): string | undefined {
  const found = given.get(name);
  return found === undefined ? undefined : path(found.by, found.values[0] ?? '');
}

function named(given: ReadonlyMap<string, Given>, name: string): Named | undefined {
  const value = text(given, name);
  return value === undefined ? undefined : { value, by: given.get(name)?.by ?? '' };
}

function path(by: string, value: string): string {
  if (value === '') throw new UsageError(`${by}: the value is empty; leave it out for the default`);
  if (value.includes('\0')) throw new UsageError(`${by}: the value has a NUL byte in it`);
  if (hadBadByte(value)) throw new UsageError(`${by}: '${displayText(value)}' ${BAD_BYTE}`);
  return value;
}

function version(given: ReadonlyMap<string, Given>): string | undefined {
  const value = text(given, 'image-version');
  if (value === undefined || fromText(value).length <= LONGEST_VERSION) return value;
  throw new UsageError(`${given.get('image-version')?.by}: a version has up to ${LONGEST_VERSION} bytes`);
}

function choice<T extends string>(given: ReadonlyMap<string, Given>, name: string, fallback: T): T {
  const found = given.get(name);
  if (found === undefined) return fallback;
  const value = found.values[0] ?? '';
  const choices = OPTIONS.find((option) => option.name === name)?.choices ?? [];
  if (!choices.includes(value))
    throw new UsageError(`${found.by}: '${displayText(value)}' is none of ${choices.join(', ')}`);
  return value as T;
}

function flag(given: ReadonlyMap<string, Given>, name: string, fallback: boolean): boolean {
  const found = given.get(name);
  if (found === undefined) return fallback;
  const value = (found.values[0] ?? '').toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(value)) return true;
  if (['false', '0', 'no', 'off'].includes(value)) return false;
  throw new UsageError(`${found.by}: '${displayText(value)}' is neither true nor false`);
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, '': 1000, m: 60_000, h: 3_600_000 };

function time(given: ReadonlyMap<string, Given>, name: string, fallback: number): number {
  const found = given.get(name);
  if (found === undefined) return fallback;
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|)$/.exec(found.values[0] ?? '') ?? [];
  const milliseconds = Number(number) * (UNITS[unit ?? ''] ?? Number.NaN);
  if (milliseconds <= TWENTY_FOUR_DAYS) return milliseconds;
  throw new UsageError(
    `${found.by}: '${displayText(found.values[0] ?? '')}' is no time up to 24 days; write 500ms, 30s, 10m or 1h`,
  );
}

function threads(given: ReadonlyMap<string, Given>): 1 | 2 | undefined {
  const found = given.get('threads');
  if (found === undefined) return undefined;
  const value = found.values[0] ?? '';
  if (value !== '1' && value !== '2') throw new UsageError(`${found.by}: '${displayText(value)}' is neither 1 nor 2`);
  return value === '1' ? 1 : 2;
}

function whole(given: ReadonlyMap<string, Given>, name: string, least: 0 | 1 = 1): number | undefined {
  const found = given.get(name);
  if (found === undefined) return undefined;
  const value = found.values[0] ?? '';
  if (/^(?:0|[1-9]\d{0,9})$/.test(value) && Number(value) >= least) return Number(value);
  throw new UsageError(`${found.by}: '${displayText(value)}' is no whole number${least === 0 ? '' : ' above 0'}`);
}

function limit(given: ReadonlyMap<string, Given>): Limit | undefined {
  const found = given.get('max-deletes');
  const most = parseLimit(found?.values[0] ?? '');
  if (found === undefined || most !== undefined) return most;
  const value = displayText(found.values[0] ?? '');
  throw new UsageError(`${found.by}: '${value}' is neither a number of paths nor a share as 10%`);
}

function modes(given: ReadonlyMap<string, Given>): ModeChange | undefined {
  const found = given.get('chmod');
  if (found === undefined) return undefined;
  const change = parseChmod(found.values[0] ?? '', process.umask());
  if (change !== undefined) return change;
  throw new UsageError(
    `${found.by}: '${displayText(found.values[0] ?? '')}' is no mode; write D755,F644 or Dg+s,ug+w,Fo-w,+X`,
  );
}
