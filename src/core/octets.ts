/** Whole numbers and byte strings, packed; read as if an enemy wrote them. */

/** The bytes are not what they claim to be. The message is the rest of a sentence that begins with what they are. */
export class Damaged extends Error {}

/** Whole numbers in seven bits a byte, the lowest first, the eighth bit saying that more follow. */
export class Writer {
  #bytes = new Uint8Array(4096);
  #length = 0;

  /** @param value 0 to 2^53 - 1. */
  number(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new Error(`no whole number: ${value}`);
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  /** A byte string as a `Name` holds it; its length is for the caller to write. */
  text(bytes: string): void {
    this.#reserve(bytes.length);
    for (let at = 0; at < bytes.length; at++) this.#bytes[this.#length++] = bytes.charCodeAt(at);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  hex(digits: string): void {
    this.#reserve(digits.length / 2);
    for (let at = 0; at < digits.length; at += 2)
      this.#bytes[this.#length++] = Number.parseInt(digits.slice(at, at + 2), 16);
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    larger.set(this.bytes);
    this.#bytes = larger;
  }
}

/** Reads part of some bytes and never beyond it; throws `Damaged`. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly end: number;
  at: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** @param most the largest that is no damage. */
  number(most = Number.MAX_SAFE_INTEGER): number {
    const first = this.#bytes[this.at];
    // Most are of one octet.
    if (first !== undefined && first < 0x80 && first <= most && this.at < this.end) {
      this.at++;
      return first;
    }
    let value = 0;
    let scale = 1;
    for (;;) {
      if (this.at >= this.end) throw new Damaged('ends too early');
      const octet = this.#bytes[this.at++] ?? 0;
      value += (octet & 0x7f) * scale;
      if (octet < 0x80) break;
      scale *= 128;
      if (scale > 2 ** 49) throw new Damaged('has a number that is too large');
    }
    if (value > most) throw new Damaged('has a number that is too large');
    return value;
  }

  /** Skips so many bytes; returns where they began. */
  skip(length: number): number {
    const from = this.at;
    if (length > this.end - from) throw new Damaged('ends too early');
    this.at = from + length;
    return from;
  }

  /** A reader of the next so many bytes. */
  part(length: number): Reader {
    const from = this.skip(length);
    return new Reader(this.#bytes, from, from + length);
  }

  finish(): void {
    if (this.at !== this.end) throw new Damaged('has bytes that belong to nothing');
  }
}

/** Numbers of either sign as whole numbers, the small ones small. */
export function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

export function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

const HEX = '0123456789abcdef';
const DIGITS = Array.from(HEX, (digit) => digit.charCodeAt(0));

/** Writes what hex digits stand for. */
export function fromHex(digits: string, to: Uint8Array, at: number): void {
  for (let digit = 0, octet = at; digit < digits.length; digit += 2, octet++)
    to[octet] = (valueOf(digits.charCodeAt(digit)) << 4) | valueOf(digits.charCodeAt(digit + 1));
}

function valueOf(digit: number): number {
  return digit < 58 ? digit - 48 : digit - 87;
}

export function toHex(bytes: Uint8Array, from: number, to: number): string {
  const digits: number[] = [];
  for (let at = from; at < to; at++) {
    const octet = bytes[at] ?? 0;
    digits.push(DIGITS[octet >> 4] ?? 0, DIGITS[octet & 15] ?? 0);
  }
  // In one piece: one that is added up stays in thirty pieces, a kilobyte for each hash, until it is looked into.
  return String.fromCharCode(...digits);
}
