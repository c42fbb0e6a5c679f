/**
 * What stands at a name of the working directory, or is open. Nothing here follows a link. Errors are the kernel's, with their `code`;
 * those that may pass are waited for, where it is not said otherwise.
 *
 * A look leaves what it found in a record, as statx(2) lays it out, and an answer takes from it what is asked for: of most of a
 * hundred thousand files that is five numbers. The C library fills it where that can be called (direct.ts), else node:fs.
 */
import fs from 'node:fs';
import type { Proof } from '../core/base.ts';
import { NOBODY, type Entry, type File, type Glance } from '../core/entry.ts';
import type { Name } from '../core/path.ts';
import { MEMORY, openDirect, type Direct } from './direct.ts';
import { O_PATH, toArgument } from './disk.ts';
import { again } from './patience.ts';

const { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } = fs.constants;
const BIGINT = { bigint: true, throwIfNoEntry: false } as const;

/** Linux's, which node:fs gives without being asked. */
const O_CLOEXEC = 0o2000000;

/** Looks by node:fs before the door is opened, which takes as long as they lose. */
const BEFORE_DIRECT = 64;

const memory = new ArrayBuffer(MEMORY.bytes);
const nameBytes = new Uint8Array(memory, MEMORY.name, MEMORY.longest + 1);
const nameWritten = new Uint8Array(memory, MEMORY.written, 256);
const halves = new Uint16Array(memory, MEMORY.record, 128);
const words = new Uint32Array(memory, MEMORY.record, 64);
const signed = new Int32Array(memory, MEMORY.record, 64);
const longs = new BigUint64Array(memory, MEMORY.record, 32);
/** As much of the record as is read. */
const KEPT = words.subarray(0, 36);

/** Of a number of eight bytes, which half is the lower one. */
const [LOW, HIGH] = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? [0, 1] : [1, 0];

/** The record, by the offsets that `struct statx` has everywhere. */
const found = {
  mode: (): number => halves[14] ?? 0,
  links: (): number => words[4] ?? 0,
  uid: (): number => words[5] ?? 0,
  gid: (): number => words[6] ?? 0,
  inode: (): bigint => longs[4] ?? 0n,
  size: (): number => (words[10 + LOW] ?? 0) + (words[10 + HIGH] ?? 0) * 2 ** 32,
  seconds: (): number => (words[28 + LOW] ?? 0) + (signed[28 + HIGH] ?? 0) * 2 ** 32,
  nanoseconds: (): number => words[30] ?? 0,
  changed: (): bigint => BigInt.asIntN(64, longs[12] ?? 0n) * 1_000_000_000n + BigInt(words[26] ?? 0),
  device: (): bigint => deviceOf(words[34] ?? 0, words[35] ?? 0),
};

let lastDevice = { major: -1, minor: -1, device: 0n };

/** As makedev(3) has it, and so node:fs; mostly it is the one of the look before. */
function deviceOf(major: number, minor: number): bigint {
  if (major !== lastDevice.major || minor !== lastDevice.minor) {
    const [high, low] = [BigInt(major), BigInt(minor)];
    const device =
      ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
    lastDevice = { major, minor, device };
  }
  return lastDevice.device;
}

/** Fills the record with what node:fs tells. */
function fill(stat: fs.BigIntStats): void {
  halves[14] = Number(stat.mode);
  words[4] = Number(stat.nlink);
  words[5] = Number(stat.uid);
  words[6] = Number(stat.gid);
  longs[4] = stat.ino;
  longs[5] = stat.size;
  [longs[14], words[30]] = instantOf(stat.mtimeNs);
  [longs[12], words[26]] = instantOf(stat.ctimeNs);
  const device = stat.dev;
  words[34] = Number(((device >> 32n) & 0xfffff000n) | ((device >> 8n) & 0xfffn));
  words[35] = Number(((device >> 12n) & 0xffffff00n) | (device & 0xffn));
}

/** Whole seconds, rounded down, and the nanoseconds above them. */
function instantOf(time: bigint): [bigint, number] {
  const nanoseconds = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return [BigInt.asUintN(64, (time - nanoseconds) / 1_000_000_000n), Number(nanoseconds)];
}

let direct: Direct | undefined;
let looks = 0;

/** Leaves what stands at a name in the record; false where nothing does. Throws what the kernel says, at once. */
function see(name: string): boolean {
  return (direct !== undefined && seeDirectly(direct, name)) || seeByNode(name);
}

