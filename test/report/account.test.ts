import { describe, expect, it } from 'vitest';
import type { Log } from '../../src/core/log.ts';
import type { Plan, Problem } from '../../src/core/plan.ts';
import { noTotals } from '../../src/core/run.ts';
import { Account } from '../../src/report/account.ts';
import { change, directory, file, link, path } from '../core/entries.ts';

const changes = [
  change('d', directory()),
  change('d/f', file({ size: 10 })),
  change('g', file({ size: 5 }), 'replace'),
  change('h', file({ size: 1000 }), 'attributes'),
  change('l', link()),
];
const kept: Plan['kept'] = [
  { path: path('x'), reason: 'newer in the volume' },
  { path: path('y'), reason: 'newer in the volume' },
];
const plan: Plan = {
  changes,
  removals: [],
  basing: new Map(),
  lost: 0,
  kept,
  problems: [],
  same: 7,
  directories: new Map(),
};
const counted = { created: 3, updated: 1, corrected: 1, removed: 0, same: 7, bytes: 15, problems: 0, retried: 0 };

function account(): { account: Account; lines: string[] } {
  const lines: string[] = [];
  const write: Log['write'] = (level, message) => void lines.push(`${level}: ${message}`);
  return {
    account: new Account({
      write,
      item: write,
      answer: (message) => write('info', message),
      document: () => undefined,
      flush: () => undefined,
    }),
    lines,
  };
}

const problem = (kind: Problem['kind']): Problem => ({ path: path('p'), kind, message: 'why' });

describe('an account', () => {
  it('counts what was done as it is told, and what was kept by reason', () => {
    const { account: one } = account();
    for (const each of changes) one.done(each);
    one.kept(path('z'), 'changed meanwhile');
    one.end(plan);
    expect(one.totals).toEqual({ ...counted, kept: { 'newer in the volume': 2, 'changed meanwhile': 1 } });
  });

  it('expects of a plan what doing it would come to', () => {
    const { account: one } = account();
    expect(one.expected(plan)).toEqual({ ...counted, kept: { 'newer in the volume': 2 } });
    expect(one.totals).toEqual(noTotals());
  });

  it.each<[kinds: Problem['kind'][], code: number]>([
    [[], 0],
    [['passed over'], 0],
    [['vanished'], 24],
    [['failed'], 23],
    [['blocked'], 23],
    [['vanished', 'failed', 'passed over'], 23],
  ])('of %j ends with %i', (kinds, code) => {
    const { account: one } = account();
    for (const kind of kinds) one.problem(problem(kind));
    expect(one.exitCode).toBe(code);
  });

  it('names every problem when it happens', () => {
    const { account: one, lines } = account();
    one.problem(problem('failed'));
    one.problem(problem('vanished'));
    expect(lines).toEqual(['error: p: why', 'warn: p: why']);
  });

  it('says at the end what was kept, how it ended, and the totals', () => {
    const { account: one, lines } = account();
    one.problem(problem('vanished'));
    one.end(plan);
    expect(lines.slice(1)).toEqual([
      'info: kept x: newer in the volume',
      'info: kept y: newer in the volume',
      'error: Initial data sync operation completed with 1 problem (named above).',
      expect.stringMatching(/^info: Totals: nothing to copy, 7 up to date, 2 kept/),
    ]);
  });

  it('can be told by functions that stand alone', () => {
    const { account: one } = account();
    const { done, kept: keeps, problem: fails } = one.listeners;
    done(change('a', file()));
    keeps(path('b'), 'changed meanwhile');
    fails(problem('failed'));
    expect(one.totals).toMatchObject({ created: 1, problems: 1 });
  });
});
