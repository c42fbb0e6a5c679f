// What a run must not do without being told to: refused before anything is touched, and each rule overridden by its name.
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { changesBy, ground, runsOf, type Ground } from '../support/probe.ts';
import { build, file, tree } from '../support/tree.ts';
import { volseed, type Result } from '../support/volseed.ts';

const named = (names: readonly string[]) => tree(Object.fromEntries(names.map((name) => [name, file(name)])));
const numbers = Array.from({ length: 10 }, (_, n) => `dir/${n}`);

/** Seeded with an image of ten files; the next has these. */
function nextImage(names: readonly string[]): Ground {
  const on = ground(named(numbers));
  expect(merge(on)).toMatchObject({ code: 0, stderr: '' });
  rmSync(on.seed, { recursive: true });
  build(on.seed, named(names));
  return on;
}

const merge = (on: Ground, ...args: string[]): Result => volseed(['sync', '--policy', 'merge', ...on.where, ...args]);
const filesIn = ({ volume }: Ground): string[] =>
  readdirSync(volume, { recursive: true, encoding: 'utf8' }).filter((name) => name.startsWith('dir/'));

/** The state aside, where the refusal itself is on record. */
function untouched(on: Ground, act: () => Result): Result {
  const { result, changed } = changesBy(on.volume, act);
  expect(changed.filter((line) => !line.includes('.volseed'))).toEqual([]);
  return result;
}

const sync = (on: Ground, version: string, ...args: string[]): Result =>
  volseed(['sync', ...on.where, ...args], { env: { VOLSEED_IMAGE_VERSION: version } });

function seededBy(version: string): Ground {
  const on = ground(named(['a']));
  expect(sync(on, version)).toMatchObject({ code: 0 });
  writeFileSync(join(on.seed, 'b'), 'new');
  return on;
}

describe('pruning', () => {
  it('removes what an earlier image seeded and this one no longer has', () => {
    const on = nextImage(numbers.slice(2));
    expect(merge(on, '--prune')).toMatchObject({ code: 0, stderr: '' });
    expect(filesIn(on).toSorted()).toEqual(numbers.slice(2));
  });

  it('is refused where the seed has lost more than half of what it had, and nothing is touched', () => {
    const on = nextImage(numbers.slice(0, 3));
    const { code, stderr } = untouched(on, () => merge(on, '--prune'));
    expect([code, stderr]).toEqual([
      76,
      'volseed: the seed has lost 7 of the 11 paths that it had, and 7 paths would be removed; nothing was touched; is it mounted? --max-deletes allows it\n',
    ]);
    expect(runsOf(on.volume).at(-1)).toMatchObject({ status: 'failed' });
  });

  it('is refused where the seed is empty', () => {
    const on = nextImage([]);
    expect(untouched(on, () => merge(on, '--prune')).code).toBe(76);
    expect(merge(on)).toMatchObject({ code: 0 });
  });

  it('goes ahead where --max-deletes allows it', () => {
    for (const limit of ['7', '100%']) {
      const on = nextImage(numbers.slice(0, 3));
      expect(merge(on, '--prune', '--max-deletes', limit)).toMatchObject({ code: 0, stderr: '' });
      expect(filesIn(on).toSorted()).toEqual(numbers.slice(0, 3));
    }
  });

  it('is refused where --max-deletes allows less', () => {
    for (const limit of ['1', '10%']) {
      const on = nextImage(numbers.slice(2));
      const { code, stderr } = untouched(on, () => merge(on, '--prune', '--max-deletes', limit));
      expect([code, stderr]).toEqual([
        76,
        expect.stringContaining('2 paths would be removed, and maxDeletes allows 1'),
      ]);
    }
  });

  it('is foreseen by plan, which ends as the run would', () => {
    const on = nextImage(numbers.slice(0, 3));
    const { code, stdout } = volseed(['plan', '--policy', 'merge', '--prune', ...on.where]);
    expect([code, stdout]).toEqual([76, expect.stringContaining('remove     dir/9 (obsolete)')]);
  });
});