function seeDirectly(door: Direct, name: string): boolean {
  return isWritten(name) && door.look();
}

/** Writes a name to where the C library reads it; false for what it would not take for the same. */
function isWritten(name: string): boolean {
  const { length } = name;
  if (length > MEMORY.longest) return false;
  for (let at = 0; at < length; at++) {
    const octet = name.charCodeAt(at);
    if (octet === 0) return false;
    nameBytes[at] = octet;
  }
  nameBytes[length] = 0;
  return true;
}

function seeByNode(name: string): boolean {
  countForTheDoor();
  const stat = fs.lstatSync(toArgument(name), BIGINT);
  if (stat === undefined) return false;
  fill(stat);
  return true;
}

function countForTheDoor(): void {
  if (++looks === BEFORE_DIRECT) direct = trusted(openDirect(memory));
}

/** As `see`, of what is open. */
function seeOpen(descriptor: number): void {
  if (direct?.lookAt(descriptor) === true) return;
  countForTheDoor();
  fill(fs.fstatSync(descriptor, { bigint: true }));
}

/** Opens what is at a name of an open directory, without a word of why not: undefined where that has to be asked again. */
export function openAtOnce(directory: number, name: string, flags: number): number | undefined {
  if (direct === undefined || !isWritten(name)) return undefined;
  const descriptor = direct.open(directory, flags | O_CLOEXEC);
  return descriptor < 0 ? undefined : descriptor;
}

/** Makes an open directory the working directory; false where that has to be asked again. */
export function changeDirectoryAtOnce(descriptor: number): boolean {
  return direct?.changeDirectory(descriptor) === true;
}

/** Undefined where it does not say, of the root of all, what node:fs says; and where that cannot be found out. */
function trusted(door: Direct | undefined): Direct | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = door && fs.openSync('/', O_PATH);
    if (door === undefined || descriptor === undefined) return undefined;
    const itself = descriptor;
    fill(fs.lstatSync('/', { bigint: true }));
    const expected = allFound();
    const isTrue = (isTold: () => boolean): boolean => {
      words.fill(0);
      return isTold() && allFound() === expected;
    };
    nameWritten.set([0x2f, 0]);
    return isTrue(() => seeDirectly(door, '/')) && isTrue(door.lookAtWritten) && isTrue(() => door.lookAt(itself))
      ? door
      : undefined;
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor);
  }
}

function allFound(): string {
  return Object.values(found)
    .map((field) => field())
    .join(' ');
}

/** What stands at a name of the working directory; undefined where nothing does. */
export function look(name: Name | '.' | '..'): Entry | undefined {
  try {
    return lookOnce(name);
  } catch (error) {
    return again(error, lookOnce, name);
  }
}

function lookOnce(name: Name | '.' | '..'): Entry | undefined {
  return see(name) ? entryFound(name) : undefined;
}

/**
 * Whether what stands at a name is the directory or regular file that a record tells of. It waits for nothing.
 * @param kept keeps what was seen, for `entryOf`, at less cost than an entry.
 */
export function isAsRecorded(name: string, recorded: Entry, kept?: Kept): boolean {
  const isDirectory = recorded.kind === 'directory';
  if (!see(name) || (!isDirectory && recorded.kind !== 'file')) return false;
  const { seconds, nanoseconds } = recorded;
  const isSame =
    found.mode() === ((isDirectory ? S_IFDIR : S_IFREG) | recorded.mode) &&
    found.uid() === recorded.uid &&
    found.gid() === recorded.gid &&
    (isDirectory || found.size() === recorded.size) &&
    found.seconds() === seconds &&
    // A layer may have cut it to whole seconds since.
    (found.nanoseconds() === nanoseconds || found.nanoseconds() === 0);
  if (isSame) kept?.in.set(KEPT, kept.at * KEPT.length);
  return isSame;
}

/** Room for what was seen of several entries, and the number of the one that is next. */
export interface Kept {
  readonly in: Uint32Array;
  at: number;
}

export function roomFor(entries: number): Kept {
  return { in: new Uint32Array(entries * KEPT.length), at: 0 };
}

/** The entry of a directory or regular file that was kept under a number. */
export function entryOf({ in: all }: Kept, at: number): Entry {
  KEPT.set(all.subarray(at * KEPT.length, (at + 1) * KEPT.length));
  return entryFound(undefined);
}

/**
 * As `look`, of a regular file and in a third of the time: undefined for anything else. It waits for nothing.
 * @param proving whether it is asked who it is, and since when it is as it is; else the witness is `NOBODY`.
 */
