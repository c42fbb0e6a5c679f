/**
 * `state.db`: what has been done to this volume. Readers see it whole at any time, because it is never written in place: a copy
 * under a name that nobody can guess is changed, put on the disk, and renamed over it. Only the holder of the lock writes.
 */
import type { DatabaseSync } from 'node:sqlite';
import { VolumeError } from '../core/errors.ts';
import type { PrivateDirectory } from '../core/private.ts';
import type { Consumed, Run } from '../core/run.ts';
import { openIn, refusalOf, resultOf, swapped, WITHOUT_FILES } from './sqlite.ts';

export const FILE = 'state.db';
const VERSION = 2;
/** SQLite's results for a database that is malformed, or none. */
const DAMAGED = new Set([11, 26]);
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
/** Resets with an id, each done once. Since version 2. */
const RESETS = `CREATE TABLE resets (
    id TEXT PRIMARY KEY,
    run TEXT NOT NULL,
    applied TEXT NOT NULL
  ) STRICT`;
const SCHEMAS: Readonly<Record<number, readonly string[]>> = { 1: [TABLE], 2: [TABLE, RESETS] };

/** Undefined where the id was never used, or the state cannot be read. */
export function findReset(directory: PrivateDirectory, id: string): Consumed | undefined {
  if (!directory.exists(FILE)) return undefined;
  const copy = `state-${directory.token(16)}.db`;
  const content = directory.read(FILE);
  if (content === undefined) return undefined;
  try {
    directory.create(copy, withoutLog(content));
    return inCopy(directory, copy, (database) => {
      if (versionIn(database) !== VERSION) return undefined;
      const row = database.prepare('SELECT id, run, applied FROM resets WHERE id = ?').get(id);
      return row && { id, run: String(row['run']), applied: String(row['applied']) };
    });
  } catch (error) {
    throw asKnown(error, directory);
  } finally {
    directory.remove(copy);
  }
}

/**
 * Adds runs to the state, or brings them up to date.
 * @param durable whether it is on the disk when this returns.
 * @param keepRuns how many of the latest stay.
 * @returns the name that a state which could not be read was moved to; what it knew is lost, what is in the volume is not.
 */
export function recordRuns(
  directory: PrivateDirectory,
  runs: readonly Run[],
  durable: boolean,
  reset?: Consumed,
  keepRuns = KEEP_RUNS,
): string | undefined {
  const copy = `state-${directory.token(16)}.db`;
  const change = (database: DatabaseSync): void => write(database, runs, keepRuns, reset);
  try {
    const movedAside = goOn(directory, copy, change) ? undefined : beginAnew(directory, copy, change);
    directory.rename(copy, FILE, durable);
    return movedAside;
  } catch (error) {
    directory.remove(copy);
    throw asKnown(error, directory);
  }
}

type Change = (database: DatabaseSync) => void;

/** Changes a copy of the state; false, and without a copy, where there is none that can be gone on with. */
function goOn(directory: PrivateDirectory, copy: string, change: Change): boolean {
  const content = directory.read(FILE);
  if (content === undefined || !isKnownFormat(content)) return false;
  directory.create(copy, withoutLog(content));
  try {
    const isDone = inCopy(directory, copy, (database) => {
      const version = versionIn(database);
      if (version === 1) create(database, [RESETS]);
      if (version !== undefined) change(database);
      return version !== undefined;
    });
    if (isDone) return true;
  } catch (error) {
    // Some damage comes out only when it is written to.
    if (!DAMAGED.has(resultOf(error) ?? 0)) throw error;
  }
  directory.remove(copy);
  return false;
}

/** @returns the name that what has that of the state was moved to; undefined where nothing had it. */
function beginAnew(directory: PrivateDirectory, copy: string, change: Change): string | undefined {
  const movedAside = directory.exists(FILE) ? `${FILE}.corrupt-${timestamp()}` : undefined;
  if (movedAside !== undefined) directory.rename(FILE, movedAside, false);
  directory.create(copy, new Uint8Array());
  inCopy(directory, copy, (database) => {
    create(database, [TABLE, RESETS]);
    change(database);
  });
  return movedAside;
}

