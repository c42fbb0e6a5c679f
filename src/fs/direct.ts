/**
 * System calls by the C library itself, where the runtime lets a program call it: Node 26 by `node:ffi`, the executables by
 * `bun:ffi`. What node:fs makes of a look, an object of eighteen big integers, costs as much as the look (docs/performance.md).
 *
 * A call that is refused here is made again by node:fs, which knows what to say and what to wait for. So nothing here tells of an
 * error, and only what may be done twice is done here.
 */

/** What is written and read by the kernel, in one piece: the runtime may move what is small. */
export const MEMORY = {
  /** Where statx(2) tells what it found: `struct statx`, the same on every machine. */
  record: 0,
  /** A name in bytes, with a zero after it. */
  name: 256,
  /** The longest name that there is room for. */
  longest: 4095,
  /** Always a zero: the empty name. */
  nothing: 256 + 4096,
  /** A bare name that somebody else writes. */
  written: 256 + 4096 + 8,
  bytes: 256 + 4096 + 8 + 256,
} as const;

export interface Direct {
  /** statx(2) of the name in memory, from the working directory on; a link is not followed. @returns whether the record tells of it. */
  readonly look: () => boolean;
  readonly lookAtWritten: () => boolean;
  /** The same of an open descriptor. */
  readonly lookAt: (descriptor: number) => boolean;
}

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;

/** Undefined where there is no such door: an older runtime or C library, or a runtime that is forbidden it. */
export function openDirect(memory: ArrayBuffer): Direct | undefined {
  try {
    return process.versions['bun'] === undefined ? byNode(memory) : byBun(memory);
  } catch {
    return undefined;
  }
}

function byNode(memory: ArrayBuffer): Direct | undefined {
  const ffi = quietly(() => process.getBuiltinModule('node:ffi')) as typeof import('node:ffi') | undefined;
  if (ffi === undefined) return undefined;
  // Only a signature of nothing but pointers is a fast one; of a register the kernel takes as much as it needs.
  const p = 'pointer';
  const { statx } = ffi.dlopen(null, { statx: { arguments: [p, p, p, p, p], return: 'i32' } }).functions;
  const at = ffi.getRawPointer(memory);
  const there = (offset: number): bigint => at + BigInt(offset);
  const [record, name, written, nothing] = [
    there(MEMORY.record),
    there(MEMORY.name),
    there(MEMORY.written),
    there(MEMORY.nothing),
  ];
  const here = BigInt.asUintN(32, BigInt(AT_FDCWD));
  const [itself, empty, all] = [BigInt(AT_SYMLINK_NOFOLLOW), BigInt(AT_EMPTY_PATH), BigInt(STATX_BASIC_STATS)];
  return {
    look: () => statx(here, name, itself, all, record) === 0,
    lookAtWritten: () => statx(here, written, itself, all, record) === 0,
    lookAt: (descriptor) => statx(BigInt(descriptor), nothing, empty, all, record) === 0,
  };
}

/** As Bun documents it. */
interface BunFfi {
  readonly dlopen: (
    library: string,
    symbols: Readonly<Record<string, { readonly args: readonly string[]; readonly returns: string }>>,
  ) => { readonly symbols: Readonly<Record<string, (...args: readonly number[]) => number>> };
  readonly ptr: (memory: ArrayBuffer) => number;
}

function byBun(memory: ArrayBuffer): Direct | undefined {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- no types of Bun's are at hand
  const ffi = process.getBuiltinModule('bun:ffi') as BunFfi | undefined;
  // musl takes this name for its own, too.
  const statx = ffi?.dlopen('libc.so.6', { statx: { args: ['i32', 'ptr', 'i32', 'u32', 'ptr'], returns: 'i32' } })
    .symbols['statx'];
  if (ffi === undefined || statx === undefined) return undefined;
  const at = ffi.ptr(memory);
  const [record, name] = [at + MEMORY.record, at + MEMORY.name];
  const [written, nothing] = [at + MEMORY.written, at + MEMORY.nothing];
  return {
    look: () => statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, record) === 0,
    lookAtWritten: () => statx(AT_FDCWD, written, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, record) === 0,
    lookAt: (descriptor) => statx(descriptor, nothing, AT_EMPTY_PATH, STATX_BASIC_STATS, record) === 0,
  };
}

/** Node warns at the first use that the door is new, which is nothing that an operator could act on. */
function quietly<T>(action: () => T): T {
  // oxlint-disable-next-line typescript/unbound-method -- it is put back as it was
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return action();
  } finally {
    process.emitWarning = emitWarning;
  }
}
