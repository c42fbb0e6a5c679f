import { describe, expect, it } from 'vitest';
import type { Log } from '../../src/core/log.ts';
import { ROOT } from '../../src/core/path.ts';
import type { Kept, Problem } from '../../src/core/plan.ts';
import { noTotals } from '../../src/core/run.ts';
import {
  lineOf,
  sayBeginning,
  sayChange,
  sayEnd,
  sayKept,
  sayPlan,
  sayProblem,
  totalsLine,
} from '../../src/report/lines.ts';
import { change, directory, file, link, path } from '../core/entries.ts';

/** Everything that is said, with its level. */
function said(action: (log: Log) => void): string[] {
  const lines: string[] = [];
  const write: Log['write'] = (level, message) => void lines.push(`${level}: ${message}`);
  action({
    write,
    item: write,
    answer: (message) => write('info', message),
    document: () => undefined,
    flush: () => undefined,
  });
  return lines;
}

const unknown = { digest: undefined, totals: undefined, version: undefined };

describe('what a run says of a seed with a manifest', () => {
  const seeds = [{ source: '/s', into: ROOT }];
  const which = { seeds, target: '/v', rules: [], file: undefined };
  const where = { command: 'sync', policy: 'newer', checksum: false, ...which } as const;
  const totals = { files: 7, bytes: 1, oldest: 5, newest: 5 };
  const seed = { digest: 'abc', version: '1.2', totals };
  const warnings = (over: Partial<Parameters<typeof sayBeginning>[1]>, of: Partial<typeof seed>): string[] =>
    said((log) => sayBeginning(log, { ...where, ...over }, { ...seed, ...of })).filter((line) =>
      line.startsWith('warn'),
    );

  it('is which one, to whoever asks for details', () => {
    expect(said((log) => sayBeginning(log, where, seed))).toContain(
      'debug: The seed is known by its manifest abc of image version 1.2.',
    );
  });

  it('is in one line that newer cannot see updates where all mtimes are equal, and what can', () => {
    expect(warnings({}, {})).toEqual([
      expect.stringMatching(/^warn: all 7 files .* one mtime.*--policy merge.*--checksum$/),
    ]);
  });

  it.each([
    ['files of different times', {}, { totals: { ...totals, newest: 6 } }],
    ['one file', {}, { totals: { ...totals, files: 1 } }],
    ['another policy', { policy: 'always' as const }, {}],
    ['--checksum', { checksum: true }, {}],
    ['a reset', { command: 'reset' }, {}],
  ])('is nothing of the kind with %s', (_, over, of) => {
    expect(warnings(over, of)).toEqual([]);
  });
});

describe('what a run says', () => {
  it('begins as the rsync entrypoint did, line for line', () => {
    const where = {
      command: 'sync',
      seeds: [{ source: '/var/initialdata/common', into: ROOT }],
      target: '/data/common',
      policy: 'newer',
      checksum: false,
      rules: [],
      file: undefined,
    } as const;
    expect(said((log) => sayBeginning(log, where, unknown))).toEqual([
      "info: Initiating sync of initial data from '/var/initialdata/common' to '/data/common'.",
      'info: This operation will sync directories and their contents recursively.',
      'info: Files will be updated only if the source is newer (preserves manual changes).',
    ]);
  });

  it('ends as it did, with one line of totals', () => {
    const totals = { ...noTotals(), created: 2, updated: 1, corrected: 3, same: 4, bytes: 1234 };
    const kept = { 'newer in the volume': 5, 'changed meanwhile': 1 } as const;
    expect(said((log) => sayEnd(log, { ...totals, kept }, 0, 0.123_45))).toEqual([
      'info: Initial data sync operation completed successfully.',
      'info: Totals: 2 created, 1 updated, 3 with attributes corrected, 4 up to date, ' +
        '6 kept (5 newer in the volume, 1 changed meanwhile), 1.2 kB, 0.123 s.',
    ]);
  });

  it.each([
    [1, 0, 'error: Initial data sync operation completed with 1 problem (named above).'],
    [1, 2, 'error: Initial data sync operation completed with 3 problems (named above).'],
    [0, 1, 'error: Initial data sync operation completed with 1 problem (named above).'],
  ])('does not end successfully with %i problems and %i vanished', (problems, vanished, line) => {
    expect(said((log) => sayEnd(log, { ...noTotals(), problems }, vanished, 1))[0]).toBe(line);
  });

  it('has nothing to copy where nothing was done', () => {
    expect(totalsLine({ ...noTotals(), same: 3 }, 0)).toBe(
      'Totals: nothing to copy, 3 up to date, 0 kept, 0 bytes, 0 s.',
    );
  });
});

