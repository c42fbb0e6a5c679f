/**
 * What two threads of one process share while they copy small files: places for a batch each, in plain memory, so that handing one
 * over costs no message. Each place has a state that both change by compare-and-exchange.
 */
import type { Proof } from '../core/base.ts';
import { NOBODY, type File } from '../core/entry.ts';

export const BATCH_FILES = 256;
/** How many batches wait or are worked on at once. */
export const PLACES = 3;

export const STATE = { free: 0, ready: 1, taken: 2, done: 3 } as const;

/** Bytes of the longest name, and of a hash. */
const NAME = 255;
const HASH = 32;
/** Int32s of a place: its state, how many files, the descriptors of the seed's directory and of the stage's, what is asked. */
const HEAD = 8;
const [AT_STATE, AT_COUNT, AT_SEED, AT_STAGE, AT_ASKED] = [0, 1, 2, 3, 4] as const;
/** Doubles of a file: size, mode, owner, group, time. */
const NUMBERS = 6;

/** Memory for all places, and one more number that is moved with each that becomes ready. */
export interface Memory {
  readonly bell: SharedArrayBuffer;
  readonly places: readonly SharedArrayBuffer[];
}

export function memory(): Memory {
  return { bell: new SharedArrayBuffer(4), places: Array.from({ length: PLACES }, () => new SharedArrayBuffer(SIZE)) };
}

const AT_NUMBERS = HEAD * 4;
const AT_INODES = AT_NUMBERS + BATCH_FILES * NUMBERS * 8;
const AT_CHANGED = AT_INODES + BATCH_FILES * 8;
const AT_HASHES = AT_CHANGED + BATCH_FILES * 8;
const AT_FLAGS = AT_HASHES + BATCH_FILES * HASH;
const AT_LENGTHS = AT_FLAGS + BATCH_FILES;
const AT_NAMES = AT_LENGTHS + BATCH_FILES * 2;
const SIZE = AT_NAMES + BATCH_FILES * NAME * 2;

/** What is asked of a file besides, and what has become of it. */
const HASHING = 1;
const DONE = 2;
const HASHED = 3;
/** It may be there, in part or whole, or not at all: a server may have done what it did not answer. */
const BEGUN = 4;
const NOT_THERE = 0;

