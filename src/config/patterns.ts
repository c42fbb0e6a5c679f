/** Patterns that people give to reset, backup and restore: a path that exists, or else a glob. */
import { UsageError } from '../core/errors.ts';
import { displayText, display, fromText, hadBadByte, parentOf, ROOT, type RelPath } from '../core/path.ts';
import { select, type Matcher, type Selected, type Selection } from '../core/selection.ts';
import { editDistance } from '../core/suggest.ts';
import { checkBytes, compileGlobs } from './globs.ts';

export interface Terms {
  /** What gave them, for messages. */
  readonly by: string;
  readonly target: string;
  /** All paths that there are to select from, each directory before what is in it. */
  readonly paths: readonly RelPath[];
  readonly selection: Selection;
  /** Whose paths they are, for messages: 'the seed', 'backup ID'. */
  readonly of: string;
}

/** One matcher for all patterns. Throws `UsageError` where one of them selects nothing, naming the closest paths. */
export async function selectBy(patterns: readonly string[], terms: Terms): Promise<Matcher> {
  const seeded = seededOf(terms);
  const matchers: Matcher[] = [];
  for (const pattern of patterns) matchers.push(await compile(pattern, seeded, terms));
  return (path) => matchers.some((matches) => matches(path));
}

async function compile(pattern: string, seeded: ReadonlySet<RelPath>, terms: Terms): Promise<Matcher> {
  const { by, of } = terms;
  const relative = toRelative(pattern, terms);
  checkBytes(relative, by);
  const literal = fromText(plainly(relative)) as RelPath;
  if (seeded.has(literal)) return (path) => path === literal;
  const matcher = await compileGlobs([relative], by);
  if (matcher !== undefined && [...seeded].some(matcher)) return matcher;
  const near = closestPaths(literal, seeded);
  const hint = near.length === 0 ? '' : `; closest are ${near.map(display).join(', ')}`;
  throw new UsageError(`${by}: '${displayText(pattern)}' selects nothing of ${of}${hint}; nothing was touched`);
}

/** The path that a person gives: relative to the target, or absolute inside it; './a//b/' is 'a/b', and the target the root. */
export function pathIn(given: string, where: Pick<Terms, 'by' | 'target'>): RelPath {
  if (hadBadByte(given)) throw new UsageError(`${where.by}: '${displayText(given)}' ${BAD_BYTE}`);
  const isRoot = given.replaceAll(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '') === where.target;
  return fromText(isRoot ? '' : plainly(toRelative(given, where))) as RelPath;
}

/** What is wrong with a path that is no pattern. */
export const BAD_BYTE = 'has a byte that is not UTF-8, or U+FFFD; such a name cannot be given';

/** Relative to the target, or absolute inside it. */
function toRelative(pattern: string, { by, target }: Pick<Terms, 'by' | 'target'>): string {
  const bad = (why: string): UsageError => new UsageError(`${by}: bad pattern '${displayText(pattern)}': ${why}`);
  if (pattern === '' || pattern.includes('\0')) throw bad('it is empty, or has a NUL byte in it');
  if (pattern.split('/').includes('..')) throw bad("it goes up with '..'; patterns are relative to the target");
  if (!pattern.startsWith('/')) return pattern;
  const inside = pattern.replaceAll(/\/{2,}/g, '/');
  if (!inside.startsWith(`${target}/`)) throw bad(`it is outside the target ${displayText(target)}`);
  return inside.slice(target.length + 1);
}

/** `./a//b/` is `a/b`. */
function plainly(path: string): string {
  return path
    .split('/')
    .filter((name) => name !== '' && name !== '.')
    .join('/');
}

function seededOf({ paths, selection }: Terms): Set<RelPath> {
  const said = new Map<RelPath, Selected>([[ROOT, selection.include === undefined ? 'in' : 'below']]);
  for (const path of paths) {
    const parent = said.get(parentOf(path)) ?? 'out';
    said.set(path, parent === 'out' ? 'out' : select(selection, path, parent));
  }
  return new Set(paths.filter((path) => said.get(path) === 'in'));
}

/** The three that a mistyped path was most likely meant to be. */
export function closestPaths(wanted: RelPath, seeded: Iterable<RelPath>): RelPath[] {
  return [...seeded]
    .map((path) => ({ path, distance: editDistance(wanted.slice(0, 200), path.slice(0, 200)) }))
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ path }) => path);
}
