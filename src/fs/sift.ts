/**
 * Asks of each file of the working directory whether it goes through, and makes neither a name nor an entry of one that does, which
 * would take as long as a third of looking at it (docs/performance.md).
 */
import { NOBODY, type Glance } from '../core/entry.ts';
import type { Sieve } from '../core/manifest-block.ts';
import { byName, type Name } from '../core/path.ts';
import { close, openToList } from './disk.ts';
import { written } from './look.ts';

export interface Passed {
  /** What has not gone through, and all that is no file, in byte order. */
  readonly left: readonly Name[];
  readonly passed: number;
}

/** Where `struct linux_dirent64` has its length, its type and its name. */
const [LENGTH, TYPE, NAME] = [16, 18, 19];
const [DT_UNKNOWN, DT_REG] = [0, 8];
const LONGEST_NAME = 255;

/**
 * @param begin called once all that is here has been looked at, and before the first question.
 * @returns undefined where the C library cannot be asked, or refuses.
 */
export function siftHere({ name, passes }: Sieve, begin: () => void): Passed | undefined {
  const there = written();
  if (there?.list === undefined) return undefined;
  const { list, listed, glance } = there;
  const lengths = new Uint16Array(listed.buffer, listed.byteOffset, listed.length / 2);
  const files = new Files();
  const left: string[] = [];
  const descriptor = openToList();
  try {
    for (let bytes = list(descriptor); bytes !== 0; bytes = list(descriptor)) {
      if (bytes < 0) return undefined;
      for (let at = 0; at < bytes; at += lengths[(at + LENGTH) / 2] ?? bytes) {
        const from = at + NAME;
        const length = listed.indexOf(0, from) - from;
        if (isDots(listed, from, length)) continue;
        const type = listed[at + TYPE];
        let found: Glance | undefined;
        if ((type === DT_REG || type === DT_UNKNOWN) && length <= LONGEST_NAME) {
          copy(listed, from, length, name);
          found = glance();
        }
        if (found === undefined) left.push(latin1(listed, from, length));
        else files.add(name, length, found);
      }
    }
  } finally {
    close(descriptor);
  }
  begin();
  const passed = files.each(name, passes, (length) => left.push(latin1(name, 0, length)));
  return { left: left.toSorted(byName) as Name[], passed };
}

function isDots(bytes: Uint8Array, from: number, length: number): boolean {
  return bytes[from] === 0x2e && (length === 1 || (length === 2 && bytes[from + 1] === 0x2e));
}

/** Copies a name, and a zero after it. */
function copy(bytes: Uint8Array, from: number, length: number, to: Uint8Array): void {
  for (let at = 0; at < length; at++) to[at] = bytes[from + at] ?? 0;
  to[length] = 0;
}

function latin1(bytes: Uint8Array, from: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(from, from + length));
}

/** Numbers of a file: where its name ends, and what a glance tells of it. */
const COLUMNS = 6;

/** What has been looked at, in columns: for a hundred thousand of them an object each would be dear. */
class Files {
  #names = new Uint8Array(4096);
  #numbers = new Float64Array(COLUMNS * 128);
  #end = 0;
  #count = 0;

  add(name: Uint8Array, length: number, { size, seconds, mode, uid, gid }: Glance): void {
    const end = this.#end + length;
    if (end > this.#names.length) this.#names = grown(this.#names, new Uint8Array(2 * end));
    const names = this.#names;
    for (let at = 0; at < length; at++) names[this.#end + at] = name[at] ?? 0;
    this.#end = end;
    const to = this.#count * COLUMNS;
    if (to === this.#numbers.length) this.#numbers = grown(this.#numbers, new Float64Array(2 * to));
    const numbers = this.#numbers;
    numbers[to] = end;
    numbers[to + 1] = size;
    numbers[to + 2] = seconds;
    numbers[to + 3] = mode;
    numbers[to + 4] = uid;
    numbers[to + 5] = gid;
    this.#count++;
  }

  /**
   * Asks of each, in the order in which they were added, with its name written.
   * @param stays told of one that does not pass, with the length of its name.
   * @returns how many pass.
   */
  each(name: Uint8Array, passes: Sieve['passes'], stays: (length: number) => void): number {
    const shipped = { size: 0, seconds: 0, mode: 0, uid: 0, gid: 0, witness: NOBODY };
    const numbers = this.#numbers;
    let [from, passed] = [0, 0];
    for (let n = 0; n < this.#count; n++) {
      const at = n * COLUMNS;
      const end = numbers[at] ?? 0;
      const length = end - from;
      copy(this.#names, from, length, name);
      shipped.size = numbers[at + 1] ?? 0;
      shipped.seconds = numbers[at + 2] ?? 0;
      shipped.mode = numbers[at + 3] ?? 0;
      shipped.uid = numbers[at + 4] ?? 0;
      shipped.gid = numbers[at + 5] ?? 0;
      if (passes(shipped, length)) passed++;
      else stays(length);
      from = end;
    }
    return passed;
  }
}

function grown<T extends Uint8Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
