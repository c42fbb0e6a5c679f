/** Which of the seed's paths are seeded. Patterns speak of a path or of a directory above it. */
import { parentOf, ROOT, type RelPath } from './path.ts';

export type Matcher = (path: RelPath) => boolean;

export interface Selection {
  readonly include: Matcher | undefined;
  readonly exclude: Matcher | undefined;
}

/** out: nothing at it or below it. below: not itself, but perhaps something in it. in: itself, and all below not excluded. */
export type Selected = 'out' | 'below' | 'in';

export const ALL: Selection = { include: undefined, exclude: undefined };

/** @param parent what was said of the directory that holds the path; 'in' for the root where there is no include. */
export function select({ include, exclude }: Selection, path: RelPath, parent: Selected): Selected {
  if (exclude?.(path) === true) return 'out';
  if (include === undefined || parent === 'in' || include(path)) return 'in';
  return 'below';
}

/** What two selections say together. A path above what both select is 'below', even where one of them selects it whole. */
export function both(a: Selected, b: Selected): Selected {
  if (a === 'out' || b === 'out') return 'out';
  return a === 'in' && b === 'in' ? 'in' : 'below';
}

/** Whether what includes says so of a path, or of a directory above it. */
export function isNamed(include: Matcher | undefined, path: RelPath): boolean {
  if (include === undefined) return true;
  for (let at = path; at !== ROOT; at = parentOf(at)) if (include(at)) return true;
  return false;
}
