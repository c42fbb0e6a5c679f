/** node:sqlite, loaded when first used. */
import type { DatabaseSync } from 'node:sqlite';

/** Opens an existing database file; never creates one. Nothing is read or locked before the first statement. */
export function openDatabase(path: string): DatabaseSync {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  const url = new URL(`file://${path.split('/').map(encodeURIComponent).join('/')}`);
  url.searchParams.set('mode', 'rw');
  return new DatabaseSync(url);
}

/**
 * Said first on every connection: no file is ever made beside the database. SQLite resolves the path it was given, so whoever
 * swaps the state directory for a link would else choose where a journal is created, or have a planted one played back
 * (docs/state.md). The caller answers for what a crash leaves.
 */
export const WITHOUT_FILES = 'PRAGMA journal_mode=MEMORY; PRAGMA temp_store=MEMORY;';