describe('a line for each path', () => {
  it.each([
    [change('a/b', file()), 'a/b'],
    [change('a', directory()), 'a/'],
    [change('a', link({ target: '../b' })), 'a -> ../b'],
    [change('a\nb', link({ target: '\xff\x1b' })), String.raw`a\nb -> \xff\x1b`],
  ])("is rsync's", (each, line) => {
    expect(lineOf(each)).toBe(line);
  });

  it('is said of what is new, and of attributes only to who asks', () => {
    const lines = said((log) => {
      sayChange(log, change('a', file()));
      sayChange(log, change('b', file(), 'replace'));
      sayChange(log, change('c', directory(), 'attributes'));
    });
    expect(lines).toEqual(['info: a', 'info: b', 'debug: c/ (attributes)']);
  });
});

const many = (number: number, reason: Kept['reason']): Kept[] =>
  Array.from({ length: number }, (_, n) => ({ path: path(`f${n}`), reason }));

describe('what was kept', () => {
  it('is told with its reason', () => {
    expect(said((log) => sayKept(log, many(1, 'newer in the volume')))).toEqual(['info: kept f0: newer in the volume']);
  });

  it('is told twenty times for each reason, and then counted', () => {
    const lines = said((log) => sayKept(log, [...many(25, 'newer in the volume'), ...many(3, 'changed meanwhile')]));
    const shown = lines.filter((line) => line.startsWith('info'));
    expect(shown).toHaveLength(20 + 3 + 1);
    expect(lines.filter((line) => line.startsWith('debug'))).toHaveLength(5);
    expect(shown.at(-1)).toBe('info: kept 5 more: newer in the volume (--log-level debug lists them)');
  });

  it('under missing is what exists, and told only to who asks', () => {
    expect(said((log) => sayKept(log, many(30, 'exists'))).filter((line) => !line.startsWith('debug'))).toEqual([]);
  });
});

describe('a problem', () => {
  it.each<[kind: Problem['kind'], level: string]>([
    ['failed', 'error'],
    ['blocked', 'error'],
    ['vanished', 'warn'],
    ['passed over', 'warn'],
  ])('that is %s is of level %s', (kind, level) => {
    const problem: Problem = { path: path('a\nb'), kind, message: 'why' };
    expect(said((log) => sayProblem(log, problem))).toEqual([String.raw`${level}: a\nb: why`]);
  });

  it('of the root has a name too', () => {
    expect(said((log) => sayProblem(log, { path: path(''), kind: 'failed', message: 'why' }))).toEqual([
      'error: the root directory: why',
    ]);
  });
});

it('a plan says of each path what would be done and why, and that nothing was', () => {
  const plan = {
    changes: [change('a', directory()), { ...change('b', file(), 'replace'), reason: 'image newer' as const }],
    kept: [{ path: path('c'), reason: 'newer in the volume' as const }],
    problems: [],
    removals: [],
    basing: new Map(),
    lost: 0,
    same: 1,
    directories: new Map(),
  };
  const totals = { ...noTotals(), created: 1, updated: 1, same: 1, kept: { 'newer in the volume': 1 }, bytes: 3 };
  expect(said((log) => sayPlan(log, plan, totals))).toEqual([
    'info: create     a/ (missing)',
    'info: replace    b (image newer)',
    'info: keep       c (newer in the volume)',
    'info: Plan: 1 to create, 1 to update, 0 to correct, 1 kept (1 newer in the volume), 1 up to date, 3 bytes to copy. ' +
      'Nothing was touched.',
  ]);
});
