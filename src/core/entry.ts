/** What stands at a path: in the seed, or in the volume. Plain data, read once, compared by value. */
export type Entry = Directory | File | Link | Other;

export interface Attributes {
  /** Permission bits with set-id and sticky: 0o0000 to 0o7777. Of no meaning for a link. */
  readonly mode: number;
  /** `LEAVE` in a wanted entry: whatever the volume has, or what a new file gets. */
  readonly uid: number;
  readonly gid: number;
  /** mtime: whole seconds since 1970, rounded down, and the nanoseconds above them (0 to 999,999,999). */
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Which of several seeds it comes from, from 0. */
  readonly origin?: number;
}

/** Which inode it was and when that last changed. Nothing can be written without moving the ctime. */
export interface Witness {
  readonly device: bigint;
  readonly inode: bigint;
  readonly changed: bigint;
  readonly links: number;
}

/** Of an entry that is known from a record, not from a look: there is no inode 0. */
export const NOBODY: Witness = { device: 0n, inode: 0n, changed: 0n, links: 1 };

export interface Directory extends Attributes {
  readonly kind: 'directory';
  readonly witness: Witness;
  /** Asked only where something else is to take its place. */
  readonly empty?: boolean;
  /** In no seed, but above what one is seeded into: made where it is missing, left as it is where it exists. */
  readonly implied?: boolean;
}

export interface File extends Attributes {
  readonly kind: 'file';
  /** Bytes. */
  readonly size: number;
  readonly witness: Witness;
}

/** What a quick look tells of a regular file. */
export interface Glance extends Pick<File, 'size' | 'seconds' | 'mode' | 'uid' | 'gid'> {
  readonly witness: Pick<Witness, 'inode' | 'changed'>;
  /** Where a record has it, which knows of no witness. */
  readonly nanoseconds?: number;
}

export interface Link extends Attributes {
  readonly kind: 'link';
  /** Where it points, in bytes as a `Name` holds them. */
  readonly target: string;
  readonly witness: Witness;
}

/** A FIFO, a socket, a device: never seeded, but a volume may have one in the way. */
export interface Other extends Attributes {
  readonly kind: 'other';
  readonly witness: Witness;
}

/** An owner or group that is not ours to set. */
export const LEAVE = -1;

export const SET_GID = 0o2000;
export const SET_ID = 0o6000;
export const SET_ID_OR_STICKY = 0o7000;

/** The same inode, untouched since. A directory's ctime moves with its entries, so for one the inode is all that is asked. */
export function isSame(a: Entry, b: Entry): boolean {
  return (
    a.kind === b.kind &&
    a.witness.inode === b.witness.inode &&
    a.witness.device === b.witness.device &&
    (a.kind === 'directory' || a.witness.changed === b.witness.changed)
  );
}

/** Whether a time on the disk is the one that was recorded: a layer of an image may have cut it to whole seconds since. */
export function isTime(recorded: Entry, found: Pick<Attributes, 'seconds' | 'nanoseconds'>): boolean {
  if (recorded.seconds !== found.seconds) return false;
  return recorded.nanoseconds === found.nanoseconds || (recorded.witness === NOBODY && found.nanoseconds === 0);
}

/** How an entry is called in a sentence. */
export function nounOf(entry: Entry): string {
  return { directory: 'directory', file: 'file', link: 'symbolic link', other: 'special file' }[entry.kind];
}

/**
 * The latest times, in seconds since 1970, that ext4 (2446) and XFS (2486) hold; what is later becomes it. That of ext3 and of
 * XFS of old (2038) is a time that a file may well have, and is taken for one.
 */
const LATEST: ReadonlySet<number> = new Set([2 ** 34 - 2 ** 31 - 1, 16_299_260_424]);

/** An entry of the seed as the volume's file system can hold it: a time that it cannot hold is no difference, and no update. */
export function asHeld<T extends Attributes>(seed: T, { seconds, nanoseconds }: Attributes): T {
  return seed.seconds > seconds && LATEST.has(seconds) ? { ...seed, seconds, nanoseconds } : seed;
}
