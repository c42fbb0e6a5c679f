// A seed, a volume, and a service that holds still while a test looks at it.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  type Dirent,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import { changes, differences, type Snapshot, snapshot } from './snapshot.ts';
import { until } from './process.ts';
import { build, type Entry, file, remove, scratch, type Tree, tree } from './tree.ts';
import type { Result } from './volseed.ts';

/** Says `ready`, then `got NAME` for each signal; ends with 42 at those named as its arguments. */
export const signalProbe = fileURLToPath(new URL('probe.sh', import.meta.url));

/** A service with nothing of its own: it changes no signal, opens no file, and stays until it is ended. */
export const stillService = ['sleep', '60'] as const;

export interface Ground {
  /** Holds seed and volume, and what else a test puts beside them. */
  readonly root: string;
  readonly seed: string;
  readonly volume: string;
  /** `--source SEED --target VOLUME` */
  readonly where: readonly string[];
}

export type Literal = Readonly<Record<string, Entry>>;

/** Names and contents as strings of bytes, as in tree.ts. */
export const plainSeed: Literal = {
  'global/colors.json': file('{"red":"#f00"}\n'),
  'tables/t1.csv': file('id,name\n1,one\n'),
};

/** A directory of the test's own with a seed and a volume in it, removed after the test. A seed may also lie elsewhere. */
export function ground(seed: Literal | Tree | string = plainSeed, volume: Literal = {}): Ground {
  const place = scratch();
  onTestFinished(() => place[Symbol.dispose]());
  return layOut(place.path, seed, volume);
}

/** The same on a disk, where programs can be executed: in memory is often mounted without that. */
export function groundOnDisk(seed: Literal | Tree = plainSeed, volume: Literal = {}): Ground {
  const root = mkdtempSync(join(tmpdir(), 'volseed-test-'));
  onTestFinished(() => remove(root));
  chmodSync(root, 0o755);
  return layOut(root, seed, volume);
}

function layOut(root: string, seed: Literal | Tree | string, volume: Literal): Ground {
  const source = typeof seed === 'string' ? seed : join(root, 'seed');
  const target = join(root, 'volume');
  if (typeof seed !== 'string') build(source, isTree(seed) ? seed : tree(seed));
  build(target, tree(volume));
  return { root, seed: source, volume: target, where: ['--source', source, '--target', target] };
}

const isTree = (seed: Literal | Tree): seed is Tree => seed instanceof Map;

/** As many small files as asked for, in a hundred directories. */
export function manyFiles(count: number): Tree {
  const content = 'x'.repeat(200);
  const paths = Array.from({ length: count }, (_, n) => `part-${n % 100}/a-name-long-enough-to-fill-a-pipe-${n}.txt`);
  return tree(Object.fromEntries(paths.map((path) => [path, file(`${path} ${content}`)])));
}

/** The paths of the regular files of a tree. */
export function filesOf(seed: Literal | Tree): string[] {
  const entries = [...(isTree(seed) ? seed : tree(seed))];
  return entries.filter(([, { type }]) => type === 'file').map(([path]) => path);
}

/** What keeps a volume from being as its seed; nothing where it was seeded, the whole and no more. */
export function unlikeSeed({ seed, volume }: Ground, seen: Snapshot = snapshot(seed)): string[] {
  return differences(seen, snapshot(volume), { before: new Map(), started: 1n << 80n });
}

/** Does something, and says what it changed below a directory, attributes and `.volseed` and all. */
export function changesBy<T>(directory: string, act: () => T): { readonly result: T; readonly changed: string[] } {
  const scope = { root: true, state: true };
  const before = snapshot(directory, scope);
  const result = act();
  return { result, changed: changes(before, snapshot(directory, scope)) };
}

/** Paths in a volume with a name that only volseed gives, for what is not finished or its own; `.volseed` itself aside. */
export function leftovers(volume: string): string[] {
  const below = readdirSync(volume, { recursive: true, encoding: 'utf8' });
  const stage = join(volume, '.volseed', 'stage');
  const staged = exists(stage) ? readdirSync(stage).map((name) => join('.volseed/stage', name)) : [];
  return [...below.filter((path) => !path.startsWith('.volseed') && /\.volseed-/.test(path)), ...staged];
}

