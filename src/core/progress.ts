/** What is told of a file that takes its time. Sizes are bytes. */
import type { RelPath } from './path.ts';

export interface Progress {
  /** So much of it was there already, from a run that was interrupted, and is as in the source. */
  resumed(path: RelPath, at: number, size: number): void;
  copied(path: RelPath, done: number, size: number): void;
}

/** From this size on, in bytes, a file's progress is told, and its copy resumes where it was interrupted. */
export const LONG = 256 * 1024 * 1024;
