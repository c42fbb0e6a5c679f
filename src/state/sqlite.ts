/** node:sqlite, loaded when first used. */
import type { DatabaseSync } from 'node:sqlite';
import { Refused } from '../core/errors.ts';
import type { PrivateDirectory } from '../core/private.ts';

/** SQLite's primary result codes (sqlite3.h) for what the system under it refused, with the words for people. */
const REFUSALS: Readonly<Record<number, string>> = {
  3: 'permission denied',
  7: 'out of memory',
  8: 'it is read-only',
  10: 'input/output error',
  13: 'no space left on the file system',
  14: 'it cannot be opened',
  15: 'the file system has no locks that work',
  22: 'the file system is too old for it',
};

/** What SQLite's own result was; undefined for an error of anybody else. */
export function resultOf(error: unknown): number | undefined {
  const { errcode } = error as { errcode?: unknown };
  // The lowest byte; the others say more about it.
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
}

/** The words for what the system refused; undefined where an error is another, as that of a file which is no database. */
export function refusalOf(error: unknown): string | undefined {
  return REFUSALS[resultOf(error) ?? 0];
}

/** Opens an existing database file; never creates one. Nothing is read or locked before the first statement. */
export function openDatabase(path: string): DatabaseSync {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  return new DatabaseSync(locate(path, { mode: 'rw' }));
}

/** The same to read only. */
function readDatabase(path: string): DatabaseSync {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  return new DatabaseSync(locate(path, { mode: 'ro' }), { readOnly: true });
}

const SQLITE_CANTOPEN = 14;
/** Whoever swaps the directory all the time has it away for half of that. */
const TRIES = 100;

/**
 * Opens a file of a private directory that bears a name which nobody else can know. SQLite goes there by path: where that leads
 * elsewhere, because somebody has just swapped the directory, there is no such file, and it is tried again.
 * Undefined where the directory has no such file any more; throws `Refused` where it was swapped each time.
 */
export function openIn(
  directory: PrivateDirectory,
  name: string,
  how: 'to change' | 'to look' = 'to change',
): DatabaseSync | undefined {
  for (let left = TRIES; left > 0; left--) {
    try {
      const path = `${directory.path}/${name}`;
      return how === 'to change' ? openDatabase(path) : readDatabase(path);
    } catch (error) {
      if (resultOf(error) !== SQLITE_CANTOPEN) throw error;
      if (!directory.exists(name)) return undefined;
    }
  }
  throw swapped(directory);
}

export function swapped({ shownAs }: PrivateDirectory): Refused {
  return new Refused(
    `${shownAs} was swapped while the state in it was opened; see who else writes to the volume, and run again`,
  );
}

/** A database in memory with the content of a file; undefined where this runtime cannot do that (Node 26 is the first). */
export function databaseIn(content: Uint8Array): DatabaseSync | undefined {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  const database = new DatabaseSync(':memory:') as DatabaseSync & { deserialize?: (content: Uint8Array) => void };
  if (database.deserialize !== undefined) {
    database.deserialize(content);
    return database;
  }
  database.close();
  return undefined;
}

/**
 * Opens a file that never changes, and of which nothing is written: no lock is asked for, and none of its companions is looked
 * at. Not as read only, because open(2) would then wait at a FIFO that somebody has put in its place.
 */
export function readSettled(path: string): DatabaseSync {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  return new DatabaseSync(locate(path, { mode: 'rw', immutable: '1' }));
}

function locate(path: string, parameters: Readonly<Record<string, string>>): URL {
  const url = new URL(`file://${path.split('/').map(encodeURIComponent).join('/')}`);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url;
}

/**
 * Said first on every connection: no file is ever made beside the database. SQLite resolves the path it was given, so whoever
 * swaps the state directory for a link would else choose where a journal is created, or have a planted one played back
 * (docs/state.md). The caller answers for what a crash leaves.
 */
export const WITHOUT_FILES = 'PRAGMA journal_mode=MEMORY; PRAGMA temp_store=MEMORY;';