/** Files that are in the volume under their real name, but not as the seed has them; those of the user aside. */
export function halfWritten({ seed, volume }: Ground, own: readonly string[] = []): string[] {
  const files = readdirSync(volume, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(volume.length + 1))
    .filter((path) => !own.includes(path) && !path.startsWith('.volseed/') && !/\.volseed-/.test(path));
  return files.filter((path) => !readFileSync(join(volume, path)).equals(readFileSync(join(seed, path))));
}

/** A seed for many tests, which none of them changes. */
export interface SharedSeed {
  readonly path: string;
  readonly seen: Snapshot;
}

export function makeSeed(directory: string, files: number): SharedSeed {
  const path = join(directory, String(files));
  build(path, manyFiles(files));
  return { path, seen: snapshot(path) };
}

/** What lies in a volume for runs that are not done: a directory for each of them. */
export function stagesOf({ volume }: Ground): string[] {
  const stage = join(volume, '.volseed', 'stage');
  return entriesOf(stage).map(({ name }) => join(stage, name));
}

/** Waits until files are being staged, by another run than those `before`: it is in the midst of its work. */
export async function staging(on: Ground, before: readonly string[] = []): Promise<void> {
  await until('files are being staged', () => stagesOf(on).some((stage) => !before.includes(stage) && hasFiles(stage)));
}

/** Looks no further than to the first. */
function hasFiles(directory: string): boolean {
  return entriesOf(directory).some((entry) => !entry.isDirectory() || hasFiles(join(directory, entry.name)));
}

/** Nothing where the directory has just been moved away. */
function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

export interface Run {
  readonly id: string;
  readonly mode: string;
  readonly status: string;
  /** Whether the run has both times, the later one last. */
  readonly timed: boolean;
}

/** The runs that a state has on record, the oldest first. */
export function runsOf(volume: string, stateDirectory = join(volume, '.volseed')): Run[] {
  using database = new DatabaseSync(join(stateDirectory, 'state.db'));
  const rows = database.prepare('SELECT id, mode, started, finished, status FROM runs ORDER BY rowid').all();
  return rows.map(({ id, mode, started, finished, status }) => ({
    id: String(id),
    mode: String(mode),
    status: String(status),
    timed: typeof started === typeof finished && String(started) <= String(finished),
  }));
}

/** Writes a file whose blocks are all there: a sparse one would be copied in no time. */
export function writeHugeFile(path: string, size: number): void {
  const descriptor = openSync(path, 'w');
  const part = Buffer.alloc(16 * 1024 * 1024, 'volseed ');
  for (let written = 0; written < size; written += part.length) writeSync(descriptor, part);
  closeSync(descriptor);
}

export function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** One line on stderr and nothing else, as bad input is answered; with all these in it, in any order. */
export function oneLine(code: number, ...parts: readonly (string | RegExp)[]): Record<keyof Result, unknown> {
  const sources = parts.map((part) =>
    typeof part === 'string' ? part.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&') : part.source,
  );
  const line = new RegExp(`^${sources.map((source) => `(?=[^\n]*(?:${source}))`).join('')}[^\n]+\n$`);
  return { code, stdout: '', stderr: expect.stringMatching(line) };
}

/** The lines of a text that ends with a line feed. */
export function lines(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** Makes a directory in a ground, and returns its path. */
export function makeDirectory(...path: readonly [string, ...string[]]): string {
  const directory = join(...path);
  mkdirSync(directory, { recursive: true });
  return directory;
}

/** Whether mounts are forbidden here, as they are to root in most containers; an error under CI, which skips nothing. */
export function lacksMounts(): boolean {
  const { status } = spawnSync('unshare', ['-m', 'mount', '--bind', '/etc/passwd', '/etc/passwd'], { stdio: 'ignore' });
  if (status === 0) return false;
  if (process.env['CI']) throw new Error('CI may skip nothing, and lacks mounts');
  process.stderr.write('Skipping what needs mounts.\n');
  return true;
}
