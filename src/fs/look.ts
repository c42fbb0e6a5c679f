/**
 * What stands at a name of the working directory, or is open. Nothing here follows a link. Errors are the kernel's, with their `code`;
 * those that may pass are waited for, where it is not said otherwise.
 *
 * A look leaves what it found in a record, as statx(2) lays it out, and an answer takes from it what is asked for: of most of a
 * hundred thousand files that is five numbers. The C library fills it where that can be called (direct.ts), else node:fs.
 */
import fs from 'node:fs';
import type { Proof } from '../core/base.ts';
import { isTime, NOBODY, type Entry, type File, type Glance } from '../core/entry.ts';
import type { Name } from '../core/path.ts';
import { MEMORY, openDirect, type Direct } from './direct.ts';
import { O_PATH, toArgument } from './disk.ts';
import { again, patient } from './patience.ts';

const { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } = fs.constants;
const BIGINT = { bigint: true, throwIfNoEntry: false } as const;

/** Linux's, which node:fs gives without being asked. */
const O_CLOEXEC = 0o2000000;

/** Looks by node:fs before the door is opened, which takes 1 ms: a start for a few files, which makes some 140 of them, does without. */
const BEFORE_DIRECT = 200;

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

const NANO = 1_000_000_000n;
/** Instead of nanoseconds above its seconds: the ctime is in nanoseconds, as node:fs tells it. */
const WHOLE = 0xffff_ffff;

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
  changed: (): bigint => {
    const changed = BigInt.asIntN(64, longs[12] ?? 0n);
    return words[26] === WHOLE ? changed : changed * NANO + BigInt(words[26] ?? 0);
  },
  device: (): bigint => deviceOf(words[34] ?? 0, words[35] ?? 0),
};

/** Mostly a look finds the device of the one before. */
let last = { major: 0, minor: 0, device: 0n };

/** As makedev(3) has it, and so node:fs. */
function deviceOf(major: number, minor: number): bigint {
  if (major !== last.major || minor !== last.minor) {
    const [high, low] = [BigInt(major), BigInt(minor)];
    const device =
      ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
    last = { major, minor, device };
  }
  return last.device;
}

/** The reverse. */
function partsOf(device: bigint): typeof last {
  if (device !== last.device) {
    const major = Number(((device >> 32n) & 0xfffff000n) | ((device >> 8n) & 0xfffn));
    const minor = Number(((device >> 12n) & 0xffffff00n) | (device & 0xffn));
    last = { major, minor, device };
  }
  return last;
}

/** Fills the record with what node:fs tells: with as few big integers as can be, because a plain start does so a hundred times. */
function fill({ ctimeNs, dev, gid, ino, mode, mtimeMs, mtimeNs, nlink, size, uid }: fs.BigIntStats): void {
  halves[14] = Number(mode);
  words[4] = Number(nlink);
  words[5] = Number(uid);
  words[6] = Number(gid);
  longs[4] = ino;
  longs[5] = size;
  // Rounded down; a runtime may round what is before 1970 up.
  const seconds = mtimeNs >= 0n ? Math.floor(Number(mtimeMs) / 1000) : Number((mtimeNs - NANO + 1n) / NANO);
  words[28 + LOW] = seconds;
  words[28 + HIGH] = Math.floor(seconds / 2 ** 32);
  words[30] = Number(mtimeNs - BigInt(seconds) * NANO);
  longs[12] = BigInt.asUintN(64, ctimeNs);
  words[26] = WHOLE;
  const { major, minor } = partsOf(dev);
  words[34] = major;
  words[35] = minor;
}

let direct: Direct | undefined;
let looks = 0;

/** Leaves what stands at a name in the record; false where nothing does. It waits for nothing. */
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

/** The same with patience. */
function seeInTheEnd(name: string): boolean {
  try {
    return see(name);
  } catch (error) {
    return again(error, seeByNode, name);
  }
}

/** Leaves what is open in the record, with patience. */
function seeOpen(descriptor: number): void {
  if (direct?.lookAt(descriptor) === true) return;
  try {
    seeOpenByNode(descriptor);
  } catch (error) {
    again(error, seeOpenByNode, descriptor);
  }
}

function seeOpenByNode(descriptor: number): void {
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
  return seeInTheEnd(name) ? entryFound(() => targetOf(name)) : undefined;
}

const targetOf = patient((name: string): string => fs.readlinkSync(toArgument(name), 'latin1'));

/**
 * Whether what stands at a name is the directory or regular file that a record tells of. It waits for nothing.
 * @param kept keeps what was seen, for `entryOf`, at less cost than an entry.
 */
export function isAsRecorded(name: string, recorded: Entry, kept?: Kept): boolean {
  const isDirectory = recorded.kind === 'directory';
  if (!see(name) || (!isDirectory && recorded.kind !== 'file')) return false;
  const isSame =
    found.mode() === ((isDirectory ? S_IFDIR : S_IFREG) | recorded.mode) &&
    found.uid() === recorded.uid &&
    found.gid() === recorded.gid &&
    (isDirectory || found.size() === recorded.size) &&
    isTime(recorded, timeFound());
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
  return entryFound(() => '');
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
  seeOpen(descriptor);
  return entryFound(() => '');
}

/** Whether what is open is the regular file of an entry: the same inode, where one is known, of the same size and time. */
export function isStill(descriptor: number, entry: File): boolean {
  seeOpen(descriptor);
  return (
    (found.mode() & S_IFMT) === S_IFREG &&
    found.size() === entry.size &&
    isTime(entry, timeFound()) &&
    (entry.witness === NOBODY || found.inode() === entry.witness.inode)
  );
}

/** What proves of an open file, later, that nobody has written to it since; at less cost than all that it is. */
export function proofAt(descriptor: number): Proof {
  seeOpen(descriptor);
  return proofFound();
}

function proofFound(): Proof {
  return { inode: found.inode(), changed: found.changed() };
}

function timeFound(): { seconds: number; nanoseconds: number } {
  return { seconds: found.seconds(), nanoseconds: found.nanoseconds() };
}

function entryFound(target: () => string): Entry {
  const attributes = {
    mode: found.mode() & 0o7777,
    uid: found.uid(),
    gid: found.gid(),
    ...timeFound(),
    witness: { device: found.device(), inode: found.inode(), changed: found.changed(), links: found.links() },
  };
  switch (found.mode() & S_IFMT) {
    case S_IFREG:
      return { kind: 'file', ...attributes, size: found.size() };
    case S_IFDIR:
      return { kind: 'directory', ...attributes };
    case S_IFLNK:
      return { kind: 'link', ...attributes, target: target() };
    default:
      return { kind: 'other', ...attributes };
  }
}
