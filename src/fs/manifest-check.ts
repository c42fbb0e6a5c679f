/** Whether a seed still is what its manifest says. */
import fs from 'node:fs';
import { isTime, type Directory, type Entry } from '../core/entry.ts';
import { codeOf, explain } from '../core/errors.ts';
import type { Listing } from '../core/manifest-block.ts';
import type { Manifest } from '../core/manifest.ts';
import { fromText, join, nameOf, parentOf, ROOT, type Name, type RelPath } from '../core/path.ts';
import type { Anchor } from './anchor.ts';
import { close, list, toArgument } from './disk.ts';
import { entryOf, isAsRecorded, look, roomFor, type Kept } from './look.ts';
import { MANIFEST_NAME, type Held } from './manifest-file.ts';
import { OF_THE_FILE_SYSTEM, STATE_NAME } from './private.ts';

/** What differs at one path; the rest of a sentence that begins with it. */
export interface Difference {
  readonly path: RelPath;
  readonly what: string;
}

/** What may be at the root of a seed, and is none of it. */
export const NOT_DATA: readonly string[] = [STATE_NAME, MANIFEST_NAME, ...OF_THE_FILE_SYSTEM];
/** Longer ones are reached by their names. */
const LONGEST_ARGUMENT = 4000;

/**
 * Looks at every directory and at the samples, which of a small seed are all. A name that came or went has moved the time of its
 * directory, and a mount stands in the list of mounts; what this does not find is a file of a large seed that was written in place,
 * and that is noticed where it is copied.
 * @returns the directories as they are, by their numbers, or the first difference.
 */
export function spotCheck({ manifest, written }: Held, seed: Anchor): ((directory: number) => Directory) | Difference {
  const mount = mountBelow(seed.root);
  if (mount !== undefined) return { path: mount, what: 'is a mount of its own' };
  seed.moveTo(ROOT);
  const difference = differenceAtRoot(manifest, seed);
  if (difference !== undefined) return difference;
  const kept = roomFor(manifest.directories);
  /** Those that were not seen as they are recorded, but are none the less. */
  const others = new Map<number, Entry>();
  const paths: RelPath[] = [];
  for (let number = 0; number < manifest.directories; number++) {
    const { name, parent, entry } = manifest.directory(number);
    const path = number === 0 ? ROOT : join(paths[parent] ?? ROOT, name);
    paths.push(path);
    kept.at = number;
    const there = number === 0 ? entry : confirm(seed, path, entry, kept);
    if (there !== undefined && 'what' in there) return there;
    if (there !== undefined) others.set(number, there);
    // A later change may have fallen into the same second, and a layer keeps no more of it.
    const stray = entry.seconds >= written ? strayIn(seed, path, manifest.list(number)) : undefined;
    if (stray !== undefined) return stray;
    seed.moveTo(ROOT);
  }
  for (const { directory, name, entry } of manifest.samples) {
    const there = confirm(seed, join(paths[directory] ?? ROOT, name), entry);
    if (there !== undefined && 'what' in there) return there;
  }
  return (number) => (others.get(number) ?? entryOf(kept, number)) as Directory;
}

/** The root's own time is moved by whoever copies a seed or mounts it; where it was, all that is in it is looked at. */
function differenceAtRoot(manifest: Manifest, seed: Anchor): Difference | undefined {
  const found = look('.');
  if (found !== undefined && !isOpenToAll(found)) enter('.' as Name);
  if (found?.seconds === manifest.directory(0).entry.seconds) return undefined;
  const listing = manifest.list(0);
  const stray = strayIn(seed, ROOT, listing);
  if (stray !== undefined) return stray;
  for (const [at, name] of listing.names.entries()) {
    const entry = listing.entries[at] as Entry;
    // A socket is no part of an image, whatever was there when it was built.
    const there = entry.kind === 'other' ? entry : compare(seed, join(ROOT, name), entry);
    if ('what' in there) return there;
  }
  return undefined;
}

/** A name that the manifest does not have there, or one that it has and that is gone. */
function strayIn(seed: Anchor, directory: RelPath, { names, entries }: Listing): Difference | undefined {
  seed.moveTo(directory);
  const there = list();
  const known = new Set<string>([...names, ...(directory === ROOT ? NOT_DATA : [])]);
  const more = there.find((name) => !known.has(name));
  if (more !== undefined) return { path: join(directory, more), what: 'is not in it' };
  const left = new Set(there);
  const gone = names.find((name, at) => !left.has(name) && entries[at]?.kind !== 'other');
  return gone === undefined ? undefined : { path: join(directory, gone), what: 'is gone' };
}

/** As `compare`, but undefined, and kept, where all is as it was: at less cost. The working directory is the root, before and after. */
function confirm(seed: Anchor, path: RelPath, recorded: Entry, kept?: Kept): Entry | Difference | undefined {
  if (path.length <= LONGEST_ARGUMENT && (recorded.kind === 'file' || isOpenToAll(recorded))) {
    try {
      if (isAsRecorded(path, recorded, kept)) return undefined;
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
    }
  }
  const there = compare(seed, path, recorded);
  seed.moveTo(ROOT);
  return there;
}

/** By path from the root: one call instead of several, and it need not be safe, because nothing is read and nothing written. */
function compare(seed: Anchor, path: RelPath, recorded: Entry): Entry | Difference {
  const long = path.length > LONGEST_ARGUMENT;
  try {
    seed.moveTo(long ? parentOf(path) : ROOT);
    const at = (long ? nameOf(path) : path) as Name;
    const found = look(at);
    if (found === undefined) return { path, what: 'is gone' };
    const what = differenceOf(recorded, found);
    if (what !== undefined) return { path, what };
    // What a walk could not look into must be a problem by a manifest, too.
    if (recorded.kind === 'directory' && !isOpenToAll(recorded)) enter(at);
    return found;
  } catch (error) {
    return { path, what: codeOf(error) === undefined ? String(error) : `cannot be looked at: ${explain(error)}` };
  }
}

/** Throws where a directory cannot be listed or what is in it cannot be looked at; access(2) would answer for the real user. */
function enter(directory: Name): void {
  const argument = toArgument(directory);
  close(fs.openSync(argument, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY | fs.constants.O_NOFOLLOW));
  fs.lstatSync(typeof argument === 'string' ? `${argument}/.` : Buffer.concat([argument, Buffer.from('/.')]));
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
