// Every row of the table of `merge` has a name: what plan says, explain says, and status counts.
import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { changesBy, type Ground, ground, lines, type Literal } from '../support/probe.ts';
import { build, file, remove, tree } from '../support/tree.ts';
import { volseed } from '../support/volseed.ts';

interface Row {
  readonly base?: string;
  readonly seed?: string;
  readonly volume?: string;
  readonly decision: string;
  /** What it is where conflicts are replaced, deletions restored, and what is obsolete removed. */
  readonly forced?: string;
}

const rows: Readonly<Record<string, Row>> = {
  added: { seed: 'S', decision: 'create (missing)' },
  'was-there': { seed: 'S', volume: 'S', decision: 'same (as in the image)' },
  foreign: { seed: 'S', volume: 'x', decision: 'keep (not from an image)' },
  same: { base: 'B', seed: 'B', volume: 'B', decision: 'same (as in the image)' },
  updated: { base: 'B', seed: 'S', volume: 'B', decision: 'replace (image changed)' },
  edited: { base: 'B', seed: 'B', volume: 'x', decision: 'keep (edited)' },
  adopted: { base: 'B', seed: 'S', volume: 'S', decision: 'same (as in the image)' },
  disputed: { base: 'B', seed: 'S', volume: 'x', decision: 'keep (conflict)', forced: 'replace (conflict)' },
  deleted: { base: 'B', seed: 'B', decision: 'keep (deleted)', forced: 'create (deleted)' },
  'deleted-and-changed': { base: 'B', seed: 'S', decision: 'keep (deleted)', forced: 'create (deleted)' },
  dropped: { base: 'B', volume: 'B', decision: 'keep (obsolete)', forced: 'remove (obsolete)' },
  'dropped-and-edited': { base: 'B', volume: 'x', decision: 'keep (edited)' },
};
const force = ['--on-conflict', 'replace', '--restore-deleted', '--prune'];

function shipped(which: 'base' | 'seed'): Literal {
  const entries = Object.entries(rows).map(([name, row]) => [name, row[which]] as const);
  const files = entries.flatMap(([name, content]) => (content === undefined ? [] : [[name, file(content)] as const]));
  return { anchor: file(), ...Object.fromEntries(files) };
}

function prepared(): { readonly on: Ground; readonly args: readonly string[] } {
  const on = ground(shipped('base'));
  const args = [...on.where, '--policy', 'merge'];
  volseed(['sync', ...args]);
  remove(on.seed);
  build(on.seed, tree(shipped('seed')));
  for (const [name, { base, volume }] of Object.entries(rows)) {
    if (volume === undefined) rmSync(join(on.volume, name), { force: true });
    else if (volume !== base) writeFileSync(join(on.volume, name), volume);
  }
  return { on, args };
}

/** `verb       path (reason)` of a plan as `path: verb (reason)`. */
const planned = (stdout: string): string[] =>
  lines(stdout)
    .map((line) => /^(create|replace|remove|keep|correct) +(\S+) (\(.*\))$/.exec(line))
    .flatMap((match) => (match === null ? [] : [`${match[2]}: ${match[1]} ${match[3]}`]))
    .toSorted();

const wanted = (decisionOf: (row: Row) => string, ...more: string[]): string[] =>
  Object.entries(rows)
    .map(([name, row]) => `${name}: ${decisionOf(row)}`)
    .filter((line) => !line.includes(': same'))
    .concat(more)
    .toSorted();

const hashOf = (content: string | undefined): string | undefined =>
  content && createHash('sha256').update(content).digest('hex');

describe('each row of the table of merge', () => {
  it('has its line in the plan, which touches nothing', () => {
    const { on, args } = prepared();
    const { result, changed } = changesBy(on.volume, () => volseed(['plan', ...args]));
    expect(planned(result.stdout)).toEqual(
      wanted(({ decision }) => decision, 'disputed.volseed-new: create (offered)'),
    );
    expect({ code: result.code, changed }).toEqual({ code: 0, changed: [] });
  });

  it('has its line in the plan where users have no say', () => {
    const { args } = prepared();
    const { stdout } = volseed(['plan', ...args, ...force]);
    expect(planned(stdout)).toEqual(wanted(({ decision, forced = decision }) => forced));
  });

  it.each(Object.entries(rows))('%s: explain tells base, seed, volume and decision', (name, row) => {
    const { args } = prepared();
    const { code, stdout } = volseed(['explain', name, ...args]);
    const told = lines(stdout).map((line) => /^ {2}(seed|base|volume|decision) +(?:.*sha256 )?(.*)$/.exec(line) ?? []);
    expect(code).toBe(0);
    expect(Object.fromEntries(told.map(([, key = '', value]) => [key, value]))).toMatchObject({
      seed: hashOf(row.seed) ?? 'absent',
      base: hashOf(row.base) ?? 'none recorded',
      volume: hashOf(row.volume) ?? 'absent',
      decision: row.decision,
    });
  });

  it('is counted by status, by reason', () => {
    const { args } = prepared();
    const { code, stdout } = volseed(['status', ...args]);
    const now = lines(stdout).find((line) => line.startsWith('now ')) ?? '';
    expect(code).toBe(0);
    expect(now.slice('now'.length).trim().split(', ').toSorted()).toEqual(
      [
        '1 to create (missing)',
        '1 to create (offered)',
        '1 to replace (image changed)',
        '1 kept (conflict)',
        '1 kept (not from an image)',
        '1 kept (obsolete)',
        '2 kept (deleted)',
        '2 kept (edited)',
        '4 up to date',
      ].toSorted(),
    );
  });

  it('keeps an obsolete directory with an edited file in it, as planned', () => {
    const kept = { a: file(), b: file(), c: file() };
    const on = ground({ ...kept, 'dropped/a': file('1'), 'dropped/b': file('1') });
    const args = [...on.where, '--policy', 'merge', '--prune'];
    volseed(['sync', ...args]);
    writeFileSync(join(on.volume, 'dropped/a'), 'mine');
    remove(on.seed);
    build(on.seed, tree(kept));
    const { stdout } = volseed(['plan', ...args]);
    expect(planned(stdout)).toEqual([
      'dropped/a: keep (edited)',
      'dropped/b: remove (obsolete)',
      'dropped: keep (not empty)',
    ]);
    expect(lines(volseed(['sync', ...args]).stdout)).toEqual(
      expect.arrayContaining(['kept dropped/a: edited', 'removed dropped/b (obsolete)', 'kept dropped: not empty']),
    );
  });

  it('is done as planned', () => {
    const { on, args } = prepared();
    const { code, stdout, stderr } = volseed(['sync', ...args]);
    expect(code).toBe(0);
    expect(
      lines(stdout)
        .filter((line) => /^(?:kept |[a-z.-]+$)/.test(line))
        .toSorted(),
    ).toEqual(
      [
        'added',
        'disputed.volseed-new',
        'kept deleted-and-changed: deleted',
        'kept deleted: deleted',
        'kept dropped-and-edited: edited',
        'kept dropped: obsolete',
        'kept edited: edited',
        'kept foreign: not from an image',
        'updated',
      ].toSorted(),
    );
    expect(stderr).toMatch(/^volseed: warning: kept disputed: conflict: .*\n$/);
    expect(volseed(['plan', '--exit-code', ...on.where, '--policy', 'merge']).code).toBe(0);
  });
});
