/**
 * Synchronous output. Node's own streams would leave a pipe non-blocking for the service, and lose what they hold at an exec.
 */
import fs from 'node:fs';
import { codeOf } from '../core/errors.ts';

const RETRY_AFTER = 5;
const SIZE = 64 * 1024;

export class Output {
  readonly #descriptor: number;
  #waiting: string[] = [];
  #length = 0;
  #gone = false;

  constructor(descriptor: 1 | 2) {
    this.#descriptor = descriptor;
  }

  /** Takes a line; writes when a block is full. */
  put(line: string): void {
    this.#waiting.push(line, '\n');
    this.#length += line.length + 1;
    if (this.#length >= SIZE) this.flush();
  }

  /** Returns when all of it has been written, however slow the reader. A reader that has gone is no error. */
  flush(): void {
    if (this.#length === 0) return;
    const bytes = Buffer.from(this.#waiting.join(''));
    this.#waiting = [];
    this.#length = 0;
    for (let done = 0; done < bytes.length && !this.#gone;) done += this.#write(bytes.subarray(done));
  }

  #write(bytes: Uint8Array): number {
    try {
      return fs.writeSync(this.#descriptor, bytes);
    } catch (error) {
      if (codeOf(error) === 'EAGAIN') {
        // The descriptor came non-blocking from whoever started us, and its pipe is full.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_AFTER);
        return 0;
      }
      // EPIPE, EBADF, a full disk behind it: a log that cannot be written must not stop a seeding.
      this.#gone = true;
      return 0;
    }
  }
}
