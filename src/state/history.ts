/** What `state.db` has recorded, for those who only read: nothing is locked, made or written. */
import { VolumeError } from '../core/errors.ts';
import type { PrivateDirectory } from '../core/private.ts';
import { MODES, noTotals, STATUSES, type Consumed, type Run, type Totals } from '../core/run.ts';
import type { History } from '../core/survey.ts';
import { databaseIn, readSettled, refusalOf } from './sqlite.ts';
import { FILE, versionOf, withoutLog } from './store.ts';

/** Undefined where nothing is recorded; 'damaged' where it is not a state of ours. */
export function readHistory(directory: PrivateDirectory): History | 'damaged' | undefined {
  if (!directory.exists(FILE)) return undefined;
  try {
    const content = directory.read(FILE);
    if (content === undefined) return 'damaged';
    using database = databaseIn(withoutLog(content)) ?? readSettled(`${directory.path}/${FILE}`);
    const version = versionOf(database);
    if (version === undefined) return 'damaged';
    const runs = database.prepare('SELECT * FROM runs ORDER BY started DESC, id DESC').all();
    const resets = version < 2 ? [] : database.prepare('SELECT * FROM resets ORDER BY applied DESC').all();
    return {
      runs: runs.map(runOf),
      resets: resets.map(({ id, run, applied }) => ({ id: String(id), run: String(run), applied: String(applied) })),
    };
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) return 'damaged';
    throw new VolumeError(`the state in ${directory.shownAs} cannot be read: ${refusal}; mend that, and try again`, {
      cause: error,
    });
  }
}

/** The run that carried out the reset of this id, if there is one on record. */
export function consumedIn(directory: PrivateDirectory, resetId: string): Consumed | undefined {
  const history = readHistory(directory);
  return typeof history === 'object' ? history.resets.find(({ id }) => id === resetId) : undefined;
}

type Row = Readonly<Record<string, unknown>>;

/** Whatever the row holds: it is only shown. */
function runOf(row: Row): Run {
  const text = (name: string): string | null => {
    const value = row[name];
    return typeof value === 'string' ? value : null;
  };
  return {
    id: String(row['id']),
    mode: MODES.find((mode) => mode === row['mode']) ?? 'sync',
    started: String(row['started']),
    finished: text('finished'),
    status: STATUSES.find((status) => status === row['status']) ?? 'interrupted',
    seedDigest: text('seed_digest'),
    imageVersion: text('image_version'),
    totals: totalsOf(text('counts')),
    error: text('error'),
  };
}

function totalsOf(counts: string | null): Totals | null {
  if (counts === null) return null;
  try {
    const found = JSON.parse(counts) as Partial<Totals> | null;
    const totals = { ...noTotals() };
    for (const name of ['created', 'updated', 'corrected', 'removed', 'same', 'problems', 'retried', 'bytes'] as const)
      totals[name] = numberOf(found?.[name]);
    totals.kept = Object.fromEntries(
      Object.entries(found?.kept ?? {}).map(([reason, value]) => [reason, numberOf(value)]),
    );
    return totals;
  } catch {
    return null;
  }
}

function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}
