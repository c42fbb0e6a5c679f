/**
 * Every option, once: parsing, the environment, defaults and `--help` are all made from this table. An option that stands here
 * works.
 */
import { LEVELS } from '../core/log.ts';
import { ON_CONFLICT } from '../core/merge.ts';
import { POLICIES } from '../core/policy.ts';
import { ON_DOWNGRADE } from '../core/safety.ts';

export type Command =
  | 'run'
  | 'sync'
  | 'plan'
  | 'reset'
  | 'backup'
  | 'backups'
  | 'restore'
  | 'verify'
  | 'explain'
  | 'status'
  | 'manifest';

export interface Option {
  readonly name: string;
  readonly kind: 'flag' | 'value' | 'list';
  /** How the value is called in --help. */
  readonly value?: string;
  readonly choices?: readonly string[];
  /** In words, for --help. */
  readonly fallback: string;
  readonly describe: string;
  readonly commands: readonly Command[];
  /** A flag that stands for true unless it is negated (`--no-flush`). */
  readonly positive?: boolean;
  /** The part of the configuration file that it is a key of, where it is not one at the top. */
  readonly section?: 'safety';
}

export const DEFAULT_FILE = '/etc/volseed/volseed.yaml';

/** What goes by the policy. */
const BY_POLICY: readonly Command[] = ['run', 'sync', 'plan', 'explain', 'status'];
/** What looks at the seed. */
const SEEDED: readonly Command[] = [...BY_POLICY, 'reset', 'backup', 'verify'];
const ALL: readonly Command[] = [...SEEDED, 'backups', 'restore'];
const SEEDING: readonly Command[] = ['run', 'sync'];
/** What writes to the volume or its state. */
const LOCKING: readonly Command[] = ['run', 'sync', 'reset', 'backup', 'restore'];
/** What makes backups, or speaks of them. */
const ARCHIVING: readonly Command[] = ['run', 'sync', 'reset', 'backup', 'backups', 'restore'];
const RUN: readonly Command[] = ['run'];
const MANIFEST: readonly Command[] = ['manifest'];

/**
 * Options that are no key of the configuration file: what names it, what must be known when it cannot be read, and what only
 * the build of an image knows.
 */
export const NOT_IN_FILE: readonly string[] = ['config', 'terminationLog', 'history', 'imageVersion'];

