/** One run in the state: it holds the lock from `begin` on, and ends recorded as completed, failed or interrupted. */
import { hostname } from 'node:os';
import { Interrupted } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { PrivateDirectory } from '../core/private.ts';
import type { Pulse } from '../core/pulse.ts';
import { MODES, type Consumed, type Holder, type Mode, type Run, type Status, type Totals } from '../core/run.ts';
import { readHolder, removeHolder, writeHolder } from './holder.ts';
import { Lock, nameHolder } from './lock.ts';
import { findReset, recordRuns, sweepCopies } from './store.ts';

export interface Terms {
  readonly command: string;
  /** Milliseconds. */
  readonly lockTimeout: number;
  /** How many runs stay on record. */
  readonly keepRuns: number;
  /** What the image is called; null where nobody said. */
  readonly imageVersion: string | null;
  readonly log: Log;
  readonly pulse: Pulse;
}

interface Counted {
  readonly totals: Totals;
  readonly exitCode: number;
}

export class Session {
  readonly id: string;
  readonly #directory: PrivateDirectory;
  readonly #lock: Lock;
  readonly #holder: Holder;
  readonly #log: Log;
  readonly #keepRuns: number;
  #imageVersion: string | null;

  private constructor(directory: PrivateDirectory, lock: Lock, mode: Mode, { log, keepRuns, imageVersion }: Terms) {
    const since = new Date().toISOString();
    this.id = `${since.replaceAll(/[-:]|\.\d+Z/g, '')}-${directory.token(3)}`;
    this.#directory = directory;
    this.#lock = lock;
    this.#log = log;
    this.#keepRuns = keepRuns;
    this.#imageVersion = imageVersion;
    this.#holder = { run: this.id, mode, host: hostname(), pid: process.pid, since };
  }

  static async begin(directory: PrivateDirectory, terms: Terms): Promise<Session> {
    const { command, lockTimeout, log, pulse } = terms;
    const lock = await Lock.acquire(directory, {
      timeout: lockTimeout,
      pulse,
      announce: ({ holder, waited }) => {
        const who = holder === undefined ? 'another seeder' : nameHolder(holder);
        const soFar = waited < 1000 ? '' : `, for ${Math.round(waited / 1000)} s so far`;
        log.write('info', `Waiting for ${who} to finish with the volume${soFar}.`, { event: 'waiting', holder });
      },
    });
    const session = new Session(directory, lock, MODES.find((mode) => mode === command) ?? 'sync', terms);
    session.#takeOver();
    return session;
  }

  /** The run that carried out the reset of this id, if there was one. */
  consumed(resetId: string): Consumed | undefined {
    return findReset(this.#directory, resetId);
  }

  /**
   * @param durable whether the record is on the disk when this returns.
   * @param resetId of a reset that was part of the run; done for good only where all of it went well.
   */
  complete({ totals, exitCode }: Counted, durable: boolean, resetId?: string): void {
    const consumed = exitCode === 0 ? resetId : undefined;
    this.#record('completed', totals, exitCode === 0 ? null : `exit code ${exitCode}`, durable, consumed);
  }

  /** The volume was left as it is, and stays that of the image before; `why` is for people. */
  skip({ totals }: Counted, why: string): void {
    this.#imageVersion = null;
    this.#record('completed', totals, why, false);
  }

  /** Never throws: the error that it records is the one to be heard of. */
  fail({ totals }: Counted, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    try {
      this.#record(error instanceof Interrupted ? 'interrupted' : 'failed', totals, message, false);
    } catch {
      // The holder's file stays, and the next run records this one as interrupted.
    }
  }

  [Symbol.dispose](): void {
    this.#lock.release();
  }

  /** What the last holder left when it died is swept; its run is recorded as interrupted. */
  #takeOver(): void {
    sweepCopies(this.#directory, this.#directory.names());
    const dead = readHolder(this.#directory);
    if (dead !== undefined) {
      const run = runOf(dead, this.#imageVersion, 'interrupted', null, null, 'it died before it had finished');
      this.#log.write('info', `The run before (${nameHolder(dead)}) was interrupted; this one finishes it.`, {
        event: 'interrupted',
        holder: dead,
      });
      this.#save([run], false);
    }
    writeHolder(this.#directory, this.#holder);
  }

  #record(status: Status, totals: Totals, error: string | null, durable: boolean, resetId?: string): void {
    const now = new Date().toISOString();
    const reset = resetId === undefined ? undefined : { id: resetId, run: this.id, applied: now };
    this.#save([runOf(this.#holder, this.#imageVersion, status, now, totals, error)], durable, reset);
    removeHolder(this.#directory);
  }

  #save(runs: readonly Run[], durable: boolean, reset?: Consumed): void {
    const movedAside = recordRuns(this.#directory, runs, durable, reset, this.#keepRuns);
    if (movedAside === undefined) return;
    const message = `the state in ${this.#directory.shownAs} could not be read; it was moved to ${movedAside} and a new one begun`;
    this.#log.write('warn', message, { event: 'state', movedAside });
  }
}

function runOf(
  { run, mode, since }: Holder,
  imageVersion: string | null,
  status: Status,
  finished: string | null,
  totals: Totals | null,
  error: string | null,
): Run {
  return { id: run, mode, started: since, finished, status, seedDigest: null, imageVersion, totals, error };
}