/** A place for one batch: files of one directory of the seed that go into one directory of the stage. */
export class Place {
  /** To wait for a change of the state. */
  readonly head: Int32Array;
  readonly #numbers: Float64Array;
  readonly #inodes: BigUint64Array;
  readonly #changed: BigInt64Array;
  readonly #hashes: Uint8Array;
  readonly #flags: Uint8Array;
  readonly #lengths: Uint8Array;
  readonly #names: Buffer;
  #end = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.head = new Int32Array(buffer, 0, HEAD);
    this.#numbers = new Float64Array(buffer, AT_NUMBERS, BATCH_FILES * NUMBERS);
    this.#inodes = new BigUint64Array(buffer, AT_INODES, BATCH_FILES);
    this.#changed = new BigInt64Array(buffer, AT_CHANGED, BATCH_FILES);
    this.#hashes = new Uint8Array(buffer, AT_HASHES, BATCH_FILES * HASH);
    this.#flags = new Uint8Array(buffer, AT_FLAGS, BATCH_FILES);
    this.#lengths = new Uint8Array(buffer, AT_LENGTHS, BATCH_FILES * 2);
    this.#names = Buffer.from(buffer, AT_NAMES, BATCH_FILES * NAME * 2);
  }

  get state(): number {
    return Atomics.load(this.head, AT_STATE);
  }

  /** False where it was in another state. */
  move(from: number, to: number): boolean {
    if (Atomics.compareExchange(this.head, AT_STATE, from, to) !== from) return false;
    Atomics.notify(this.head, AT_STATE);
    return true;
  }

  /** Waits for so many milliseconds while it is in a state. */
  wait(state: number, milliseconds: number): void {
    Atomics.wait(this.head, AT_STATE, state, milliseconds);
  }

  get count(): number {
    return this.head[AT_COUNT] ?? 0;
  }

  get seed(): number {
    return this.head[AT_SEED] ?? -1;
  }

  get stage(): number {
    return this.head[AT_STAGE] ?? -1;
  }

  /** Whether it is asked what proves of each file that nobody has written to it since. */
  get proving(): boolean {
    return this.head[AT_ASKED] === 1;
  }

  /** Begins a batch. Descriptors are handles on directories. */
  begin(seed: number, stage: number, proving: boolean): void {
    this.head[AT_COUNT] = 0;
    this.head[AT_SEED] = seed;
    this.head[AT_STAGE] = stage;
    this.head[AT_ASKED] = proving ? 1 : 0;
    this.#end = 0;
  }

  /** @param hashing whether its hash is to be taken. */
  add(from: string, to: string, entry: File, hashing: boolean): void {
    const at = this.count;
    const number = at * NUMBERS;
    this.#numbers[number] = entry.size;
    this.#numbers[number + 1] = entry.mode;
    this.#numbers[number + 2] = entry.uid;
    this.#numbers[number + 3] = entry.gid;
    this.#numbers[number + 4] = entry.seconds;
    this.#numbers[number + 5] = entry.nanoseconds;
    this.#inodes[at] = entry.witness.inode;
    this.#flags[at] = hashing ? HASHING : NOT_THERE;
    this.#put(at * 2, from);
    this.#put(at * 2 + 1, to);
    this.head[AT_COUNT] = at + 1;
  }

  /** What is to be copied; to be asked for one after the other. */
  file(at: number): { readonly from: string; readonly to: string; readonly entry: File; readonly hashing: boolean } {
    if (at === 0) this.#end = 0;
    const from = this.#get(at * 2);
    const to = this.#get(at * 2 + 1);
    return { from, to, entry: this.#entryAt(at), hashing: this.#flags[at] === HASHING };
  }

  /** To be told before a file is made. */
  begun(at: number): void {
    this.#flags[at] = BEGUN;
  }

  /** To be told once it is certain that nothing of it is there. */
  notThere(at: number): void {
    this.#flags[at] = NOT_THERE;
  }

  /** To be told of what is complete in its place. @param sha256 a character for each byte. */
  finish(at: number, proof: Proof | undefined, sha256: string | undefined): void {
    if (proof !== undefined) {
      this.#inodes[at] = proof.inode;
      this.#changed[at] = proof.changed;
    }
    if (sha256 !== undefined)
      for (let octet = 0; octet < HASH; octet++) this.#hashes[at * HASH + octet] = sha256.charCodeAt(octet);
    this.#flags[at] = sha256 === undefined ? DONE : HASHED;
  }

  isDone(at: number): boolean {
    return this.#flags[at] === DONE || this.isHashed(at);
  }

  /** Whether anything of it may be there. */
  mayBeThere(at: number): boolean {
    return this.#flags[at] === BEGUN || this.isDone(at);
  }

  isHashed(at: number): boolean {
    return this.#flags[at] === HASHED;
  }

  proofAt(at: number): Proof {
    return { inode: this.#inodes[at] ?? 0n, changed: this.#changed[at] ?? 0n };
  }

  /** All hashes: that of a number begins at 32 times that. */
  get hashes(): Uint8Array {
    return this.#hashes;
  }

  #put(number: number, name: string): void {
    this.#lengths[number] = name.length;
    this.#end += this.#names.write(name, this.#end, 'latin1');
  }

  #get(number: number): string {
    const from = this.#end;
    this.#end += this.#lengths[number] ?? 0;
    return this.#names.toString('latin1', from, this.#end);
  }

  #entryAt(at: number): File {
    const number = at * NUMBERS;
    const inode = this.#inodes[at] ?? 0n;
    return {
      kind: 'file',
      size: this.#numbers[number] ?? 0,
      mode: this.#numbers[number + 1] ?? 0,
      uid: this.#numbers[number + 2] ?? 0,
      gid: this.#numbers[number + 3] ?? 0,
      seconds: this.#numbers[number + 4] ?? 0,
      nanoseconds: this.#numbers[number + 5] ?? 0,
      witness: inode === 0n ? NOBODY : { ...NOBODY, inode },
    };
  }
}
