/** What a seeding would do at one path, and why. */
import type { Based } from './base.ts';
import { fixesOf, type Difference } from './differences.ts';
import type { Entry } from './entry.ts';
import type { RelPath } from './path.ts';
import type { Plan } from './plan.ts';
import type { Policy } from './policy.ts';

export interface Outcome {
  /** none: it is not seeded. failed: it could not be found out. */
  readonly verb: Difference['verb'] | 'same' | 'none' | 'failed';
  readonly reason: string;
}

export interface Held {
  readonly entry: Entry;
  /** Of a file, where it is cheap. */
  readonly sha256: string | undefined;
}

export interface Explanation {
  readonly path: RelPath;
  readonly policy: { readonly value: Policy; readonly by: string };
  readonly seed: Held | undefined;
  /** What it was last seeded with. */
  readonly base: Based | undefined;
  readonly volume: Held | undefined;
  readonly outcome: Outcome;
  /** Directories above it that are not as they should be, outermost first. */
  readonly above: readonly (Outcome & { readonly path: RelPath })[];
  /** Of a directory: what would be done in it. */
  readonly below: readonly Difference[];
}

/** What a plan says of a path that was visited for it. */
export function outcomeOf({ changes, removals, kept, problems }: Plan, wanted: RelPath): Outcome {
  const removal = removals.find(({ path }) => path === wanted);
  if (removal !== undefined) return { verb: 'remove', reason: removal.reason };
  const keeping = kept.find(({ path }) => path === wanted);
  if (keeping !== undefined) return { verb: 'keep', reason: keeping.reason };
  const change = changes.find(({ path }) => path === wanted);
  if (change !== undefined) {
    const fixed = change.fix === undefined ? '' : `: ${fixesOf(change.fix)}`;
    return { verb: change.verb, reason: change.reason + fixed };
  }
  const problem = problems.find(({ path }) => path === wanted);
  if (problem === undefined) return { verb: 'same', reason: 'as in the image' };
  const verb = problem.kind === 'blocked' ? 'blocked' : problem.kind === 'passed over' ? 'none' : 'failed';
  return { verb, reason: problem.message };
}
