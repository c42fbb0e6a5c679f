// What `merge` makes of (base, seed, volume) at one path and below it, written down a second time and as briefly as it can
// be said; and what the other policies leave behind for it.
// A file or a link is a word ('file one', 'link x'), a directory an object of what is in it, nothing is undefined.
import { file, directory, symlink, type Entry } from './tree.ts';
import type { Snapshot } from './snapshot.ts';

export type Leaf = `file ${string}` | `link ${string}`;
export interface Directory {
  readonly [name: string]: Node;
}
export type Node = Leaf | Directory | undefined;

export interface Merging {
  readonly onConflict: 'new' | 'keep' | 'replace';
  readonly restoreDeleted: boolean;
  readonly prune: boolean;
}

/** What a path was last seeded with, and what has been offered beside it since. */
export interface Base {
  readonly is: Leaf | 'directory';
  readonly below: Readonly<Record<string, Base>>;
  readonly offered?: Leaf;
}

export interface Path {
  readonly base: Base | undefined;
  readonly volume: Node;
  /** What the volume has at NAME.volseed-new. */
  readonly beside: Node;
}

export const NEW = '.volseed-new';

export const isDirectory = (node: Node): node is Directory => typeof node === 'object';

/** By type, content and target; what is in two directories is another question. */
const isAlike = (a: Node, b: Node): boolean => a === b || (isDirectory(a) && isDirectory(b));
const isBase = (base: Base | undefined, node: Node): boolean => base?.is === (isDirectory(node) ? 'directory' : node);

export function merge(path: Path, seed: Node, how: Merging): Path {
  const { base, volume } = path;
  if (isDirectory(volume) && (isDirectory(seed) || seed === undefined)) return mergeBelow(path, volume, seed, how);
  if (seed === undefined) {
    if (!isBase(base, volume)) return settled(path, { base: undefined, volume });
    return settled(path, how.prune ? { base: undefined, volume: undefined } : { base, volume });
  }
  const follows = { base: seeded(seed), volume: seed };
  if (volume === undefined) return settled(path, base === undefined || how.restoreDeleted ? follows : path);
  if (isAlike(seed, volume)) return settled(path, follows);
  if (base === undefined) return settled(path, { base: seeded(isDirectory(seed) ? {} : seed), volume });
  if (isUnedited(base, volume)) return settled(path, follows);
  if (isBase(base, seed)) return settled(path, path);
  // What users put into a directory is not removed for a file's sake, whatever was asked for.
  const isFull = isDirectory(volume) && Object.keys(volume).length > 0;
  if (how.onConflict === 'replace' && !isFull) return settled(path, follows);
  return how.onConflict === 'new' && !isDirectory(seed) ? offered(path, base, seed) : settled(path, path);
}

/** No conflict, or none for which there is something to offer: what was offered goes, unless somebody made it his own. */
function settled({ base: before, beside }: Path, { base, volume }: Pick<Path, 'base' | 'volume'>): Path {
  const isOurs = beside !== undefined && before?.offered === beside;
  return { base: base && { is: base.is, below: base.below }, volume, beside: isOurs ? undefined : beside };
}

function offered({ volume, beside }: Path, base: Base, seed: Leaf): Path {
  const isFree = beside === undefined || beside === base.offered;
  const isNew = base.offered !== seed;
  // There is no room for it: it is to be offered as soon as there is.
  if (isNew && !isFree && beside !== seed) return { base, volume, beside };
  return { base: { ...base, offered: seed }, volume, beside: isNew && isFree ? seed : beside };
}

/** The volume has a directory, and the seed has one or nothing. */
function mergeBelow(path: Path, volume: Directory, seed: Directory | undefined, how: Merging): Path {
  const { base } = path;
  const merged = namesIn(seed, volume, base?.below).map((name) => {
    const one = { base: base?.below[name], volume: volume[name], beside: volume[name + NEW] };
    return { name, ...merge(one, seed?.[name], how) };
  });
  const left = compact(
    merged.flatMap((one) => [[one.name, one.volume] as const, [one.name + NEW, one.beside] as const]),
  );
  const below = compact(merged.map((one) => [one.name, one.base] as const));
  if (seed === undefined && base?.is !== 'directory') return settled(path, { base: undefined, volume: left });
  if (seed === undefined && how.prune && Object.keys(left).length === 0)
    return settled(path, { base: undefined, volume: undefined });
  return settled(path, { base: { is: 'directory', below }, volume: left });
}

