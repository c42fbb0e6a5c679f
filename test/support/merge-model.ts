// What `merge` makes of (base, seed, volume) at one path, written down a second time and as briefly as it can be said.
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

export interface Merged {
  readonly volume: Node;
  /** What is placed beside it, as NAME.volseed-new. */
  readonly offered?: Leaf | undefined;
}

export const isDirectory = (node: Node): node is Directory => typeof node === 'object';

/** By type, content and target; what is in two directories is another question. */
export const alike = (a: Node, b: Node): boolean => a === b || (isDirectory(a) && isDirectory(b));

export function merge(base: Node, seed: Node, volume: Node, how: Merging): Merged {
  if (isDirectory(volume) && (isDirectory(seed) || seed === undefined)) {
    return { volume: mergeBelow(base, seed, volume, how) };
  }
  if (seed === undefined) return { volume: how.prune && alike(base, volume) ? undefined : volume };
  if (volume === undefined) return { volume: base === undefined || how.restoreDeleted ? seed : undefined };
  if (base === undefined || alike(seed, volume)) return { volume };
  if (isUnedited(base, volume)) return { volume: seed };
  return alike(base, seed) ? { volume } : conflict(seed, volume, how);
}

function conflict(seed: Node, volume: Node, { onConflict }: Merging): Merged {
  // What users put into a directory is not removed for a file's sake, whatever was asked for.
  const isFull = isDirectory(volume) && Object.keys(volume).length > 0;
  if (onConflict === 'replace') return { volume: isFull ? volume : seed };
  return onConflict === 'keep' || isDirectory(seed) ? { volume } : { volume, offered: seed };
}

/** The volume has a directory, and the seed has one or nothing. */
function mergeBelow(base: Node, seed: Directory | undefined, volume: Directory, how: Merging): Node {
  const names = new Set([...Object.keys(seed ?? {}), ...Object.keys(volume)]);
  const merged = [...names].flatMap((name): (readonly [string, Node])[] => {
    const was = isDirectory(base) ? base[name] : undefined;
    const { volume: is, offered } = merge(was, seed?.[name], volume[name], how);
    return [[name, is] as const, [`${name}.volseed-new`, offered] as const];
  });
  const left = Object.fromEntries(merged.filter(([, node]) => node !== undefined));
  const isObsolete = seed === undefined && isDirectory(base) && how.prune;
  return isObsolete && Object.keys(left).length === 0 ? undefined : left;
}

/** A directory is unedited where all that is in it is. */
function isUnedited(base: Node, volume: Node): boolean {
  if (!isDirectory(base) || !isDirectory(volume)) return base === volume;
  return Object.entries(volume).every(([name, node]) => isUnedited(base[name], node));
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
