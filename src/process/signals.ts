/**
 * Signals while volseed seeds. SIGTERM, SIGINT and SIGHUP are noted, and end the work at its next beat. Handlers also stand for
 * SIGPIPE and SIGXFSZ, which the runtime ignores: an exec passes "ignored" on but resets what has a handler.
 */
import { constants } from 'node:os';
import { Interrupted } from '../core/errors.ts';
import type { Pulse } from '../core/pulse.ts';

const ENDING = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
const RESET_BY_EXEC = ['SIGPIPE', 'SIGXFSZ'] as const;
/** Milliseconds of work between two looks for a signal. */
const BEAT = 25;

export class Signals implements Pulse {
  #received: NodeJS.Signals | undefined;
  #last = now();
  readonly #note = (signal: NodeJS.Signals): void => {
    this.#received ??= signal;
  };

  get ended(): boolean {
    return this.#received !== undefined;
  }

  listen(): void {
    for (const signal of ENDING) process.on(signal, this.#note);
    for (const signal of RESET_BY_EXEC) process.on(signal, ignore);
  }

  due(): boolean {
    return now() - this.#last > BEAT;
  }

  async beat(): Promise<void> {
    // Two turns: the first polls the descriptor that a signal wrote to, the second is sure to come after its handler.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    this.#last = now();
    this.check();
  }

  /** Throws `Interrupted` where a signal has been noted. */
  check(): void {
    if (this.#received !== undefined) throw new Interrupted(this.#received, constants.signals[this.#received]);
  }

  /** Lets in what is pending, then stops listening: from here on a signal does what it does by default. */
  async handOver(): Promise<void> {
    await this.beat();
    for (const signal of ENDING) process.removeListener(signal, this.#note);
  }
}

/** Milliseconds. Not `performance`, which takes 2 ms to load. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function ignore(): void {}