export function glance(name: Name, proving: boolean): Glance | undefined {
  if (!see(name) || (found.mode() & S_IFMT) !== S_IFREG) return undefined;
  return {
    size: found.size(),
    seconds: found.seconds(),
    mode: found.mode() & 0o7777,
    uid: found.uid(),
    gid: found.gid(),
    witness: proving ? proofFound() : NOBODY,
  };
}

/** Names that the caller writes, byte by byte and a zero after them, and what stands there. */
export interface Written {
  readonly name: Uint8Array;
  /** As `glance` without a proof; what it tells is true until the next one. */
  readonly glance: () => Glance | undefined;
  /** Lists more of an open directory, as getdents64(2) does. @returns how many bytes of `listed` that are; negative where it is refused. */
  readonly list: Direct['list'];
  readonly listed: Uint8Array;
}

let hand: Written | undefined;

/** Undefined as long as the C library is not asked. */
export function written(): Written | undefined {
  return (hand ??= direct && handOf(direct));
}

function handOf({ list, lookAtWritten }: Direct): Written {
  const told = { size: 0, seconds: 0, mode: 0, uid: 0, gid: 0, witness: NOBODY };
  const tell = (): Glance | undefined => {
    // A refusal is heard of as that of any other look: a server that is gone must not be asked for each file of a directory.
    const isThere = lookAtWritten() || seeByNode(latin1(nameWritten));
    if (!isThere || (found.mode() & S_IFMT) !== S_IFREG) return undefined;
    told.size = found.size();
    told.seconds = found.seconds();
    told.mode = found.mode() & 0o7777;
    told.uid = found.uid();
    told.gid = found.gid();
    return told;
  };
  const listed = new Uint8Array(memory, MEMORY.listed, MEMORY.listedAtOnce);
  return { name: nameWritten, glance: tell, list, listed };
}

/** The name that ends with a zero. */
function latin1(name: Uint8Array): string {
  return String.fromCharCode(...name.subarray(0, name.indexOf(0)));
}

/** What an open descriptor is. A link's target is not read. */
export function lookAt(descriptor: number): Entry {
  try {
    return lookAtOnce(descriptor);
  } catch (error) {
    return again(error, lookAtOnce, descriptor);
  }
}

function lookAtOnce(descriptor: number): Entry {
  seeOpen(descriptor);
  return entryFound(undefined);
}

/** Whether what is open is the regular file of an entry: the same inode, where one is known, of the same size and time. */
export function isStill(descriptor: number, entry: File): boolean {
  try {
    return isStillOnce(descriptor, entry);
  } catch (error) {
    return again(error, isStillOnce, descriptor, entry);
  }
}

function isStillOnce(descriptor: number, { nanoseconds, seconds, size, witness }: File): boolean {
  seeOpen(descriptor);
  const isTime = found.nanoseconds() === nanoseconds || (witness === NOBODY && found.nanoseconds() === 0);
  return (
    (found.mode() & S_IFMT) === S_IFREG &&
    found.size() === size &&
    found.seconds() === seconds &&
    isTime &&
    (witness === NOBODY || found.inode() === witness.inode)
  );
}

/** What proves of an open file, later, that nobody has written to it since; at less cost than all that it is. */
export function proofAt(descriptor: number): Proof {
  try {
    return proofOnce(descriptor);
  } catch (error) {
    return again(error, proofOnce, descriptor);
  }
}

function proofOnce(descriptor: number): Proof {
  seeOpen(descriptor);
  return proofFound();
}

function proofFound(): Proof {
  return { inode: found.inode(), changed: found.changed() };
}

/** @param name of which a link's target is read. */
function entryFound(name: string | undefined): Entry {
  const attributes = {
    mode: found.mode() & 0o7777,
    uid: found.uid(),
    gid: found.gid(),
    seconds: found.seconds(),
    nanoseconds: found.nanoseconds(),
    witness: { device: found.device(), inode: found.inode(), changed: found.changed(), links: found.links() },
  };
  switch (found.mode() & S_IFMT) {
    case S_IFREG:
      return { kind: 'file', ...attributes, size: found.size() };
    case S_IFDIR:
      return { kind: 'directory', ...attributes };
    case S_IFLNK:
      return {
        kind: 'link',
        ...attributes,
        target: name === undefined ? '' : fs.readlinkSync(toArgument(name), 'latin1'),
      };
    default:
      return { kind: 'other', ...attributes };
  }
}
