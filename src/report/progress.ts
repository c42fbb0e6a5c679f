/** The progress of large files, a line every few seconds. */
import { LONG, type Progress } from '../core/progress.ts';
import type { Log } from '../core/log.ts';
import { display, type RelPath } from '../core/path.ts';
import { sizeOf } from '../core/words.ts';

/** Milliseconds. */
const EVERY = 5000;

/** Milliseconds. Not `performance`, which takes 2 ms to load. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export class ProgressLines implements Progress {
  readonly #log: Log;
  #last = now();

  constructor(log: Log) {
    this.#log = log;
  }

  resumed(path: RelPath, at: number, size: number): void {
    const line = `${display(path)}: ${sizeOf(at)} of ${sizeOf(size)} are there from a run that was interrupted, and as in the source`;
    this.#log.write('info', line, { event: 'resumed', path: display(path), at, size });
    this.#last = now();
  }

  copied(path: RelPath, done: number, size: number): void {
    if (size < LONG || now() - this.#last < EVERY) return;
    this.#last = now();
    const percent = Math.floor((100 * done) / size);
    const line = `${display(path)}: ${sizeOf(done)} of ${sizeOf(size)} copied (${percent}%)`;
    this.#log.write('info', line, { event: 'progress', path: display(path), done, size });
  }
}
