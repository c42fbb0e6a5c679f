/** What only the configuration file can say: several seeds, and rules for single paths. */
import { parseChmod } from '../core/chmod.ts';
import { UsageError } from '../core/errors.ts';
import { displayText, fromText, ROOT, type RelPath } from '../core/path.ts';
import type { PathRule } from '../core/rulebook.ts';
import type { Policy } from '../core/policy.ts';
import type { Matcher } from '../core/selection.ts';
import { compileGlobs } from './globs.ts';
import type { Configured, ConfiguredSeed } from './written.ts';

export interface SeedSettings {
  /** An absolute path. */
  readonly source: string;
  /** What gave it. */
  readonly by: string;
  /** The directory of the target that it goes into. */
  readonly into: RelPath;
  /** Of what comes from it; undefined for the policy of all. */
  readonly policy: Policy | undefined;
}

export interface RuleSettings {
  readonly matches: Matcher;
  /** The file, line and number of the rule. */
  readonly by: string;
  readonly sets: Pick<PathRule, 'policy' | 'onConflict' | 'restoreDeleted' | 'chmod'>;
  readonly owner: Named | undefined;
}

/** A value that is looked up later, with the flag, variable or key that gave it. */
export interface Named {
  readonly value: string;
  readonly by: string;
}

/** Throws `UsageError` where it goes into no directory of the target. */
export function seedOf({ source, into, policy, by }: ConfiguredSeed): SeedSettings {
  return { source, by, into: into === undefined ? ROOT : directoryOf(into, `${by}: into`), policy };
}

/** A directory of the target: `./a//b/` is `a/b`, and `.` the target itself. */
function directoryOf(into: string, by: string): RelPath {
  const names = into.split('/').filter((name) => name !== '' && name !== '.');
  const bad = (why: string): UsageError => new UsageError(`${by}: '${displayText(into)}' ${why}`);
  if (into.startsWith('/')) throw bad("begins with '/'; it is a directory of the target, as in site/static");
  if (names.includes('..')) throw bad("goes up with '..'; it is a directory of the target");
  if (names[0] === '.volseed' || names[0] === '.volseed-manifest') throw bad("is volseed's own; name another");
  return fromText(names.join('/')) as RelPath;
}

/** Throws `UsageError` for a glob that is none. */
export async function rulesOf(written: Configured['rules']): Promise<RuleSettings[]> {
  const rules: RuleSettings[] = [];
  for (const { match, mode, owner, sets, by } of written) {
    const matches = await compileGlobs(match, `match of ${by}`);
    if (matches === undefined) continue;
    const chmod = mode === undefined ? undefined : parseChmod(mode, process.umask());
    rules.push({
      matches,
      by,
      sets: { ...sets, ...(chmod && { chmod }) },
      owner: owner === undefined ? undefined : { value: owner, by: `owner of ${by}` },
    });
  }
  return rules;
}
