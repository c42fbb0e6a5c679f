/** Numbers, names and hashes one after the other in bytes; the least significant byte first. */

/** More than all the numbers of one entry take. */
export const NUMBERS = 128;

export class Writer {
  #buffer: Buffer;
  #view: DataView;
  #at: number;

  /** @param entries about how many will follow. */
  constructor(head: Uint8Array, entries: number) {
    this.#buffer = Buffer.allocUnsafeSlow(head.length + (entries + 8) * NUMBERS);
    this.#view = viewOf(this.#buffer);
    this.#buffer.set(head);
    this.#at = head.length;
  }

  /** To be asked for before what has no room of its own: numbers. */
  room(size = NUMBERS): void {
    if (this.#at + size <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + size));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
    this.#view = viewOf(larger);
  }

  u8(value: number): void {
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
  }

  u32(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  u64(value: bigint): void {
    this.#view.setBigUint64(this.#at, value, true);
    this.#at += 8;
  }

  i64(value: bigint): void {
    this.#view.setBigInt64(this.#at, value, true);
    this.#at += 8;
  }

  f64(value: number): void {
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** Bytes as a `Name` holds them. */
  text(value: string): void {
    this.room(value.length + NUMBERS);
    this.u32(value.length);
    this.#at += this.#buffer.write(value, this.#at, 'latin1');
  }

  /** The 32 bytes of a SHA-256. */
  hash(bytes: Uint8Array, from: number): void {
    for (let at = from; at < from + 32; at++) this.#buffer[this.#at++] = bytes[at] ?? 0;
  }

  hex(value: string): void {
    this.#at += this.#buffer.write(value, this.#at, 'hex');
  }

  /** Bytes that were written before. */
  copy(bytes: Buffer, from: number, to: number): void {
    this.room(to - from + NUMBERS);
    this.#at += bytes.copy(this.#buffer, this.#at, from, to);
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

/** Throws a RangeError beyond the end. */
export class Reader {
  readonly #buffer: Buffer;
  at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get ended(): boolean {
    return this.at >= this.#buffer.length;
  }

  /** Passes over so many bytes. */
  skip(size: number): void {
    this.#go(size);
  }

  u8(): number {
    return this.#buffer.readUInt8(this.#go(1));
  }

  u32(): number {
    return this.#buffer.readUInt32LE(this.#go(4));
  }

  u64(): bigint {
    return this.#buffer.readBigUInt64LE(this.#go(8));
  }

  i64(): bigint {
    return this.#buffer.readBigInt64LE(this.#go(8));
  }

  f64(): number {
    return this.#buffer.readDoubleLE(this.#go(8));
  }

  text(): string {
    const length = this.u32();
    const at = this.#go(length);
    return this.#buffer.toString('latin1', at, at + length);
  }

  hex(): string {
    const at = this.#go(32);
    return this.#buffer.toString('hex', at, at + 32);
  }

  #go(size: number): number {
    const at = this.at;
    if (at + size > this.#buffer.length) throw new RangeError('cut short');
    this.at = at + size;
    return at;
  }
}
