/** What is known of each file that was built, in columns: an object for each of a hundred thousand would cost a tenth of the run. */
import type { Proof } from './base.ts';
import { fromHex, toHex } from './octets.ts';
import type { Change } from './plan.ts';

/** What is known of new content since it was written. */
export interface Made {
  readonly proof: Proof;
  /** In hex; undefined where it was not taken. */
  readonly sha256: string | undefined;
}

/** Bytes of a SHA-256. */
const HASH = 32;

export class Makings {
  /** In the order in which room was made for them, which is mostly that of the plan. */
  readonly #changes: Change[] = [];
  #inodes = new BigUint64Array(64);
  #changed = new BigInt64Array(64);
  #hashes = new Uint8Array(64 * HASH);
  /** Whether there is anything to know, and whether the hash is. */
  #known = new Uint8Array(64);
  #next = 0;
  #places: Map<Change, number> | undefined;

  /** Makes room; what is known is told with `set` or `setHash` and `setProof`. */
  add(change: Change): number {
    const at = this.#changes.push(change) - 1;
    if (at >= this.#known.length) this.#grow();
    this.#places = undefined;
    return at;
  }

  set(at: number, { proof, sha256 }: Made): void {
    this.setProof(at, proof.inode, proof.changed);
    if (sha256 !== undefined) this.setHash(at, sha256);
  }

  setProof(at: number, inode: bigint, changed: bigint): void {
    this.#inodes[at] = inode;
    this.#changed[at] = changed;
    this.#known[at] = (this.#known[at] ?? 0) | 1;
  }

  /** @param sha256 in hex, or a character for each byte, or bytes from `from` on. */
  setHash(at: number, sha256: string | Uint8Array, from = 0): void {
    const to = at * HASH;
    if (typeof sha256 !== 'string')
      for (let octet = 0; octet < HASH; octet++) this.#hashes[to + octet] = sha256[from + octet] ?? 0;
    else if (sha256.length === HASH)
      for (let octet = 0; octet < HASH; octet++) this.#hashes[to + octet] = sha256.charCodeAt(octet);
    else fromHex(sha256, this.#hashes, to);
    this.#known[at] = (this.#known[at] ?? 0) | 2;
  }

  /** -1 where nothing is known; quick where it is asked in the order of `add`. */
  find(change: Change): number {
    if (change.new.kind !== 'file') return -1;
    let at = this.#next;
    if (this.#changes[at] !== change) {
      this.#places ??= new Map(this.#changes.map((each, place) => [each, place]));
      at = this.#places.get(change) ?? -1;
    }
    if (at === -1) return -1;
    this.#next = at + 1;
    return ((this.#known[at] ?? 0) & 1) === 0 ? -1 : at;
  }

  get(change: Change): Made | undefined {
    const at = this.find(change);
    return at === -1 ? undefined : { proof: this.proofAt(at), sha256: this.hexAt(at) };
  }

  /** To be called before files are built a second time: what is asked for from now on is what becomes known from now on. */
  restart(): void {
    this.#next = this.#changes.length;
  }

  /** To be asked again in the order of `add`, from the first on. */
  rewind(): void {
    this.#next = 0;
  }

  /** Where the ctime has moved since. */
  correct(change: Change, inode: bigint, changed: bigint): void {
    const next = this.#next;
    const at = this.find(change);
    this.#next = next;
    if (at !== -1) this.setProof(at, inode, changed);
  }

  proofAt(at: number): Proof {
    return { inode: this.#inodes[at] ?? 0n, changed: this.#changed[at] ?? 0n };
  }

  isHashed(at: number): boolean {
    return ((this.#known[at] ?? 0) & 2) !== 0;
  }

  /** All hashes, one after the other: that of a number, where it is known, begins at 32 times that. */
  get hashes(): Uint8Array {
    return this.#hashes;
  }

  hexAt(at: number): string | undefined {
    return !this.isHashed(at) ? undefined : toHex(this.#hashes, at * HASH, (at + 1) * HASH);
  }

  #grow(): void {
    const room = this.#known.length * 2;
    const [inodes, changed, known] = [new BigUint64Array(room), new BigInt64Array(room), new Uint8Array(room)];
    inodes.set(this.#inodes);
    changed.set(this.#changed);
    known.set(this.#known);
    const hashes = new Uint8Array(room * HASH);
    hashes.set(this.#hashes);
    [this.#inodes, this.#changed, this.#known, this.#hashes] = [inodes, changed, known, hashes];
  }
}
