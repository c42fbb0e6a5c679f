/** node:sqlite, loaded when first used. */
import type { DatabaseSync } from 'node:sqlite';

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
