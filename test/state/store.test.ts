import fs from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { noTotals } from '../../src/core/run.ts';
import { recordRuns, sweepCopies } from '../../src/state/store.ts';
import { firstNumber, Random } from '../support/random.ts';
import { ground, namesDuring, run } from './ground.ts';

/** What a reader of the state finds. */
function rows(at: string): Record<string, unknown>[] {
  const database = new DatabaseSync(`${at}/state.db`, { readOnly: true });
  try {
    return database
      .prepare('SELECT * FROM runs ORDER BY id')
      .all()
      .map((row) => ({ ...row }));
  } finally {
    database.close();
  }
}

const ids = (at: string): unknown[] => rows(at).map(({ id }) => id);

function sqlite(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

describe('the record of runs', () => {
  it('holds all that is known of a run', () => {
    const { state, at } = ground();
    const totals = { ...noTotals(), created: 3 };
    recordRuns(
      state,
      [run('1', { finished: 'then', imageVersion: 'v1', seedDigest: 'd', totals, error: 'none' })],
      true,
    );
    expect(rows(at)).toEqual([
      {
        id: '1',
        mode: 'sync',
        started: '2026-01-01T00:00:00.1Z',
        finished: 'then',
        status: 'completed',
        seed_digest: 'd',
        image_version: 'v1',
        counts: JSON.stringify(totals),
        error: 'none',
      },
    ]);
  });

  it('is added to, and a run in it is brought up to date', () => {
    const { state, at } = ground();
    expect(recordRuns(state, [run('1', { status: 'running' })], false)).toBeUndefined();
    expect(recordRuns(state, [run('2'), run('1')], false)).toBeUndefined();
    expect(rows(at)).toMatchObject([
      { id: '1', status: 'completed' },
      { id: '2', status: 'completed' },
    ]);
  });

  it('keeps the last two hundred', () => {
    const { state, at } = ground();
    recordRuns(
      state,
      Array.from({ length: 205 }, (_, n) => run(String(1000 + n))),
      false,
    );
    expect(ids(at)).toEqual(Array.from({ length: 200 }, (_, n) => String(1005 + n)));
  });

  it('is whole at any time for whoever reads it meanwhile', () => {
    const { state, at } = ground();
    recordRuns(state, [run('1')], false);
    const held = new DatabaseSync(`${at}/state.db`, { readOnly: true });
    recordRuns(state, [run('2')], true);
    expect(held.prepare('SELECT id FROM runs').all()).toHaveLength(1);
    held.close();
    expect(ids(at)).toEqual(['1', '2']);
  });
});

const valid = (): Uint8Array => {
  const { state, at } = ground();
  recordRuns(
    state,
    Array.from({ length: 50 }, (_, n) => run(String(n), { error: 'x'.repeat(500) })),
    false,
  );
  return fs.readFileSync(`${at}/state.db`);
};
const spoilt = (from: number, length: number) => {
  const bytes = Buffer.from(valid());
  bytes.fill(0x55, from, from + length);
  return bytes;
};
const made = (sql: string) => (at: string) => sqlite(`${at}/state.db`, sql);
const written = (content: () => Uint8Array | string) => (at: string) => fs.writeFileSync(`${at}/state.db`, content());

describe('a state that cannot be used', () => {
  const RUNS = `CREATE TABLE runs (id TEXT PRIMARY KEY, mode TEXT NOT NULL, started TEXT NOT NULL, finished TEXT,
    status TEXT NOT NULL, seed_digest TEXT, image_version TEXT, counts TEXT, error TEXT) STRICT;`;

  it.each<[what: string, make: (at: string) => void]>([
    ['text', written(() => 'no database at all')],
    ['a file of noughts', written(() => new Uint8Array(8192))],
    ['cut off in the middle of a page', written(() => valid().subarray(0, 5000))],
    ['cut off after its first page', written(() => valid().subarray(0, 4096))],
    ['cut off before its last page', written(() => valid().subarray(0, valid().length - 4096))],
    ['spoilt in its header', written(() => spoilt(0, 20))],
    ['spoilt in its schema', written(() => spoilt(3500, 500))],
    ['spoilt in its pages', written(() => spoilt(4096, 4096))],
    ['a database of something else', made('CREATE TABLE accounts (id); PRAGMA user_version = 1')],
    ['a database without a table', made('PRAGMA user_version = 1')],
    ['of a newer version', made(`${RUNS} PRAGMA user_version = 2`)],
    ['of no version', made(RUNS)],
    ['of another shape of the same version', made('CREATE TABLE runs (id, note); PRAGMA user_version = 1')],
    [
      'of more columns of the same version',
      made(`${RUNS} ALTER TABLE runs ADD COLUMN extra TEXT; PRAGMA user_version = 1`),
    ],
    [
      'with a trigger in it',
      made(`${RUNS} CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM runs; END; PRAGMA user_version = 1`),
    ],
    ['a view by the name of the table', made('CREATE VIEW runs AS SELECT 1 AS id; PRAGMA user_version = 1')],
    ['a directory', (at) => fs.mkdirSync(`${at}/state.db`)],
    ['a link', (at) => fs.symlinkSync('elsewhere', `${at}/state.db`)],
  ])('(%s) is moved aside and said, and a new one begun', (_, make) => {
    const { state, at } = ground();
    make(at);
    const before = fs.lstatSync(`${at}/state.db`);
    const aside = recordRuns(state, [run('new')], true) ?? 'nothing';
    expect(aside).toMatch(/^state\.db\.corrupt-\d{8}T\d{6}Z$/);
    expect(fs.lstatSync(`${at}/${aside}`)).toMatchObject({ ino: before.ino, size: before.size });
    expect(ids(at)).toEqual(['new']);
    expect(state.names().toSorted()).toEqual(['state.db', aside]);
    expect(recordRuns(state, [run('newer')], true)).toBeUndefined();
  });

  it('is not an empty one, as a crash in the midst of making it may leave: that is moved aside too', () => {
    const { state, at } = ground();
    fs.writeFileSync(`${at}/state.db`, '');
    expect(recordRuns(state, [run('new')], true)).toMatch(/^state\.db\.corrupt-/);
    expect(ids(at)).toEqual(['new']);
  });
});

describe('no file is ever made beside the state', () => {
  const EXPECTED = /^(state\.db|state\.db\.corrupt-\w+|state-[0-9a-f]{32}\.db)$/;

  it('by recording', async () => {
    const { state, at } = ground();
    const names = await namesDuring(at, () => {
      recordRuns(state, [run('1')], true);
      recordRuns(state, [run('2', { error: 'x'.repeat(100_000) })], true);
    });
    expect([...names].filter((name) => !EXPECTED.test(name))).toEqual([]);
    expect(names.size).toBeGreaterThan(2);
    expect(state.names()).toEqual(['state.db']);
  });

  it.each(['WAL', 'DELETE', 'PERSIST', 'TRUNCATE'])(
    'though the one found was left in journal mode %s',
    async (mode) => {
      const { state, at } = ground();
      recordRuns(state, [run('1')], false);
      sqlite(`${at}/state.db`, `PRAGMA journal_mode=${mode}; UPDATE runs SET error = 'x'`);
      fs.rmSync(`${at}/state.db-journal`, { force: true });
      const names = await namesDuring(at, () => recordRuns(state, [run('2')], true));
      expect([...names].filter((name) => !EXPECTED.test(name))).toEqual([]);
      expect(ids(at)).toContain('2');
    },
  );

  it('nor is a journal played back that somebody put there', () => {
    const { state, at } = ground();
    recordRuns(state, [run('1')], false);
    fs.writeFileSync(`${at}/state.db-journal`, Buffer.from('d9d505f920a163d7ffffffff', 'hex'));
    fs.writeFileSync(`${at}/state.db-wal`, 'garbage');
    expect(recordRuns(state, [run('2')], true)).toBeUndefined();
    fs.rmSync(`${at}/state.db-journal`);
    fs.rmSync(`${at}/state.db-wal`);
    expect(ids(at)).toEqual(['1', '2']);
  });
});

describe('a record that fails', () => {
  it('leaves the one before, and nothing beside it', () => {
    const { state, at } = ground();
    recordRuns(state, [run('1')], true);
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    vi.spyOn(fs, 'renameSync').mockImplementationOnce(() => {
      throw full;
    });
    onTestFinished(() => void vi.restoreAllMocks());
    expect(() => recordRuns(state, [run('2')], true)).toThrow('ENOSPC');
    expect(ids(at)).toEqual(['1']);
    expect(state.names()).toEqual(['state.db']);
  });
});

it(`is written to, or moved aside, whichever of its bytes is damaged (VOLSEED_TEST_SEED=${firstNumber})`, () => {
  const random = new Random(firstNumber);
  const { state, at } = ground();
  recordRuns(
    state,
    Array.from({ length: 30 }, (_, number) => run(`run-${String(number).padStart(3, '0')}`)),
    false,
  );
  const good = fs.readFileSync(`${at}/state.db`);
  let aside = 0;
  for (let round = 0; round < 400; round++) {
    // The first bytes and those that are in use are the ones that matter; a few are damaged at once now and then.
    const bad = Buffer.from(good);
    for (let left = 1 + random.below(3); left > 0; left--) bad[random.below(bad.length)] = random.below(256);
    if (random.chance(20)) bad[random.below(100)] = random.below(256);
    fs.writeFileSync(`${at}/state.db`, bad);
    const moved = recordRuns(state, [run('zz')], false, undefined, 5);
    if (moved !== undefined) aside++;
    expect(ids(at)).toContain('zz');
    for (const name of fs.readdirSync(at)) if (name.includes('corrupt')) fs.rmSync(`${at}/${name}`);
  }
  expect(aside).toBeGreaterThan(20);
});

it('is moved aside where its damage comes out only when it is written to', () => {
  const { state, at } = ground();
  recordRuns(state, [run('1')], false);
  // oxlint-disable-next-line typescript/unbound-method -- it is called on a database
  const { exec } = DatabaseSync.prototype;
  let writes = 0;
  vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function damaged(this: DatabaseSync, sql) {
    if (sql.includes('BEGIN') && writes++ === 0)
      throw Object.assign(new Error('malformed'), { code: 'ERR_SQLITE_ERROR', errcode: 11 });
    Reflect.apply(exec, this, [sql]);
  });
  onTestFinished(() => void vi.restoreAllMocks());
  expect(recordRuns(state, [run('2')], false)).toMatch(/^state\.db\.corrupt-/);
  vi.restoreAllMocks();
  expect(ids(at)).toEqual(['2']);
  expect(fs.readdirSync(at).filter((name) => name.startsWith('state-'))).toEqual([]);
});

it.each([18, 19])('is moved aside where it is of a format that is only read: byte %i', (offset) => {
  const { state, at } = ground();
  recordRuns(state, [run('1')], false);
  const bytes = fs.readFileSync(`${at}/state.db`);
  bytes[offset] = 3;
  fs.writeFileSync(`${at}/state.db`, bytes);
  expect(recordRuns(state, [run('2')], false)).toMatch(/^state\.db\.corrupt-/);
  expect(ids(at)).toEqual(['2']);
});

it('sweeps copies that died, and nothing else', () => {
  const { state, at } = ground();
  const copy = `state-${'0'.repeat(32)}.db`;
  const keep = [
    'state.db',
    'state-x.db',
    `${copy}-journal`,
    'state.db.corrupt-x',
    'lock',
    'holder.json',
    'base',
    'base.corrupt-x',
    'notes',
  ];
  const dead = [copy, ...['holder.json', 'base', 'lock'].map((name) => `${name}.${'a'.repeat(16)}`)];
  for (const name of [...keep, ...dead]) fs.writeFileSync(`${at}/${name}`, '');
  sweepCopies(state, state.names());
  expect(state.names().toSorted()).toEqual(keep.toSorted());
});
