/**
 * The one door to node:fs for seed, volume and stage, besides look.ts. Names are bytes (core/path.ts) and bare: they are reached in
 * the working directory, which an `Anchor` has put there. Nothing here follows a link. Errors are the kernel's, with their `code`;
 * those that may pass are waited for where the call can be repeated (patience.ts), and so not for rename, unlink and rmdir.
 */
import fs from 'node:fs';
import type { Attributes } from '../core/entry.ts';
import { codeOf, NO_NAME } from '../core/errors.ts';
import type { Name } from '../core/path.ts';
import { again, makingName, patient, patiently, removingOwn } from './patience.ts';

/** Linux's O_PATH, which node:fs does not name: a handle on an inode that neither reads nor opens what is behind it. */
export const O_PATH = 0o10000000;
const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;

/** Whether descriptors can be reached by path. A container without /proc is rare, and has its own rule (DESIGN §6). */
export const hasProc = fs.existsSync('/proc/self/fd');

/** How a directory is opened to be held. */
export const AS_HANDLE = hasProc ? O_PATH : O_RDONLY;

export function descriptorPath(descriptor: number): string {
  return `/proc/self/fd/${descriptor}`;
}

/** What node:fs takes for bytes: the string itself while it is ASCII, which is faster, else a buffer. */
export function toArgument(bytes: string): string | Buffer {
  // oxlint-disable-next-line no-control-regex
  return /^[\0-\x7f]*$/.test(bytes) ? bytes : Buffer.from(bytes, 'latin1');
}

/** How a directory is opened that is none of a link. */
export const AS_DIRECTORY = AS_HANDLE | O_DIRECTORY | O_NOFOLLOW;

/** A handle on a directory of the working directory; ENOTDIR or ELOOP where it is anything else, a link included. */
export function openDirectory(name: Name | '.' | '..'): number {
  return open(name, AS_DIRECTORY);
}

function open(name: string, flags: number): number {
  try {
    return openOnce(name, flags);
  } catch (error) {
    return again(error, openOnce, name, flags);
  }
}

function openOnce(name: string, flags: number): number {
  return fs.openSync(toArgument(name), flags);
}

/**
 * A handle on whatever stands at a name, a link included; opening it has no effect on it. Without /proc such a handle would be
 * good for nothing, and it is opened for reading: ELOOP for a link.
 */
export function openHandle(name: Name): number {
  return open(name, hasProc ? O_PATH | O_NOFOLLOW : O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
}

export function close(descriptor: number): void {
  fs.closeSync(descriptor);
}

/** Opens the working directory, to be listed. */
export function openToList(): number {
  return open('.', O_RDONLY | O_DIRECTORY);
}

/** The names in the working directory, in byte order. */
export function list(): Name[] {
  // oxlint-disable-next-line unicorn/no-array-sort -- the array is nobody else's, and may be large
  return patiently(() => fs.readdirSync('.', { encoding: 'latin1' }) as Name[]).sort();
}

/** Whether a directory of the working directory holds nothing. */
export function isEmpty(name: Name): boolean {
  const descriptor = open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    return patiently(() => fs.readdirSync(hasProc ? descriptorPath(descriptor) : toArgument(name))).length === 0;
  } finally {
    fs.closeSync(descriptor);
  }
}

/** What link(2) says where there are no hard links (FAT, some network file systems), or not for us. */
export const NO_HARD_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS']);

/** Opens a regular file of the working directory for reading. It never waits (a FIFO) and never follows a link. */
export function openForReading(name: Name): number {
  return open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
}

/** Throws ENXIO, as the kernel does when it is asked to open a socket, where an open file is no regular one. */
export function refuseOther(descriptor: number): void {
  if (fs.fstatSync(descriptor).isFile()) return;
  throw Object.assign(new Error('not a regular file'), { code: 'ENXIO' });
}

/** Creates a file in the working directory for writing; EEXIST where anything has the name. */
export function createFile(name: Name, mode: number): number {
  try {
    return createOnce(name, mode);
  } catch (error) {
    return makingName(createOnce, error, name, mode);
  }
}

