/**
 * The lock on a volume: SQLite's exclusive lock on the empty file `lock` in its state directory. The kernel, or the NFS server,
 * frees it when its holder dies, so there is no stale lock to clean, no heartbeat, and no pid to guess.
 *
 * The kernel ties such a lock to the process and the file: closing any other descriptor of `lock` in this process would free
 * it. Nothing but SQLite opens it after `acquire`.
 *
 * SQLite opens by path, and plays back a journal that it finds beside a database, into whatever bears the database's name. So each
 * seeder opens the file by a second name (a hard link) that nobody can guess: where somebody has swapped the state directory, there
 * is no such name, and beside it no such journal.
 */
import type { DatabaseSync } from 'node:sqlite';
import { LockTimeout, VolumeError } from '../core/errors.ts';
import type { PrivateDirectory } from '../core/private.ts';
import type { Pulse } from '../core/pulse.ts';
import type { Holder } from '../core/run.ts';
import { readHolder } from './holder.ts';
import { openDatabase, openIn, refusalOf, resultOf, swapped, WITHOUT_FILES } from './sqlite.ts';

const FILE = 'lock';
const SQLITE_BUSY = 5;
/** `lock-` and 128 random bits. */
const SECRET = /^lock-[0-9a-f]{32}$/;
/** Milliseconds between two tries, and between two lines about the wait. */
const FIRST_PAUSE = 5;
const LONGEST_PAUSE = 250;
const ANNOUNCE_EVERY = 10_000;
/**
 * Milliseconds for which whoever only looks may keep a seeder from the lock, whatever the timeout: looking takes microseconds,
 * but a process can be held up in between, by a processor that is busy or a container's share of it that is used up.
 */
const A_LOOK = 2000;

export interface Waiting {
  readonly holder: Holder | undefined;
  /** Milliseconds so far. */
  readonly waited: number;
}

export interface Terms {
  /** Milliseconds; 0 fails at once. */
  readonly timeout: number;
  readonly pulse: Pulse;
  /** Told once when the wait begins, then every 10 s. */
  readonly announce: (waiting: Waiting) => void;
}

interface Opened {
  readonly database: DatabaseSync;
  /** The name that it was opened by. */
  readonly name: string;
}

export class Lock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  static async acquire(directory: PrivateDirectory, terms: Terms): Promise<Lock> {
    try {
      return await Lock.#acquire(directory, terms);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) throw error;
      const message = `the lock ${directory.shownAs}/${FILE} cannot be taken: ${refusal}; mend that, or choose another place with --state-dir`;
      throw new VolumeError(message, { cause: error });
    }
  }

  static async #acquire(directory: PrivateDirectory, { timeout, pulse, announce }: Terms): Promise<Lock> {
    const { database, name } = openLock(directory);
    const giveUp = (): void => {
      database.close();
      if (name !== FILE) directory.remove(name);
    };
    const began = process.hrtime.bigint();
    let announced = -ANNOUNCE_EVERY;
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      if (tryLock(database)) {
        if (!directory.holdsOpen(FILE)) {
          giveUp();
          throw swapped(directory);
        }
        forgetOthers(directory, name);
        return new Lock(database);
      }
      const waited = Number(process.hrtime.bigint() - began) / 1e6;
      const grace = isTaken(database) ? 0 : A_LOOK;
      const limit = Math.max(timeout, grace);
      if (waited >= limit) {
        giveUp();
        throw new LockTimeout(describe(directory, readHolder(directory), waited));
      }
      if (waited >= grace && waited - announced >= ANNOUNCE_EVERY) {
        announced = waited;
        announce({ holder: readHolder(directory), waited });
      }
      await new Promise((resolve) => setTimeout(resolve, Math.min(pause, limit - waited)));
      try {
        await pulse.beat();
      } catch (error) {
        giveUp();
        throw error;
      }
    }
  }

  /** The second name stays, until the next seeder has its own: those who look need one that nobody can guess, too. */
  release(): void {
    this.#database.close();
  }
}

/** Whether a seeder is at work. Asking keeps nobody from the lock for longer than it takes; nothing is written. */
export function isHeld(directory: PrivateDirectory): boolean {
  if (!directory.holdsEmptyFile(FILE)) return false;
  const name = directory.names().find((each) => SECRET.test(each)) ?? FILE;
  const database = openIn(directory, name, 'to look');
  // A seeder that begins takes the names of those before it away.
  if (database === undefined) return true;
  try {
    return isTaken(database);
  } finally {
    database.close();
  }
}

/** By a seeder; all who only look share it. */
function isTaken(database: DatabaseSync): boolean {
  try {
    database.exec(WITHOUT_FILES);
    database.prepare('SELECT 1 FROM sqlite_schema').get();
    return false;
  } catch (error) {
    return resultOf(error) === SQLITE_BUSY;
  }
}

/** `BEGIN EXCLUSIVE` on an empty database writes nothing: it is the lock and only the lock. */
function tryLock(database: DatabaseSync): boolean {
  try {
    database.exec(`${WITHOUT_FILES} BEGIN EXCLUSIVE`);
    return true;
  } catch (error) {
    if (resultOf(error) === SQLITE_BUSY) return false;
    throw error;
  }
}

function openLock(directory: PrivateDirectory): Opened {
  for (;;) {
    if (!directory.exists(FILE)) createQuietly(directory);
    // RACE: of two seeders that find something in it at once, one may lock the file that the other then replaces.
    if (!directory.holdsEmptyFile(FILE)) directory.replace(FILE, new Uint8Array(), false);
    const name = `${FILE}-${directory.token(16)}`;
    // Where the file system has no hard links, what a swap would lead to is told by `holdsOpen`, and a journal is not guarded against.
    if (!directory.link(FILE, name)) return { database: openDatabase(`${directory.path}/${FILE}`), name: FILE };
    const database = openIn(directory, name);
    if (database !== undefined) return { database, name };
    // The holder, who has just got the lock, took it for that of a dead one.
  }
}

/** The names of those who died, and of those who wait and have it open already. The holder's own stays, for those who look. */
function forgetOthers(directory: PrivateDirectory, own: string): void {
  for (const name of directory.names()) if (name !== own && SECRET.test(name)) directory.remove(name);
}

/** Two seeders may come at the same time; either's file serves both. */
function createQuietly(directory: PrivateDirectory): void {
  try {
    directory.create(FILE, new Uint8Array());
  } catch (error) {
    if (!directory.exists(FILE)) throw error;
  }
}

function describe(directory: PrivateDirectory, holder: Holder | undefined, waited: number): string {
  const who = holder === undefined ? 'another seeder' : nameHolder(holder);
  const seconds = waited < 1000 ? '' : ` after ${Math.round(waited / 1000)} s`;
  return `${who} holds the lock ${directory.shownAs}/${FILE}${seconds}; wait for it, or give it longer with --lock-timeout`;
}

export function nameHolder({ run, mode, host, since }: Holder): string {
  return `${mode} ${run} on host ${host} (since ${since})`;
}
