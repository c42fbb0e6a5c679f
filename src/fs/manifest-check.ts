/** Whether a seed still is what its manifest says. */
import fs from 'node:fs';
import { isTime, type Entry } from '../core/entry.ts';
import { codeOf, explain } from '../core/errors.ts';
import type { Manifest } from '../core/manifest.ts';
import { fromText, join, nameOf, parentOf, ROOT, type Name, type RelPath } from '../core/path.ts';
import type { Anchor } from './anchor.ts';
import { list, look, toArgument } from './disk.ts';
import { MANIFEST_NAME } from './manifest-file.ts';
import { OF_THE_FILE_SYSTEM, STATE_NAME } from './private.ts';

/** What differs at one path; the rest of a sentence that begins with it. */
export interface Difference {
  readonly path: RelPath;
  readonly what: string;
}

/** What may be at the root of a seed, and is none of it. */
export const NOT_DATA: readonly string[] = [STATE_NAME, MANIFEST_NAME, ...OF_THE_FILE_SYSTEM];
const LOOK_INTO = fs.constants.R_OK | fs.constants.X_OK;
/** Longer ones are reached by their names. */
const LONGEST_ARGUMENT = 4000;

/**
 * Looks at every directory and at the samples, which of a small seed are all. A name that came or went has moved the time of its
 * directory, and a mount stands in the list of mounts; what this does not find is a file of a large seed that was written in place,
 * and that is noticed where it is copied.
 * @returns the first difference.
 */
export function spotCheck(manifest: Manifest, seed: Anchor): Difference | undefined {
  const mount = mountBelow(seed.root);
  if (mount !== undefined) return { path: mount, what: 'is a mount of its own' };
  seed.moveTo(ROOT);
  return differenceAtRoot(manifest, seed) ?? differenceBelow(manifest, seed);
}

/** The root's own time is moved by whoever copies a seed or mounts it; where it was, its names are asked. */
function differenceAtRoot(manifest: Manifest, seed: Anchor): Difference | undefined {
  const found = look('.');
  if (found !== undefined && !isOpenToAll(found)) fs.accessSync('.', LOOK_INTO);
  if (found !== undefined && isTime(manifest.directory(0).entry, found)) return undefined;
  const { names, entries } = manifest.list(0);
  const known = new Set<string>([...names, ...NOT_DATA]);
  const more = list().find((name) => !known.has(name));
  if (more !== undefined) return { path: join(ROOT, more), what: 'is not in it' };
  for (const [at, name] of names.entries()) {
    const difference = differenceAt(seed, join(ROOT, name), entries[at] as Entry);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function differenceBelow(manifest: Manifest, seed: Anchor): Difference | undefined {
  const paths: RelPath[] = [];
  const chain: RelPath[] = [];
  for (let number = 0; number < manifest.directories; number++) {
    const { name, depth, entry } = manifest.directory(number);
    const path = depth === 0 ? ROOT : join(chain[depth - 1] ?? ROOT, name);
    chain[depth] = path;
    paths.push(path);
    const difference = depth === 0 ? undefined : differenceAt(seed, path, entry);
    if (difference !== undefined) return difference;
  }
  for (const { directory, name, entry } of manifest.samples) {
    const difference = differenceAt(seed, join(paths[directory] ?? ROOT, name), entry);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

/** By path from the root, which costs a fifth of going there, and need not be safe: nothing is read, and nothing written. */
function differenceAt(seed: Anchor, path: RelPath, recorded: Entry): Difference | undefined {
  const long = path.length > LONGEST_ARGUMENT;
  try {
    seed.moveTo(long ? parentOf(path) : ROOT);
    const at = (long ? nameOf(path) : path) as Name;
    const found = look(at);
    const what = found === undefined ? 'is gone' : differenceOf(recorded, found);
    if (what !== undefined) return { path, what };
    // What a walk could not look into must be a problem by a manifest, too.
    if (recorded.kind === 'directory' && !isOpenToAll(recorded)) fs.accessSync(toArgument(at), LOOK_INTO);
    return undefined;
  } catch (error) {
    return { path, what: codeOf(error) === undefined ? String(error) : `cannot be looked at: ${explain(error)}` };
  }
}

function isOpenToAll({ mode }: Entry): boolean {
  return (mode & 0o005) === 0o005;
}

/** What is not as it was recorded; undefined where all is. */
export function differenceOf(recorded: Entry, found: Entry): string | undefined {
  if (recorded.kind !== found.kind) return 'is of another type';
  if (recorded.kind === 'file' && found.kind === 'file' && recorded.size !== found.size) return 'has another size';
  if (recorded.kind === 'link' && found.kind === 'link' && recorded.target !== found.target) return 'leads elsewhere';
  if (!isTime(recorded, found)) return 'has another time';
  if (recorded.kind !== 'link' && recorded.mode !== found.mode) return 'has another mode';
  if (recorded.uid !== found.uid || recorded.gid !== found.gid) return 'has another owner';
  return undefined;
}

/** The first path of a seed that something is mounted on; also on a single file, which moves no time. */
function mountBelow(root: string): RelPath | undefined {
  let table: string;
  let real: string;
  try {
    table = fs.readFileSync('/proc/self/mountinfo', 'latin1');
    real = fromText(fs.realpathSync(root));
  } catch {
    // Without /proc, the times of the directories have to do.
    return undefined;
  }
  const below = real === '/' ? '/' : `${real}/`;
  for (const line of table.split('\n')) {
    const at = (line.split(' ')[4] ?? '').replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 8)),
    );
    if (at.startsWith(below) && at !== below) return at.slice(below.length) as RelPath;
  }
  return undefined;
}