describe('an image older than the volume', () => {
  it('is seeded like any other', () => {
    const on = seededBy('1.10.0');
    expect(sync(on, '1.9.0')).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(on.volume)).toContain('b');
  });

  it('is refused under --on-downgrade refuse, and nothing is touched', () => {
    const on = seededBy('1.10.0');
    const { code, stderr } = untouched(on, () => sync(on, '1.9.0', '--on-downgrade', 'refuse'));
    expect([code, stderr]).toEqual([76, expect.stringContaining('1.9.0 is older than 1.10.0')]);
  });

  it('is not seeded under --on-downgrade keep, and the service may start', () => {
    const on = seededBy('1.10.0');
    const { code, stderr } = untouched(on, () => sync(on, '1.9.0', '--on-downgrade', 'keep'));
    expect([code, stderr]).toEqual([0, expect.stringContaining('image version 1.9.0 is older than 1.10.0')]);
    // The volume is still that of the later one.
    expect(sync(on, '1.9.5', '--on-downgrade', 'refuse').code).toBe(76);
    expect(sync(on, '1.10.0', '--on-downgrade', 'refuse')).toMatchObject({ code: 0, stderr: '' });
  });

  it.each([['plan'], ['sync', '--dry-run']])('is foreseen by %s %s, which ends as the run would', (...command) => {
    const on = seededBy('1.10.0');
    const env = { VOLSEED_IMAGE_VERSION: '1.9.0' };
    const run = (policy: string): Result =>
      untouched(on, () => volseed([...command, ...on.where, '--on-downgrade', policy], { env }));
    expect(run('refuse')).toMatchObject({ code: 76, stderr: expect.stringContaining('1.9.0 is older than 1.10.0') });
    const { code, stdout, stderr } = run('keep');
    expect([code, stderr]).toEqual([0, expect.stringContaining('nothing is seeded (onDowngrade keep)')]);
    expect(stdout).toContain('Plan: 0 to create, 0 to update,');
    expect(run('allow').stdout).toContain('create     b (missing)');
  });

  it('is known as such after a start whose VOLSEED_IMAGE_VERSION was empty, which counts as not set', () => {
    const on = seededBy('2.0');
    expect(sync(on, '', '--on-downgrade', 'refuse')).toMatchObject({ code: 0, stderr: '' });
    expect(untouched(on, () => sync(on, '1.0', '--on-downgrade', 'refuse')).code).toBe(76);
  });

  it('is known by its manifest where VOLSEED_IMAGE_VERSION is empty', () => {
    const on = seededBy('2.0');
    volseed(['manifest', '--source', on.seed, '--image-version', '1.0']);
    const { code, stderr } = untouched(on, () => sync(on, '', '--on-downgrade', 'refuse'));
    expect([code, stderr]).toEqual([76, expect.stringContaining('1.0 is older than 2.0')]);
  });

  it('is seeded with a warning where nobody can tell the older', () => {
    const on = seededBy('3f2a91c');
    const { code, stderr } = sync(on, '1.0.0', '--on-downgrade', 'refuse');
    expect([code, stderr]).toEqual([0, expect.stringContaining('nobody can tell')]);
    expect(readdirSync(on.volume)).toContain('b');
  });
});

it('a volume that was emptied is seeded anew under merge, and that is said', () => {
  const on = ground(named(numbers));
  merge(on);
  rmSync(join(on.volume, 'dir'), { recursive: true });
  const { code, stdout } = merge(on);
  expect([code, stdout]).toEqual([
    0,
    expect.stringContaining('The volume was emptied since the last run (11 paths were known); it is seeded anew.'),
  ]);
  expect(filesIn(on)).toHaveLength(10);
});

it('only so many runs stay on record', () => {
  const on = ground(named(['a']));
  for (let n = 0; n < 5; n++) volseed(['sync', ...on.where, '--keep-runs', '3']);
  expect(runsOf(on.volume)).toHaveLength(3);
});
