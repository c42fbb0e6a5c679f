/** node:sqlite, loaded when first used. */
import type { DatabaseSync } from 'node:sqlite';

/** Opens an existing database file; never creates one. Nothing is read or locked before the first statement. */
export function openDatabase(path: string): DatabaseSync {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  return new DatabaseSync(locate(path, { mode: 'rw' }));
}

/**
 * The same to read only.
 * @param immutable the file never changes: no lock is asked for, and none of its companions is looked at.
 */
export function readDatabase(path: string, { immutable }: { readonly immutable: boolean }): DatabaseSync {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  return new DatabaseSync(locate(path, { mode: 'ro', immutable: immutable ? '1' : '0' }), { readOnly: true });
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
