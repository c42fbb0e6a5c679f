/** A second thread (copyist.ts) that copies batches of small files while the first one reads the plan, makes directories, and copies, too. */
import type { Worker } from 'node:worker_threads';
import type { File } from '../core/entry.ts';
import { codeOf } from '../core/errors.ts';
import type { Name } from '../core/path.ts';
import type { Pulse } from '../core/pulse.ts';
import type { Birth } from './copy.ts';
import type { Order } from './copyist.ts';
import { close } from './disk.ts';
import { memory, Place, STATE } from './shared.ts';

/** The thread's program, where all of this is one file (scripts/parts.ts). */
declare const VOLSEED_COPYIST: string | undefined;

/** From so many small files on the time that it takes to start a thread is won. */
export const MANY = 2000;
/** Fewer files are copied sooner than handed over. */
const WORTHWHILE = 8;
/** Milliseconds between two looks for a signal. */
const LOOK = 5;

/** Files of one directory of the seed that go into one directory of the stage. */
export interface Batch<Job> {
  /** Handles on the two directories; the crew closes them. */
  readonly seed: number;
  readonly stage: number;
  readonly proving: boolean;
  readonly files: readonly {
    readonly job: Job;
    readonly from: Name;
    readonly to: Name;
    readonly entry: File;
    readonly hashing: boolean;
  }[];
}

/**
 * What is told of each file once its batch is done: where it was finished, or that it is to be done again; and then whether anything
 * of it may be there.
 */
export type Told<Job> = (job: Job, place: Place | undefined, at: number, mayBeThere: boolean) => void;

export class Crew<Job> {
  readonly #worker: Worker;
  readonly #bell: Int32Array;
  readonly #places: readonly Place[];
  readonly #held: (Batch<Job> | undefined)[];
  /** Whether the thread has ended by itself. */
  #isGone = false;
  readonly #takesBack: boolean;
  /** How many files a batch has at the least. */
  readonly worthwhile: number;

  /** @param isAsked whether it was asked for: then it is also given what would be done sooner without it, and its start is waited for. */
  private constructor(birth: Birth, isAsked: boolean) {
    this.worthwhile = isAsked ? 1 : WORTHWHILE;
    this.#takesBack = !isAsked;
    const shared = memory();
    this.#bell = new Int32Array(shared.bell);
    this.#places = shared.places.map((buffer) => new Place(buffer));
    this.#held = this.#places.map(() => undefined);
    const { uid, gid, certain } = birth;
    const order: Order = { memory: shared, birth: { uid, gid, certain } };
    this.#worker = start(order);
    this.#worker.unref();
    const gone = (): void => {
      this.#isGone = true;
    };
    this.#worker.on('error', gone).on('exit', gone);
  }

  /** Undefined where there is no room for another thread (a limit on processes, on memory): one does the same. */
  static start<Job>(birth: Birth, isAsked: boolean): Crew<Job> | undefined {
    try {
      return new Crew<Job>(birth, isAsked);
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      return undefined;
    }
  }

  /** Whether a batch would be taken. */
  get isFree(): boolean {
    return !this.#isGone && this.#places.some(({ state }) => state === STATE.free);
  }

  /** To be called only where it is free. */
  take(batch: Batch<Job>): void {
    const at = this.#places.findIndex(({ state }) => state === STATE.free);
    const place = this.#places[at];
    if (place === undefined) throw new Error('there is no place for another batch');
    place.begin(batch.seed, batch.stage, batch.proving);
    for (const { from, to, entry, hashing } of batch.files) place.add(from, to, entry, hashing);
    this.#held[at] = batch;
    place.move(STATE.free, STATE.ready);
    Atomics.add(this.#bell, 0, 1);
    Atomics.notify(this.#bell, 0);
  }

  /** Tells of the batches that are done. */
  collect(told: Told<Job>): void {
    for (const [at, place] of this.#places.entries()) if (place.state === STATE.done) this.#settle(at, told, true);
  }

  /** Waits for what is being copied, takes back what is not, and tells of all of it. */
  async finish(pulse: Pulse, told: Told<Job>): Promise<void> {
    for (const [at, place] of this.#places.entries()) {
      if (this.#takesBack && place.move(STATE.ready, STATE.done)) this.#settle(at, told, false);
      for (let { state } = place; state === STATE.ready || state === STATE.taken; { state } = place) {
        if (this.#isGone && place.move(state, STATE.done)) this.#settle(at, told, false);
        else place.wait(state, LOOK);
        // Only there is it heard that the thread has ended.
        await pulse.beat();
      }
      if (place.state === STATE.done) this.#settle(at, told, true);
    }
  }

  /** Ends the thread, whatever it is at. */
  async end(): Promise<void> {
    await this.#worker.terminate();
    for (const batch of this.#held) if (batch !== undefined) closeBoth(batch);
    this.#held.fill(undefined);
  }

  #settle(at: number, told: Told<Job>, isCopied: boolean): void {
    const [batch, place] = [this.#held[at], this.#places[at]];
    if (batch === undefined || place === undefined) return;
    this.#held[at] = undefined;
    closeBoth(batch);
    for (const [number, { job }] of batch.files.entries())
      told(job, isCopied && place.isDone(number) ? place : undefined, number, place.mayBeThere(number));
    place.move(STATE.done, STATE.free);
  }
}

function closeBoth({ seed, stage }: Batch<unknown>): void {
  close(seed);
  close(stage);
}

function start(workerData: Order): Worker {
  // Loaded here: it costs 2 ms, and few starts copy thousands of files.
  const threads = process.getBuiltinModule('node:worker_threads');
  // Its output would be led through streams of this thread, which do things to its descriptors; descriptors are closed by whom they are of.
  const options = { workerData, stdout: true, stderr: true, execArgv: [], trackUnmanagedFds: false };
  return typeof VOLSEED_COPYIST === 'string'
    ? new threads.Worker(VOLSEED_COPYIST, { ...options, eval: true })
    : new threads.Worker(new URL('copyist.ts', import.meta.url), options);
}
