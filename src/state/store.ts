/**
 * `state.db`: what has been done to this volume. Readers see it whole at any time, because it is never written in place: a copy
 * under a name that nobody can guess is changed, put on the disk, and renamed over it. Only the holder of the lock writes.
 */
import { randomBytes } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import type { PrivateDirectory } from '../core/private.ts';
import type { Run } from '../core/run.ts';
import { openDatabase, WITHOUT_FILES } from './sqlite.ts';

const FILE = 'state.db';
const VERSION = 1;
const KEEP_RUNS = 200;
const TABLE = `CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    mode TEXT NOT NULL,
    started TEXT NOT NULL,
    finished TEXT,
    status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'failed', 'interrupted')),
    seed_digest TEXT,
    image_version TEXT,
    counts TEXT,
    error TEXT
  ) STRICT`;

/**
 * Adds runs to the state, or brings them up to date.
 * @param durable whether it is on the disk when this returns.
 * @returns the name that a state which could not be read was moved to; what it knew is lost, what is in the volume is not.
 */
export function recordRuns(directory: PrivateDirectory, runs: readonly Run[], durable: boolean): string | undefined {
  const copy = `state-${randomBytes(16).toString('hex')}.db`;
  try {
    const movedAside = prepareCopy(directory, copy);
    const database = openDatabase(`${directory.path}/${copy}`);
    try {
      write(database, runs);
    } finally {
      database.close();
    }
    directory.rename(copy, FILE, durable);
    return movedAside;
  } catch (error) {
    directory.remove(copy);
    throw error;
  }
}

/** Removes copies that died before they became the state. */
export function sweepCopies(directory: PrivateDirectory, names: readonly string[]): void {
  for (const name of names)
    if (/^(state-[0-9a-f]{32}\.db|holder\.json\.[0-9a-f]{16})$/.test(name)) directory.remove(name);
}

function prepareCopy(directory: PrivateDirectory, copy: string): string | undefined {
  const content = directory.read(FILE);
  if (content !== undefined) {
    directory.create(copy, withoutLog(content));
    if (isValid(`${directory.path}/${copy}`)) return undefined;
    directory.remove(copy);
  }
  const movedAside = content === undefined && !directory.exists(FILE) ? undefined : `${FILE}.corrupt-${timestamp()}`;
  if (movedAside !== undefined) directory.rename(FILE, movedAside, false);
  directory.create(copy, new Uint8Array());
  const database = openDatabase(`${directory.path}/${copy}`);
  try {
    database.exec(`${WITHOUT_FILES} ${TABLE}; PRAGMA user_version = ${VERSION}`);
  } finally {
    database.close();
  }
  return movedAside;
}

function isValid(path: string): boolean {
  let database: DatabaseSync | undefined;
  try {
    database = openDatabase(path);
    database.exec(WITHOUT_FILES);
    const check = database.prepare('PRAGMA quick_check(1)').get() as { quick_check?: unknown } | undefined;
    const version = database.prepare('PRAGMA user_version').get() as { user_version?: unknown } | undefined;
    const schema = database.prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL').all();
    const isOurs = schema.length === 1 && plain(String(schema[0]?.['sql'])) === plain(TABLE);
    return check?.quick_check === 'ok' && version?.user_version === VERSION && isOurs;
  } catch {
    return false;
  } finally {
    database?.close();
  }
}

/** Somebody who looked at it may have left it in the mode of a write-ahead log, which is a second file (fileformat2, offset 18). */
function withoutLog(content: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(content);
  if (copy[18] === 2 && copy[19] === 2) copy.fill(1, 18, 20);
  return copy;
}

function plain(sql: string): string {
  return sql.replaceAll(/\s+/g, ' ');
}

function write(database: DatabaseSync, runs: readonly Run[]): void {
  // The copy is thrown away if this dies; what is on the disk is settled by the rename.
  database.exec(`${WITHOUT_FILES} PRAGMA synchronous=OFF; BEGIN`);
  const insert = database.prepare('INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  for (const run of runs) {
    const counts = run.totals === null ? null : JSON.stringify(run.totals);
    insert.run(
      run.id,
      run.mode,
      run.started,
      run.finished,
      run.status,
      run.seedDigest,
      run.imageVersion,
      counts,
      run.error,
    );
  }
  database.exec(
    `DELETE FROM runs WHERE id NOT IN (SELECT id FROM runs ORDER BY started DESC, id DESC LIMIT ${KEEP_RUNS}); COMMIT`,
  );
}

function timestamp(): string {
  return new Date().toISOString().replaceAll(/[-:]/g, '').replace(/\.\d+/, '');
}