function createOnce(name: Name, mode: number): number {
  return fs.openSync(toArgument(name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
}

/** Fills `buffer` from `offset` on, as far as the file goes; returns how many bytes that were. */
export function readInto(descriptor: number, buffer: Uint8Array, offset: number, length: number): number {
  let done = 0;
  while (done < length) {
    const count = readOnce(descriptor, buffer, offset + done, length - done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** A read or write that fails has moved no byte, and not the place in the file either (read(2), write(2)). */
const readOnce = patient((descriptor: number, buffer: Uint8Array, offset: number, length: number): number =>
  fs.readSync(descriptor, buffer, offset, length, null),
);
const writeOnce = patient((descriptor: number, buffer: Uint8Array, offset: number, length: number): number => {
  try {
    return fs.writeSync(descriptor, buffer, offset, length);
  } catch (error) {
    // Node 26's write loses the number of what libuv has no name for (a quota that is used up, a stale handle); its writev does not.
    if (codeOf(error) !== NO_NAME) throw error;
    return fs.writevSync(descriptor, [buffer.subarray(offset, offset + length)]);
  }
});

export function write(descriptor: number, buffer: Uint8Array, offset: number, length: number): void {
  for (let done = 0; done < length;) done += writeOnce(descriptor, buffer, offset + done, length - done);
}

/** As `readInto`, at a place of the file, and without keeping signals waiting. */
export async function readAt(descriptor: number, buffer: Uint8Array, at: number, length: number): Promise<number> {
  let done = 0;
  while (done < length) {
    const count = await new Promise<number>((resolve, reject) => {
      fs.read(descriptor, buffer, done, length - done, at + done, (error, read) =>
        error ? reject(error) : resolve(read),
      );
    });
    if (count === 0) break;
    done += count;
  }
  return done;
}

export async function writeAt(descriptor: number, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await new Promise<number>((resolve, reject) => {
      const length = bytes.length - done;
      fs.write(descriptor, bytes, done, length, at + done, (error, count) => (error ? reject(error) : resolve(count)));
    });
  }
}

export function makeDirectory(name: Name, mode: number): void {
  makeOnce(() => fs.mkdirSync(toArgument(name), { mode }));
}

/** False where something has the name. */
export function makeDirectoryIfMissing(name: Name, mode: number): boolean {
  try {
    patiently(() => fs.mkdirSync(toArgument(name), { mode }));
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return false;
  }
}

export function makeLink(name: Name, target: string): void {
  makeOnce(() => fs.symlinkSync(toArgument(target), toArgument(name)));
}

function makeOnce(make: () => void): void {
  try {
    make();
  } catch (error) {
    makingName(make, error);
  }
}

/** rename(2): replaces a file or link, and an empty directory by a directory. `from` may be a path through a descriptor. */
export function rename(from: string, to: string): void {
  fs.renameSync(toArgument(from), toArgument(to));
}

/** link(2) and unlink: a rename of a name that is ours alone, which fails with EEXIST where anything has the name, with no moment between look and act. */
export function moveWithoutReplacing(from: string, to: Name): void {
  makeOnce(() => fs.linkSync(toArgument(from), toArgument(to)));
  removingOwn(() => fs.unlinkSync(toArgument(from)));
}

export function removeFile(name: string): void {
  fs.unlinkSync(toArgument(name));
}

/** ENOTEMPTY where it is not empty. */
export function removeDirectory(name: string): void {
  fs.rmdirSync(toArgument(name));
}

export const changeMode = patient((descriptor: number, mode: number): void => fs.fchmodSync(descriptor, mode));

export const changeOwner = patient((descriptor: number, uid: number, gid: number): void =>
  fs.fchownSync(descriptor, uid, gid),
);

/** Sets the mtime of an open file to an entry's; the atime becomes now. */
export const changeTime = patient((descriptor: number, at: Attributes): void =>
  fs.futimesSync(descriptor, now(), toTime(at)),
);

/** Mode, owner or mtime of what a handle (`openHandle`) is of, and of nothing else. */
export const byHandle = {
  changeMode: patient((handle: number, mode: number): void =>
    hasProc ? fs.chmodSync(descriptorPath(handle), mode) : fs.fchmodSync(handle, mode),
  ),
  changeOwner: patient((handle: number, uid: number, gid: number): void =>
    hasProc ? fs.chownSync(descriptorPath(handle), uid, gid) : fs.fchownSync(handle, uid, gid),
  ),
  changeTime: patient((handle: number, at: Attributes): void =>
    hasProc ? fs.utimesSync(descriptorPath(handle), now(), toTime(at)) : fs.futimesSync(handle, now(), toTime(at)),
  ),
};

/** The same for a link where there is no /proc. */
export const byBareName = {
  changeOwner: patient((name: Name, uid: number, gid: number): void => fs.lchownSync(toArgument(name), uid, gid)),
  changeTime: patient((name: Name, at: Attributes): void => fs.lutimesSync(toArgument(name), now(), toTime(at))),
};

function now(): number {
  return Date.now() / 1000;
}

const CUTS = process.versions['bun'] === undefined && Number.parseInt(process.versions.node, 10) < 24;

/**
 * A time as node:fs takes it: seconds in a double, which tells some 240 ns apart today. Rounding must never carry a file into
 * another second, because seconds are what `newer` compares. As text, because a negative number would mean "now". Node 22
 * cuts to the microsecond, towards 1970: so there, before 1970, the microsecond is chosen here, and kept from the edge of its cut.
 */
export function toTime({ seconds, nanoseconds }: Attributes): string {
  const microseconds = Math.floor(nanoseconds / 1000);
  if (nanoseconds === 0) return String(seconds);
  if (CUTS && seconds < 0) {
    const kept = Math.min(seconds + microseconds / 1e6 - 3e-7, lastIn(seconds, 1.3e-6));
    return String(microseconds === 0 ? seconds : kept);
  }
  const time = seconds + nanoseconds / 1e9;
  // Before 1970 what is below a nanosecond is cut towards 1970, too.
  const crosses = Math.floor(time) !== seconds || (seconds < 0 && nanoseconds > 999_999_000);
  return String(crosses ? lastIn(seconds, 5e-7) : time);
}

/** A time so far before the next second, or as little further as a double tells apart: 2 µs from 2^33 (the year 2242) on. */
function lastIn(seconds: number, distance: number): number {
  const magnitude = Math.max(Math.abs(seconds), Math.abs(seconds + 1));
  const apart = 2 ** (Math.floor(Math.log2(magnitude)) - 52);
  return Math.max(seconds, seconds + 1 - Math.ceil(distance / apart) * apart);
}

export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}