/** A directory is unedited where all that is in it is. */
function isUnedited(base: Base | undefined, volume: Node): boolean {
  if (!isBase(base, volume)) return false;
  if (!isDirectory(volume)) return true;
  return Object.entries(volume).every(([name, node]) => {
    if (name.endsWith(NEW)) return base?.below[name.slice(0, -NEW.length)]?.offered === node;
    return isUnedited(base?.below[name], node);
  });
}

/** What is known of a path that was seeded whole. */
export function seeded(node: Node): Base | undefined {
  if (node === undefined || !isDirectory(node)) return node && { is: node, below: {} };
  return { is: 'directory', below: compact(Object.entries(node).map(([name, one]) => [name, seeded(one)] as const)) };
}

/**
 * The other policies, and `reset`: the image's version wherever that wins over the volume's. What was offered is the next
 * merge's affair.
 */
export function overlay(
  { base, volume }: Pick<Path, 'base' | 'volume'>,
  seed: Node,
  wins: (seed: Node, volume: Node) => boolean,
): Pick<Path, 'base' | 'volume'> {
  if (seed === undefined) return { base, volume };
  if (!isDirectory(seed) || !isDirectory(volume)) {
    if (volume !== undefined && !isAlike(seed, volume) && !wins(seed, volume)) return { base, volume };
    const { is, below } = seeded(seed) as Base;
    return { base: { is, below, ...(base?.offered && { offered: base.offered }) }, volume: seed };
  }
  const laid = namesIn(seed, volume, base?.below, true).map((name) => {
    const one = { base: base?.below[name], volume: volume[name] };
    return { name, ...overlay(one, seed[name], wins) };
  });
  const below = compact(laid.map((one) => [one.name, one.base] as const));
  return {
    base: { is: 'directory', below, ...(base?.offered && { offered: base.offered }) },
    volume: compact(laid.map((one) => [one.name, one.volume] as const)),
  };
}

function namesIn(seed: object = {}, volume: object = {}, base: object = {}, offers = false): string[] {
  const names = [seed, volume, base].flatMap(Object.keys);
  return [...new Set(names.map((name) => (offers || !name.endsWith(NEW) ? name : name.slice(0, -NEW.length))))];
}

function compact<T>(entries: readonly (readonly [string, T | undefined])[]): Record<string, T> {
  return Object.fromEntries(entries.filter((entry): entry is readonly [string, T] => entry[1] !== undefined));
}

/** By path, as `seen` tells it of a volume; parents first. */
export function flat(node: Node, path: string): [string, string][] {
  if (node === undefined) return [];
  if (!isDirectory(node)) return [[path, node]];
  const below = Object.entries(node).flatMap(([name, one]) => flat(one, path === '' ? name : `${path}/${name}`));
  return path === '' ? below : [[path, 'directory'], ...below];
}

/** For `tree`. */
export function literal(node: Node, path: string): [string, Entry][] {
  return flat(node, path).map(([at, what]) => {
    const holds = what.slice(5);
    return [at, what === 'directory' ? directory() : what.startsWith('file') ? file(holds) : symlink(holds)];
  });
}

/** What a snapshot has at each path, in the words above. */
export function seen(snapshot: Snapshot): Map<string, string> {
  const words = [...snapshot].map(([path, { type, holds }]): [string, string] => {
    if (type === 'directory') return [path, type];
    return [path, `${type === 'symlink' ? 'link' : type} ${holds}`];
  });
  return new Map(words);
}

/** Where two such tables are not the same: the path, what was expected, what is there. */
export function unlike(expected: ReadonlyMap<string, string>, actual: ReadonlyMap<string, string>): string[] {
  const paths = [...new Set([...expected.keys(), ...actual.keys()])].toSorted();
  return paths
    .filter((path) => expected.get(path) !== actual.get(path))
    .map((path) => `${path}: ${actual.get(path) ?? 'nothing'}, expected ${expected.get(path) ?? 'nothing'}`);
}
