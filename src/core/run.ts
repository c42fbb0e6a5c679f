/** One execution of a plan, as the state records it. */
import type { KeptReason } from './reconcile.ts';

export const MODES = ['run', 'sync', 'reset', 'backup', 'restore'] as const;
export type Mode = (typeof MODES)[number];
export const STATUSES = ['running', 'completed', 'failed', 'interrupted'] as const;
export type Status = (typeof STATUSES)[number];

export interface Totals {
  created: number;
  updated: number;
  /** Paths of which only mode, owner or mtime were corrected. */
  corrected: number;
  removed: number;
  same: number;
  kept: Partial<Record<KeptReason, number>>;
  problems: number;
  /** How often something was tried again because the file system was in trouble for a moment. */
  retried: number;
  bytes: number;
}

export interface Run {
  readonly id: string;
  readonly mode: Mode;
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly finished: string | null;
  readonly status: Status;
  readonly seedDigest: string | null;
  readonly imageVersion: string | null;
  readonly totals: Totals | null;
  readonly error: string | null;
}

export function noTotals(): Totals {
  return { created: 0, updated: 0, corrected: 0, removed: 0, same: 0, kept: {}, problems: 0, retried: 0, bytes: 0 };
}

export function keptOf({ kept }: Totals): number {
  return Object.values(kept).reduce((sum, count) => sum + count, 0);
}

/** A reset that was carried out, and is not to be again. */
export interface Consumed {
  readonly id: string;
  readonly run: string;
  /** ISO 8601, UTC. */
  readonly applied: string;
}

/** Who holds the lock, for people to read: in a container every pid is 1, so a pid alone would tell nothing. */
export interface Holder {
  readonly run: string;
  readonly mode: Mode;
  readonly host: string;
  readonly pid: number;
  readonly since: string;
}
