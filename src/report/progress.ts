/** The progress of large files, a line every few seconds. */
import { LONG, type Progress } from '../core/progress.ts';
import type { Log } from '../core/log.ts';
import { display, type RelPath } from '../core/path.ts';
import { sizeOf } from '../core/words.ts';

/** Milliseconds. */
const EVERY = 5000;

export class ProgressLines implements Progress {
  readonly #log: Log;
  #last = performance.now();

  constructor(log: Log) {
    this.#log = log;
  }

  resumed(path: RelPath, at: number, size: number): void {
    const line = `${display(path)}: ${sizeOf(at)} of ${sizeOf(size)} are there from a run that was interrupted, and as in the source`;
    this.#log.write('info', line, { event: 'resumed', path: display(path), at, size });
    this.#last = performance.now();
  }

  copied(path: RelPath, done: number, size: number): void {
    if (size < LONG || performance.now() - this.#last < EVERY) return;
    this.#last = performance.now();
    const percent = Math.floor((100 * done) / size);
    const line = `${display(path)}: ${sizeOf(done)} of ${sizeOf(size)} copied (${percent}%)`;
    this.#log.write('info', line, { event: 'progress', path: display(path), done, size });
  }
}