export const OPTIONS: readonly Option[] = [
  {
    name: 'source',
    kind: 'value',
    value: 'DIR',
    fallback: '/var/initialdata',
    describe: 'the seed: the directory that the image ships',
    commands: [...SEEDED, 'manifest'],
  },
  {
    name: 'target',
    kind: 'value',
    value: 'DIR',
    fallback: '$DATA_DIR_PATH',
    describe: 'the volume: the directory that is seeded',
    commands: ALL,
  },
  {
    name: 'config',
    kind: 'value',
    value: 'FILE',
    fallback: `${DEFAULT_FILE} where it exists`,
    describe: 'several seeds, rules for paths, and every option in one file; /dev/null for none',
    commands: ALL,
  },
  {
    name: 'policy',
    kind: 'value',
    value: 'POLICY',
    choices: POLICIES,
    fallback: 'newer',
    describe:
      'newer: as rsync -avu, what is newer in the volume is kept; missing: only what does not exist; merge: what nobody edited follows the image, edits and deletions stay; always: whatever differs; never: nothing',
    commands: BY_POLICY,
  },
  {
    name: 'include',
    kind: 'list',
    value: 'GLOB',
    fallback: 'everything',
    describe: 'seed only what matches; a directory means all below it; repeatable',
    commands: SEEDED,
  },
  {
    name: 'exclude',
    kind: 'list',
    value: 'GLOB',
    fallback: 'nothing',
    describe: 'leave out what matches, and all below it; repeatable; stronger than --include',
    commands: SEEDED,
  },
  {
    name: 'checksum',
    kind: 'flag',
    fallback: 'off',
    describe: 'compare contents, not times, where sizes are equal (newer)',
    commands: BY_POLICY,
  },
  {
    name: 'prune',
    kind: 'flag',
    fallback: 'off',
    describe: 'remove what an earlier image seeded, this one no longer has, and nobody edited',
    commands: BY_POLICY,
  },
  {
    name: 'on-conflict',
    kind: 'value',
    value: 'WHAT',
    choices: ON_CONFLICT,
    fallback: 'new',
    describe:
      "merge, where a path was edited and the image changed it: new places the image's version beside it as NAME.volseed-new; keep does not; replace takes the image's",
    commands: BY_POLICY,
  },
  {
    name: 'restore-deleted',
    kind: 'flag',
    fallback: 'off',
    describe: 'merge: bring back what was deleted in the volume',
    commands: BY_POLICY,
  },
  {
    name: 'chown',
    kind: 'value',
    value: 'USER:GROUP',
    fallback: 'as in the seed',
    describe: 'owner of what is seeded: names or numbers; USER, USER:GROUP or :GROUP',
    commands: [...BY_POLICY, 'reset'],
  },
  {
    name: 'chmod',
    kind: 'value',
    value: 'MODES',
    fallback: 'as in the seed',
    describe: "modes of what is seeded, as rsync's --chmod: D755,F644 or Dg+s,ug+w,Fo-w,+X",
    commands: [...BY_POLICY, 'reset'],
  },
  {
    name: 'root-attrs',
    kind: 'flag',
    fallback: 'off',
    describe: "give the volume's root the mode, owner and mtime of the seed's",
    commands: ['run', 'sync', 'plan', 'status'],
  },
  {
    name: 'dry-run',
    kind: 'flag',
    fallback: 'off',
    describe: 'say what would be done, as plan does; touch nothing, and start nothing',
    commands: ['run', 'sync', 'reset', 'restore'],
  },
  {
    name: 'flush',
    kind: 'flag',
    positive: true,
    fallback: 'on',
    describe: 'wait until the disk has what was written before the run counts as completed',
    commands: LOCKING,
  },
  {
    name: 'lock-timeout',
    kind: 'value',
    value: 'TIME',
    fallback: '10m',
    describe: 'how long to wait for another seeder of the volume: 30s, 10m; 0 fails at once',
    commands: LOCKING,
  },
  {
    name: 'state-dir',
    kind: 'value',
    value: 'DIR',
    fallback: 'TARGET/.volseed',
    describe: 'where the state lies: for a volume that must not bear it',
    commands: ALL,
  },
  {
    name: 'keep-runs',
    kind: 'value',
    value: 'N',
    fallback: '200',
    describe: 'how many runs stay on record',
    commands: LOCKING,
  },
  {
    name: 'threads',
    kind: 'value',
    value: 'N',
    fallback: '2 for thousands of small files, where there are two processors',
    describe: 'how many threads copy small files: 1 or 2',
    commands: ['run', 'sync', 'reset'],
  },
  {
    name: 'min-seed-files',
    kind: 'value',
    value: 'FILES',
    fallback: '0',
    describe: 'end with 76, and touch nothing, where a seed has fewer files than that: a mount that is not there',
    commands: ['run', 'sync', 'plan', 'reset'],
    section: 'safety',
  },
  {
    name: 'max-deletes',
    kind: 'value',
    value: 'LIMIT',
    fallback: 'half of what was seeded',
    describe: 'end with 76, and touch nothing, where more would be pruned: a number, or N% of what was seeded',
    commands: ['run', 'sync', 'plan'],
    section: 'safety',
  },
  {
    name: 'on-downgrade',
    kind: 'value',
    value: 'WHAT',
    choices: ON_DOWNGRADE,
    fallback: 'allow',
    describe: 'an image older than the volume: allow: it is seeded; keep: nothing is; refuse: end with 76',
    commands: ['run', 'sync', 'plan'],
    section: 'safety',
  },
  {
    name: 'all',
    kind: 'flag',
    fallback: 'off',
    describe: 'every path of the seed, instead of patterns',
    commands: ['reset'],
  },
  {
    name: 'delete-extra',
    kind: 'flag',
    fallback: 'off',
    describe: 'also remove what is selected and only in the volume',
    commands: ['reset'],
  },
  {
    name: 'reset',
    kind: 'list',
    value: 'GLOBS',
    fallback: 'nothing',
    describe: "put the image's version of these paths back as part of the start; all, or paths and globs",
    commands: SEEDING,
  },
  {
    name: 'reset-id',
    kind: 'value',
    value: 'ID',
    fallback: 'none',
    describe: 'do what --reset says once per volume and ID, whatever restarts follow',
    commands: SEEDING,
  },
  {
    name: 'backup',
    kind: 'flag',
    fallback: 'off; on for reset',
    describe: 'archive what is about to be overwritten or removed, so that restore --last undoes it',
    commands: ['run', 'sync', 'reset'],
  },
  {
    name: 'backup-dir',
    kind: 'value',
    value: 'DIR',
    fallback: 'STATE-DIR/backups',
    describe: 'where backups lie; one directory for each volume',
    commands: ARCHIVING,
  },
  {
    name: 'keep-backups',
    kind: 'value',
    value: 'N',
    fallback: '5',
    describe: 'how many backups are kept; the oldest go',
    commands: ['run', 'sync', 'reset', 'backup', 'restore'],
  },
  {
    name: 'last',
    kind: 'flag',
    fallback: 'off',
    describe: 'undo the last run that made a backup, instead of naming one',
    commands: ['restore'],
  },
  {
    name: 'yes',
    kind: 'flag',
    fallback: 'off',
    describe: 'answer the question that a terminal would be asked',
    commands: ['reset', 'restore'],
  },
  {
    name: 'user',
    kind: 'value',
    value: 'USER:GROUP',
    fallback: 'unchanged',
    describe: "run COMMAND as this user: names or numbers; HOME becomes that user's",
    commands: RUN,
  },
  {
    name: 'nofile',
    kind: 'value',
    value: 'SOFT',
    fallback: 'the hard limit',
    describe: "COMMAND's soft limit on open files, which the runtime raises to the hard one",
    commands: RUN,
  },
  {
    name: 'supervise',
    kind: 'flag',
    fallback: 'off',
    describe: 'stay as the parent of COMMAND: forward signals, end as it ends, flush the volume on the way out',
    commands: RUN,
  },
  {
    name: 'grace',
    kind: 'value',
    value: 'TIME',
    fallback: '30s',
    describe: 'with --supervise: how long COMMAND may take to end before it is killed',
    commands: RUN,
  },
  {
    name: 'on-failure',
    kind: 'value',
    value: 'WHAT',
    choices: ['abort', 'start'],
    fallback: 'abort',
    describe: 'abort: COMMAND is not started when seeding failed; start: it is all the same',
    commands: RUN,
  },
  {
    name: 'exit-code',
    kind: 'flag',
    fallback: 'off',
    describe: 'end with 3 where there is something to do, 0 where not',
    commands: ['plan'],
  },
  {
    name: 'json',
    kind: 'flag',
    fallback: 'off',
    describe: 'one JSON object instead of lines',
    commands: ['explain', 'status', 'verify', 'backups'],
  },
  {
    name: 'termination-log',
    kind: 'value',
    value: 'FILE',
    fallback: '/dev/termination-log where it exists (run, sync)',
    describe:
      'an existing file that gets the totals, or what went wrong, when volseed ends: what Kubernetes shows of the container; not where it has become COMMAND; /dev/null for none',
    commands: [...LOCKING, 'verify'],
  },
  {
    name: 'history',
    kind: 'list',
    value: 'OLD',
    fallback: 'nothing',
    describe: "an earlier image's manifest, or the directory that it lies in: what it shipped is no edit; repeatable",
    commands: MANIFEST,
  },
  {
    name: 'image-version',
    kind: 'value',
    value: 'VERSION',
    fallback: 'none',
    describe: 'which version of the image this is, to be told from earlier and later ones',
    commands: MANIFEST,
  },
  {
    name: 'log-format',
    kind: 'value',
    value: 'FORMAT',
    choices: ['text', 'json'],
    fallback: 'text',
    describe: 'text: lines to grep; json: one object a line',
    commands: [...ALL, 'manifest'],
  },
  {
    name: 'log-level',
    kind: 'value',
    value: 'LEVEL',
    choices: LEVELS,
    fallback: 'info',
    describe: 'debug also lists corrected attributes and every kept path',
    commands: [...ALL, 'manifest'],
  },
];

