// A state that somebody else has written: it is moved aside and said, or shown escaped; it leads nowhere, and no edit is lost.
import fs from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { Base, type Based } from '../../src/core/base.ts';
import type { RelPath } from '../../src/core/path.ts';
import { Anchor } from '../../src/fs/anchor.ts';
import { sha256 } from '../../src/core/sha256.ts';
import { StateDirectory } from '../../src/fs/private.ts';
import { writeBase } from '../../src/state/base.ts';
import { place } from '../fs/place.ts';
import { changesBy, ground, makeDirectory, type Ground } from '../support/probe.ts';
import { volseed, type Result } from '../support/volseed.ts';

const merge = (on: Ground, ...options: readonly string[]): Result =>
  volseed(['sync', '--policy', 'merge', ...on.where, ...options]);

/** Seeded, edited, and with a directory outside that has what the volume has. */
function seeded(): Ground & { readonly outside: string } {
  place();
  const on = ground();
  expect(merge(on).code).toBe(0);
  fs.appendFileSync(`${on.volume}/tables/t1.csv`, 'edited');
  const outside = makeDirectory(on.root, 'outside');
  fs.writeFileSync(`${outside}/f`, 'theirs');
  return { ...on, outside };
}

const SQL = {
  'a trigger': 'CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM runs; END',
  'a view in the place of a table': 'DROP TABLE runs; CREATE VIEW runs AS SELECT * FROM resets',
  'one more table': "CREATE TABLE more (x); INSERT INTO more VALUES ('../outside/f')",
  'one more column': 'ALTER TABLE runs ADD COLUMN more TEXT',
  'a version of the future': 'PRAGMA user_version=3',
  'an index with an expression': 'CREATE INDEX i ON runs (length(id))',
  'another encoding':
    "VACUUM; PRAGMA writable_schema=1; UPDATE sqlite_schema SET sql = 'CREATE TABLE runs (x)' WHERE name = 'runs'",
} as const;

describe('a state.db with', () => {
  it.each(Object.entries(SQL))('%s is moved aside, said, and begun anew', (_, sql) => {
    const on = seeded();
    const database = new DatabaseSync(`${on.volume}/.volseed/state.db`);
    database.enableDefensive?.(false);
    database.exec(sql);
    database.close();
    const { code, stderr } = merge(on);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(
        /^[^\n]*could not be read; it was moved to state\.db\.corrupt-[^\n]*\n$/,
      ) as unknown,
    });
    expect(merge(on).stderr).toBe('');
    expect(fs.readFileSync(`${on.volume}/tables/t1.csv`, 'utf8')).toContain('edited');
  });

  it.each([
    '../../outside/f',
    '/outside',
    'a\nforged line',
    '\u{1b}[2J',
    'x'.repeat(100_000),
    '\0',
    '-1',
    '9'.repeat(400),
  ])('rows of %j is shown on lines of its own making to nobody', (text) => {
    const on = seeded();
    const database = new DatabaseSync(`${on.volume}/.volseed/state.db`);
    database
      .prepare("INSERT INTO runs VALUES (?, ?, ?, ?, 'completed', ?, ?, ?, ?)")
      .run(...Array<string>(8).fill(text));
    database.prepare('INSERT INTO resets VALUES (?, ?, ?)').run(text, text, text);
    database.close();
    const { result, changed } = changesBy(on.root, () => volseed(['status', ...on.where]));
    expect({ code: result.code, changed }).toEqual({ code: 0, changed: [] });
    for (const forged of ['\nforged line', '\u{1b}', '\0']) expect(result.stdout).not.toContain(forged);
    const { changed: harm } = changesBy(on.outside, () => expect(merge(on, '--prune').code).toBe(0));
    expect(harm).toEqual([]);
  });
});

describe('a base that is whole, and has', () => {
  it.each(['../outside/f', 'tables/../../outside/f', '/etc/passwd', './tables/t1.csv', 'a//b', 'tables/\0'])(
    '%j among its paths is moved aside, and prunes nothing outside',
    (path) => {
      const on = seeded();
      const content = sha256(Buffer.from('theirs'));
      const { mode, uid, gid, mtimeMs } = fs.statSync(`${on.outside}/f`);
      const file: Based = {
        kind: 'file',
        mode: mode & 0o7777,
        uid,
        gid,
        seconds: Math.floor(mtimeMs / 1000),
        nanoseconds: 0,
        size: 6,
        content,
        volume: undefined,
        seed: undefined,
      };
      const base = new Base();
      base.set(path as RelPath, file);
      const anchor = Anchor.open(on.volume);
      const state = StateDirectory.open(anchor, undefined);
      writeBase(state, base, { seedDigest: null, rules: '', complete: false, same: 0, open: [] }, false);
      state[Symbol.dispose]();
      anchor.close();
      const { result, changed } = changesBy(on.outside, () => merge(on, '--prune', '--max-deletes', '100%'));
      expect(changed).toEqual([]);
      expect(result).toMatchObject({ code: 0, stderr: expect.stringContaining('the base in') as unknown });
      expect(fs.readFileSync(`${on.volume}/tables/t1.csv`, 'utf8')).toContain('edited');
    },
  );
});
