// A journal as a writer that died leaves it: SQLite plays it back into whatever bears the database's name.
import fs from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** Makes a database, and beside it, as `DATABASE-journal`, the journal of a change to it that was never completed. */
export function makeHotJournal(database: string): void {
  const path = `${database}.making`;
  const making = new DatabaseSync(path);
  making.exec('PRAGMA journal_mode=DELETE; CREATE TABLE t (x)');
  for (let row = 0; row < 100; row++) making.exec('INSERT INTO t VALUES (hex(randomblob(500)))');
  making.exec('PRAGMA cache_size=1; PRAGMA cache_spill=1; BEGIN; UPDATE t SET x = hex(randomblob(500))');
  fs.copyFileSync(path, database);
  fs.copyFileSync(`${path}-journal`, `${database}-journal`);
  making.exec('ROLLBACK');
  making.close();
  fs.rmSync(path);
}