/** Only the holder of the lock makes copies, and takes them away. */
function inCopy<T>(directory: PrivateDirectory, copy: string, action: (database: DatabaseSync) => T): T {
  const database = openIn(directory, copy);
  if (database === undefined) throw swapped(directory);
  try {
    return action(database);
  } finally {
    database.close();
  }
}

function asKnown(error: unknown, { shownAs }: PrivateDirectory): unknown {
  const refusal = refusalOf(error);
  if (refusal === undefined) return error;
  const message = `the state in ${shownAs} could not be written: ${refusal}; make room or mend that, or see --state-dir, and run again`;
  return new VolumeError(message, { cause: error });
}

/** Removes copies that died before they became the state, and what was to replace its other files. */
export function sweepCopies(directory: PrivateDirectory, names: readonly string[]): void {
  for (const name of names)
    if (/^(state-[0-9a-f]{32}\.db|(holder\.json|base|journal|lock)\.[0-9a-f]{16})$/.test(name)) directory.remove(name);
}

/** Whether this SQLite writes what it reads (fileformat2, offsets 18 and 19); what is later it only reads. */
function isKnownFormat(content: Uint8Array): boolean {
  return (content[18] ?? 0) <= 2 && (content[19] ?? 0) <= 2;
}

function create(database: DatabaseSync, tables: readonly string[]): void {
  database.exec(`${WITHOUT_FILES} PRAGMA synchronous=OFF; ${tables.join('; ')}; PRAGMA user_version = ${VERSION}`);
}

/** Undefined where it is no state of ours. */
function versionIn(database: DatabaseSync): number | undefined {
  try {
    return versionOf(database);
  } catch (error) {
    // A state that could not be read now is not one that cannot be read at all.
    if (refusalOf(error) !== undefined) throw error;
    return undefined;
  }
}

/** Undefined where it is no state of ours; throws where it is no database at all. */
export function versionOf(database: DatabaseSync): number | undefined {
  database.exec(WITHOUT_FILES);
  const check = database.prepare('PRAGMA integrity_check(1)').get() as { integrity_check?: unknown } | undefined;
  const version = database.prepare('PRAGMA user_version').get() as { user_version?: unknown } | undefined;
  const schema = database.prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid').all();
  const known = Number(version?.user_version);
  const expected = SCHEMAS[known]?.map(plain).join(';');
  const isOurs = schema.map(({ sql }) => plain(String(sql))).join(';') === expected;
  return check?.integrity_check === 'ok' && isOurs ? known : undefined;
}

/** Somebody who looked at it may have left it in the mode of a write-ahead log, which is a second file (fileformat2, offset 18). */
export function withoutLog(content: Uint8Array): Uint8Array {
  // Not `from`, which goes byte by byte: for 200 runs that took longer than all the rest of a start.
  const copy = new Uint8Array(content);
  if (copy[18] === 2 && copy[19] === 2) copy.fill(1, 18, 20);
  return copy;
}

function plain(sql: string): string {
  return sql.replaceAll(/\s+/g, ' ');
}

function write(database: DatabaseSync, runs: readonly Run[], keepRuns: number, reset: Consumed | undefined): void {
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
  if (reset !== undefined) {
    database.prepare('INSERT OR REPLACE INTO resets VALUES (?, ?, ?)').run(reset.id, reset.run, reset.applied);
  }
  database.exec(
    `DELETE FROM runs WHERE id NOT IN (SELECT id FROM runs ORDER BY started DESC, id DESC LIMIT ${keepRuns}); COMMIT`,
  );
}

function timestamp(): string {
  return new Date().toISOString().replaceAll(/[-:]/g, '').replace(/\.\d+/, '');
}
