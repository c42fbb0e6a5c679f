/**
 * System calls by the C library itself, where the runtime lets a program call it: Node 26 by `node:ffi`, the executables by
 * `bun:ffi`. What node:fs makes of a look, an object of eighteen big integers, costs as much as the look (docs/performance.md).
 *
 * A call that is refused here is made again by node:fs, which knows what to say and what to wait for. So nothing here tells of an
 * error, and only what may be done twice is done here.
 */

/** What is written and read by the kernel, in one piece: the runtime may move what is small. */
export const MEMORY = {
  /** Where statx(2) tells what it found: `struct statx`, whose offsets are the same on every machine. */
  record: 0,
  /** A name in bytes, with a zero after it. */
  name: 256,
  /** The longest name that there is room for. */
  longest: 4095,
  /** Always a zero: the empty name. */
  nothing: 256 + 4096,
  /** A bare name that somebody else writes. */
  written: 256 + 4096 + 8,
  /** Where getdents64(2) lists: `struct linux_dirent64`, one after the other. */
  listed: 256 + 4096 + 8 + 256,
  listedAtOnce: 32 * 1024,
  bytes: 256 + 4096 + 8 + 256 + 32 * 1024,
} as const;

export interface Direct {
  /** statx(2) of the name in memory, from the working directory on; a link is not followed. @returns whether the record tells of it. */
  readonly look: () => boolean;
  /** The same of the name that is written. */
  readonly lookAtWritten: () => boolean;
  /** getdents64(2) of an open directory; an older C library has none. @returns how many bytes there are of a list that goes on; 0 at its end, negative for a refusal. */
  readonly list: ((descriptor: number) => number) | undefined;
  /** statx(2) of what is open. */
  readonly lookAt: (descriptor: number) => boolean;
  /** openat(2) of the name in memory, in a directory, of what is there already. @returns a descriptor, or -1 where it is refused. */
  readonly open: (directory: number, flags: number) => number;
  /** fchdir(2). @returns whether it is the working directory now. */
  readonly changeDirectory: (descriptor: number) => boolean;
}

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
/** As glibc calls it, and as musl does. */
const GETDENTS = ['getdents64', 'getdents'] as const;

/**
 * Undefined where there is no such door: an older runtime or C library, or a runtime that is forbidden it.
 * @param memory to be kept as it is as long as the door is used.
 */
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
  const { lib } = ffi.dlopen(null);
  // Only a signature of nothing but pointers is a fast one; of a register the function takes as much as it is to.
  const call = (name: string, count: number): ((...args: readonly bigint[]) => number) =>
    lib.getFunction(name, { arguments: Array.from({ length: count }, () => 'pointer' as const), return: 'i32' });
  const [statx, openat, fchdir] = [call('statx', 5), call('openat', 3), call('fchdir', 1)];
  const getdents = oneOf(GETDENTS, (name) => call(name, 3));
  const at = ffi.getRawPointer(memory);
  const [record, name, written] = [at + BigInt(MEMORY.record), at + BigInt(MEMORY.name), at + BigInt(MEMORY.written)];
  const [nothing, listed] = [at + BigInt(MEMORY.nothing), at + BigInt(MEMORY.listed)];
  const here = BigInt.asUintN(32, BigInt(AT_FDCWD));
  const [itself, empty, all] = [BigInt(AT_SYMLINK_NOFOLLOW), BigInt(AT_EMPTY_PATH), BigInt(STATX_BASIC_STATS)];
  const room = BigInt(MEMORY.listedAtOnce);
  return {
    look: () => statx(here, name, itself, all, record) === 0,
    lookAtWritten: () => statx(here, written, itself, all, record) === 0,
    lookAt: (descriptor) => statx(BigInt(descriptor), nothing, empty, all, record) === 0,
    list: getdents && ((descriptor) => getdents(BigInt(descriptor), listed, room)),
    open: (directory, flags) => openat(BigInt(directory), name, BigInt(flags)),
    changeDirectory: (descriptor) => fchdir(BigInt(descriptor)) === 0,
  };
}

/** As Bun documents it. */
interface BunFfi {
  readonly dlopen: (
    library: string,
    symbols: Readonly<Record<string, { readonly args: readonly string[]; readonly returns: string }>>,
  ) => { readonly symbols: Readonly<Record<string, Call>> };
  readonly ptr: (memory: ArrayBuffer) => number;
}

function byBun(memory: ArrayBuffer): Direct | undefined {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- no types of Bun's are at hand
  const ffi = process.getBuiltinModule('bun:ffi') as BunFfi | undefined;
  if (ffi === undefined) return undefined;
  const statx = fromLibrary(ffi, 'statx', ['i32', 'ptr', 'i32', 'u32', 'ptr']);
  const openat = fromLibrary(ffi, 'openat', ['i32', 'ptr', 'i32']);
  const fchdir = fromLibrary(ffi, 'fchdir', ['i32']);
  const getdents = oneOf(GETDENTS, (name) => fromLibrary(ffi, name, ['i32', 'ptr', 'usize']));
  const at = ffi.ptr(memory);
  const [record, name, written] = [at + MEMORY.record, at + MEMORY.name, at + MEMORY.written];
  const [nothing, listed] = [at + MEMORY.nothing, at + MEMORY.listed];
  return {
    look: () => statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, record) === 0,
    lookAtWritten: () => statx(AT_FDCWD, written, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, record) === 0,
    lookAt: (descriptor) => statx(descriptor, nothing, AT_EMPTY_PATH, STATX_BASIC_STATS, record) === 0,
    list: getdents && ((descriptor) => getdents(descriptor, listed, MEMORY.listedAtOnce)),
    open: (directory, flags) => openat(directory, name, flags),
    changeDirectory: (descriptor) => fchdir(descriptor) === 0,
  };
}

type Call = (...args: readonly number[]) => number;

/** Throws where there is none. */
function fromLibrary(ffi: BunFfi, name: string, args: readonly string[]): Call {
  // musl takes this name for its own, too.
  const call = ffi.dlopen('libc.so.6', { [name]: { args, returns: 'i32' } }).symbols[name];
  if (call === undefined) throw new Error(`no ${name}`);
  return call;
}

/** The first that can be had. */
function oneOf<T>(names: readonly string[], get: (name: string) => T): T | undefined {
  for (const name of names) {
    try {
      return get(name);
    } catch {
      // It may be there by its other name.
    }
  }
  return undefined;
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
