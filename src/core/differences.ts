/** How a volume differs from its image, counted by what a seeding would do and why. */
import type { Fix } from './reconcile.ts';
import type { Plan } from './plan.ts';

export interface Difference {
  readonly verb: 'create' | 'replace' | 'attributes' | 'remove' | 'keep' | 'blocked';
  readonly reason: string;
  readonly count: number;
}

/** In the order of the verbs, the most frequent reason of each first. */
export function differencesOf({ changes, removals, kept, problems }: Plan): Difference[] {
  const all = [
    ...changes.map(({ verb, reason }) => ({ verb, reason })),
    ...removals.map(({ reason }) => ({ verb: 'remove' as const, reason })),
    ...kept.map(({ reason }) => ({ verb: 'keep' as const, reason })),
    ...problems
      .filter(({ kind }) => kind === 'blocked')
      .map(() => ({ verb: 'blocked' as const, reason: 'a directory that is not empty stands in the way' })),
  ];
  const counted = new Map<string, Difference>();
  for (const { verb, reason } of all) {
    const key = `${verb} ${reason}`;
    counted.set(key, { verb, reason, count: (counted.get(key)?.count ?? 0) + 1 });
  }
  return [...counted.values()].toSorted((a, b) => ORDER.indexOf(a.verb) - ORDER.indexOf(b.verb) || b.count - a.count);
}

/** Which attributes a correction is of, in words. */
export function fixesOf({ mode, owner, time }: Fix): string {
  const named = [mode && 'mode', owner && 'owner', time && 'mtime'];
  return named.filter((name) => name !== false).join(', ');
}

const ORDER: readonly Difference['verb'][] = ['create', 'replace', 'attributes', 'remove', 'blocked', 'keep'];