export const COMMANDS: Readonly<Record<Command, string>> = {
  run: 'Seed the volume, then become COMMAND',
  sync: 'Seed the volume once',
  plan: 'Say what sync would do, and why; touch nothing',
  reset: "Put the image's version back, newer or not; a backup is made first",
  explain: 'Say what seed and volume have at one path, and what sync would do with it, and why',
  status: 'Say what was done to the volume, who is at work on it, and how it differs from the image now',
  backup: 'Archive what the volume has of the seeded paths',
  backups: 'List the backups',
  restore: 'Bring a backup back; what it overwrites or removes is backed up first',
  verify: "Compare the volume's contents with the seed's, and the seed with its manifest; end with 3 where they differ",
  manifest: 'Where an image is built: write SOURCE/.volseed-manifest, which spares each start the walk of the seed',
};

/** What a command takes besides options, as --help calls it. */
export const OPERANDS: Readonly<Partial<Record<Command, string>>> = {
  reset: 'PATTERN... | --all',
  explain: 'PATH',
  backup: '[PATTERN...]',
  restore: '(ID | --last) [PATTERN...]',
};

export function optionsOf(command: Command): readonly Option[] {
  return OPTIONS.filter(({ commands }) => commands.includes(command));
}

/** The variable that sets an option. */
export function variableOf({ name }: Option): string {
  return `VOLSEED_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** The key of the configuration file that sets an option. */
export function keyOf({ name }: Pick<Option, 'name'>): string {
  return name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
