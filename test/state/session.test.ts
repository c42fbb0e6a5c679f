import fs from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Interrupted, LockTimeout } from '../../src/core/errors.ts';
import type { Log } from '../../src/core/log.ts';
import { noTotals } from '../../src/core/run.ts';
import { readHolder } from '../../src/state/holder.ts';
import { Session } from '../../src/state/session.ts';
import { still } from '../fs/place.ts';
import { ground, namesDuring, type Ground } from './ground.ts';

const counted = { totals: { ...noTotals(), created: 2 }, exitCode: 0 };

function logTo(lines: string[]): Log {
  const write: Log['write'] = (level, message) => void lines.push(`${level}: ${message}`);
  return {
    write,
    item: write,
    answer: (message) => write('info', message),
    document: () => undefined,
    flush: () => undefined,
  };
}

const begin = ({ state }: Ground, lines: string[] = [], command = 'sync'): Promise<Session> =>
  Session.begin(state, {
    command,
    keepRuns: 200,
    imageVersion: process.env['VOLSEED_IMAGE_VERSION'] ?? null,
    lockTimeout: 0,
    log: logTo(lines),
    pulse: still,
  });

/** The lock's second name is another in each run. */
const namesOf = ({ state }: Ground): string[] =>
  state
    .names()
    .map((name) => name.replace(/^lock-[0-9a-f]{32}$/, 'lock-NAME'))
    .toSorted();

function runs({ at }: Ground): Record<string, unknown>[] {
  const database = new DatabaseSync(`${at}/state.db`, { readOnly: true });
  try {
    return database.prepare('SELECT id, mode, status, error, counts FROM runs ORDER BY started, id').all();
  } finally {
    database.close();
  }
}

describe('a session', () => {
  it('holds the lock until its end, and says who holds it', async () => {
    const on = ground();
    const session = await begin(on, [], 'run');
    expect(readHolder(on.state)).toMatchObject({ run: session.id, mode: 'run', pid: process.pid });
    await expect(begin(on)).rejects.toThrow(LockTimeout);
    session[Symbol.dispose]();
    (await begin(on))[Symbol.dispose]();
  });

  it('leaves the state and the lock, and no other file', async () => {
    const on = ground();
    const names = await namesDuring(on.at, async () => {
      using session = await begin(on);
      session.complete(counted, true);
    });
    expect(namesOf(on)).toEqual(['lock', 'lock-NAME', 'state.db']);
    expect([...names].filter((name) => /-(journal|wal|shm)$/.test(name))).toEqual([]);
  });

  it('is recorded as it ended', async () => {
    const on = ground();
    const endings: ((session: Session) => void)[] = [
      (session) => session.complete(counted, true),
      (session) => session.complete({ ...counted, exitCode: 23 }, false),
      (session) => session.fail(counted, new Error('no space')),
      (session) => session.fail(counted, new Interrupted('SIGTERM', 15)),
    ];
    const ids: string[] = [];
    for (const end of endings) {
      using session = await begin(on);
      end(session);
      ids.push(session.id);
    }
    const found = new Map(runs(on).map((row) => [row['id'], row]));
    const counts = JSON.stringify(counted.totals);
    expect(ids.map((id) => found.get(id))).toMatchObject([
      { status: 'completed', error: null, counts, mode: 'sync' },
      { status: 'completed', error: 'exit code 23' },
      { status: 'failed', error: 'no space' },
      { status: 'interrupted', error: expect.stringContaining('SIGTERM') },
    ]);
  });

  it('that died is recorded as interrupted by the next, which says so', async () => {
    const on = ground();
    const dead = await begin(on, [], 'run');
    dead[Symbol.dispose]();
    const lines: string[] = [];
    using next = await begin(on, lines);
    expect(lines).toEqual([expect.stringMatching(`^info: The run before \\(run ${dead.id} .*was interrupted`)]);
    next.complete(counted, false);
    expect(new Map(runs(on).map(({ id, status }) => [id, status]))).toEqual(
      new Map([
        [dead.id, 'interrupted'],
        [next.id, 'completed'],
      ]),
    );
  });

  it.each([
    ['garbage', (at: string) => fs.writeFileSync(at, 'garbage')],
    ['a directory', (at: string) => fs.mkdirSync(at)],
    ['a link', (at: string) => fs.symlinkSync('/etc/passwd', at)],
  ])('begins whatever is at holder.json: %s', async (_, make) => {
    const on = ground();
    make(`${on.at}/holder.json`);
    const lines: string[] = [];
    using session = await begin(on, lines);
    expect(lines).toEqual([]);
    expect(readHolder(on.state)).toMatchObject({ run: session.id });
  });

  it('says where a state went that could not be read', async () => {
    const on = ground();
    fs.writeFileSync(`${on.at}/state.db`, 'garbage');
    const lines: string[] = [];
    using session = await begin(on, lines);
    session.complete(counted, false);
    expect(lines).toEqual([
      expect.stringMatching(/^warn: the state in .* could not be read; it was moved to state\.db\.corrupt-/),
    ]);
  });

  it('sweeps the copies of the state that died with the one before', async () => {
    const on = ground();
    fs.writeFileSync(`${on.at}/state-${'0'.repeat(32)}.db`, '');
    using _ = await begin(on);
    expect(namesOf(on)).toEqual(['holder.json', 'lock', 'lock-NAME']);
  });

  it('that cannot be recorded hides no error behind its own', async () => {
    const on = ground();
    using session = await begin(on);
    vi.spyOn(on.state, 'rename').mockImplementation(() => {
      throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    });
    onTestFinished(() => void vi.restoreAllMocks());
    expect(() => session.fail(counted, new Error('first'))).not.toThrow();
    expect(() => session.complete(counted, false)).toThrow('ENOSPC');
    expect(readHolder(on.state)).toMatchObject({ run: session.id });
  });
});
