// The program as a user has it, run as a process: the artefact that VOLSEED_ARTEFACT names, by default the bundle on the Node
// of devDependencies.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
export const node = `${checkout}node_modules/node/bin/node`;
const bundle = `${checkout}dist/entrypoint.js`;

/** The command lines by which each artefact is started; scripts/artefacts.mjs puts there what they name. */
const PROGRAMS = {
  node26: [node, bundle],
  node24: [`${checkout}.local/artefacts/node24/bin/node`, bundle],
  node22: [`${checkout}.local/artefacts/node22/bin/node`, bundle],
  'linux-x64': [`${checkout}dist/volseed-linux-x64`],
  // By the loader's name, because a machine of glibc has none where the executable expects it.
  'linux-x64-musl': [
    `${checkout}.local/artefacts/musl/ld-musl-x86_64.so.1`,
    '--library-path',
    `${checkout}.local/artefacts/musl`,
    `${checkout}dist/volseed-linux-x64-musl`,
  ],
} as const;

export type Artefact = keyof typeof PROGRAMS;

export const artefact = chosen();
/** What starts volseed: a runtime, and what comes before volseed's own arguments. */
export const program: readonly [string, ...string[]] = PROGRAMS[artefact];
export const [runtime, ...leading] = program;

function chosen(): Artefact {
  const name = process.env['VOLSEED_ARTEFACT'] ?? 'node26';
  if (name in PROGRAMS) return name as Artefact;
  throw new Error(`VOLSEED_ARTEFACT=${name}: there are ${Object.keys(PROGRAMS).join(', ')}`);
}

export interface Result {
  /** The exit code, or 128 + n when a signal ended the process. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Options {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly input?: string | Buffer;
}

/** Runs `volseed ARGS` to its end. The environment is PATH and what `env` says, nothing else. */
export function volseed(args: readonly string[], { env = {}, ...options }: Options = {}): Result {
  return runToEnd(runtime, [...leading, ...args], { env: { PATH: process.env['PATH'] ?? '', ...env }, ...options });
}

/** Runs any command to its end. */
export function runToEnd(command: string, args: readonly string[], options: Options = {}): Result {
  const { status, signal, stdout, stderr, error } = spawnSync(command, [...args], {
    ...options,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (error) throw error;
  return { code: status ?? 128 + (signalNumbers[signal ?? ''] ?? 0), stdout, stderr };
}

const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };
