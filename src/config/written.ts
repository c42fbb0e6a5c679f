/** What a configuration file says: as it stands there, and with its paths made absolute. */
import type { PathRule } from '../core/rulebook.ts';
import type { Policy } from '../core/policy.ts';
import type { Place } from './document.ts';
import type { Option } from './options.ts';

export interface Written {
  readonly values: (option: Option) => Found | undefined;
  /** Undefined where the file has no `seeds`. */
  readonly seeds: readonly WrittenSeed[] | undefined;
  readonly rules: readonly WrittenRule[];
}

export interface Found {
  readonly values: readonly string[];
  /** As people are shown it: `safety.minSeedFiles`. */
  readonly key: string;
  readonly place: Place;
}

export interface WrittenSeed {
  readonly source: string;
  readonly into: string | undefined;
  readonly policy: Policy | undefined;
  /** `seeds[0]` */
  readonly key: string;
  readonly place: Place;
  readonly intoPlace: Place;
}

export interface WrittenRule {
  readonly match: readonly string[];
  readonly mode: string | undefined;
  readonly owner: string | undefined;
  readonly sets: Pick<PathRule, 'policy' | 'onConflict' | 'restoreDeleted'>;
  /** `rules[2]` */
  readonly key: string;
  readonly line: number;
}

/** What has no flag and no variable. */
export interface Configured {
  readonly file: string;
  /** Undefined where one seed is given otherwise. */
  readonly seeds: readonly ConfiguredSeed[] | undefined;
  readonly rules: readonly (WrittenRule & { readonly by: string })[];
}

export interface ConfiguredSeed {
  /** An absolute path. */
  readonly source: string;
  readonly into: string | undefined;
  readonly policy: Policy | undefined;
  /** What gave them, for messages. */
  readonly by: string;
}
