/** What `status` knows of a volume. */
import type { Difference } from './differences.ts';
import type { Consumed, Holder, Run } from './run.ts';
import type { Origin } from './words.ts';

/** What the state has recorded, the latest first. */
export interface History {
  readonly runs: readonly Run[];
  readonly resets: readonly Consumed[];
}

export interface Survey {
  readonly target: string;
  readonly seeds: readonly Origin[];
  /** The state directory, as people are shown it; null where there is none. */
  readonly state: string | null;
  /** Null where it cannot be known. */
  readonly atWork: boolean | null;
  /** Who holds the lock, by what it wrote down. */
  readonly holder: Holder | null;
  /** Who held it, and died. */
  readonly interrupted: Holder | null;
  /** Undefined where there is none, or it cannot be read. */
  readonly history: History | undefined;
  /** Null where they cannot be known. */
  readonly differences: readonly Difference[] | null;
  readonly same: number;
}
