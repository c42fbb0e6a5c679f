/** What the decisions of a plan go by. */
import type { ModeChange } from './chmod.ts';
import type { Entry } from './entry.ts';
import type { Identity } from './identity.ts';
import type { MergeRules } from './merging.ts';
import type { OnConflict } from './merge.ts';
import type { RelPath } from './path.ts';
import type { Policy } from './policy.ts';
import type { Matcher, Selection } from './selection.ts';

export interface Rules {
  readonly policy: Policy;
  readonly selection: Selection;
  readonly checksum: boolean;
  readonly chmod: ModeChange | undefined;
  /** What is not set stays as in the seed. */
  readonly owner: { readonly uid: number | undefined; readonly gid: number | undefined };
  readonly self: Identity;
  /** What was seeded before; undefined where no policy asks for it. */
  readonly merging?: MergeRules | undefined;
  /** What an earlier image seeded, this one no longer has, and nobody edited, is removed. */
  readonly prune?: boolean;
  readonly onConflict?: OnConflict;
  readonly restoreDeleted?: boolean;
  /** What is said of one path in particular, by the seed that it comes from, too; undefined where nothing is. */
  readonly at?: ((path: RelPath, seed?: Entry) => PathRule) | undefined;
  /** All that `at` may say of the modes and owners of a path. */
  readonly each?: readonly Pick<PathRule, 'chmod' | 'owner'>[] | undefined;
  /** What becomes the image's version whatever the policy says; undefined for nothing. */
  readonly reset?: ResetRules | undefined;
}

/** What a rule may set for one path; what it does not set is as for all others. */
export interface PathRule {
  readonly policy?: Policy;
  readonly chmod?: ModeChange;
  readonly owner?: Rules['owner'];
  readonly onConflict?: OnConflict;
  readonly restoreDeleted?: boolean;
  /** What set the policy, for `explain`: `rules[2] of /etc/volseed/volseed.yaml:14`. */
  readonly by?: string;
}

export interface ResetRules {
  /** Undefined for every path. */
  readonly include: Matcher | undefined;
  readonly deleteExtra: boolean;
}

/** What is made of these tells one change of modes from another, whatever the umask it goes by. */
const MODES = [0, 0o100, 0o010, 0o001, 0o200, 0o400, 0o644, 0o666, 0o755, 0o777, 0o7777];

/** Of modes and owners as they come out here and now: names, umask and what we may set can be others at the next start. */
export function keyOf({ chmod, each = [], owner, self }: Pick<Rules, 'chmod' | 'each' | 'owner' | 'self'>): string {
  const groups = self.privileged ? [] : [...self.groups].toSorted((a, b) => a - b);
  const made = [{ chmod, owner }, ...each].map((rule) => [
    rule.owner,
    rule.chmod && MODES.flatMap((mode) => [rule.chmod?.(mode, false), rule.chmod?.(mode, true)]),
  ]);
  return JSON.stringify([self.privileged, groups, made]);
}
