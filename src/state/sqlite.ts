/** node:sqlite, loaded when first used. */
import type { DatabaseSync } from 'node:sqlite';

/** Opens an existing database file; never creates one. Nothing is read or locked before the first statement. */
export function openDatabase(path: string): DatabaseSync {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  return new DatabaseSync(locate(path, { mode: 'rw' }));
}

/** The same to read only. */
export function readDatabase(path: string): DatabaseSync {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  return new DatabaseSync(locate(path, { mode: 'ro' }), { readOnly: true });
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
