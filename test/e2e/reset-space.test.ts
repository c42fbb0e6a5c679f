// The promise: a reset whose backup does not fit ends before anything was touched, and says the way out.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { lacks } from '../support/prerequisites.ts';
import { type Ground, ground, lacksMounts, leftovers, makeDirectory, runsOf } from '../support/probe.ts';
import { changes, snapshot } from '../support/snapshot.ts';
import { file } from '../support/tree.ts';
import { volseed, type Result } from '../support/volseed.ts';

const shipped = { big: file('image'), 'dir/small': file('image') };

function mount(path: string, options: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]);
  onTestFinished(() => void execFileSync('umount', [path]));
}

/** A seeded volume, itself on a small file system where that is asked for. */
function seeded(options?: string): Ground {
  const on = ground(shipped);
  if (options !== undefined) mount(on.volume, options);
  expect(volseed(['sync', ...on.where])).toMatchObject({ code: 0 });
  return on;
}

/** Random: a backup of it is no smaller. */
const edit = ({ volume }: Ground, size: number): void => writeFileSync(join(volume, 'big'), randomBytes(size));
const reset = (on: Ground, ...args: string[]): Result => volseed(['reset', '--all', '--yes', ...on.where, ...args]);
const read = ({ volume }: Ground, path: string): string => readFileSync(join(volume, path), 'utf8');

/** A reset that is to end with 23 and one line that has the words; what it changed of the data, and left in the volume. */
function refused(on: Ground, words: string, ...args: string[]) {
  const before = snapshot(on.volume, { root: true });
  const { code, stderr } = reset(on, ...args);
  expect({ code, stderr }).toEqual({ code: 23, stderr: expect.stringMatching(/^volseed: [^\n]+\n$/) });
  expect(stderr).toContain(words);
  return [...changes(before, snapshot(on.volume, { root: true })), ...leftovers(on.volume)];
}

const untouched = 'no space left on the file system; nothing was touched: make room, or see --backup-dir';

describe.skipIf(lacks('root') || lacksMounts())('where there is no room for the backup', () => {
  it('in the volume, a reset leaves everything as it is and nothing behind, and is on record as failed', () => {
    const on = seeded('size=512k');
    edit(on, 300_000);
    expect(refused(on, untouched)).toEqual([]);
    expect(readdirSync(join(on.volume, '.volseed/backups'))).toEqual([]);
    expect(volseed(['backups', '--target', on.volume]).stdout).toBe('There are no backups.\n');
    expect(runsOf(on.volume).map(({ mode, status }) => `${mode} ${status}`)).toEqual([
      'sync completed',
      'reset failed',
    ]);
  });

  it('in the volume, --backup-dir is a way out', () => {
    const on = seeded('size=512k');
    edit(on, 300_000);
    expect(reset(on, '--backup-dir', join(on.root, 'backups'))).toMatchObject({ code: 0, stderr: '' });
    expect(read(on, 'big')).toBe('image');
  });

  it('or for what a restore brings back, the restore leaves everything as it is', () => {
    const on = seeded('size=512k');
    edit(on, 300_000);
    const elsewhere = ['--backup-dir', join(on.root, 'backups')];
    reset(on, ...elsewhere);
    writeFileSync(join(on.volume, 'users'), randomBytes(200_000));
    const before = snapshot(on.volume, { root: true });
    const { code, stderr } = volseed(['restore', '--last', '--target', on.volume, ...elsewhere]);
    expect([code, stderr]).toEqual([23, expect.stringMatching(/^volseed: [^\n]+nothing was touched[^\n]+\n$/)]);
    expect([...changes(before, snapshot(on.volume, { root: true })), ...leftovers(on.volume)]).toEqual([]);
  });

  it.each([
    ['for a part of the archive', 'size=64k', 300_000],
    ['for the archive, but not for its record', 'size=4k', 2000],
    ['for one file of the two that it takes', 'nr_inodes=2', 2000],
  ])('in a directory of its own that has some %s, nothing is left there', (_, options, size) => {
    const on = seeded();
    edit(on, size);
    const small = makeDirectory(on.root, 'small');
    mount(small, options);
    expect(refused(on, untouched, '--backup-dir', small)).toEqual([]);
    expect(readdirSync(small)).toEqual([]);
    expect(volseed(['status', ...on.where]).stdout).toMatch(/ reset .* failed .*the backup could not be written to /);
  });

  it('because there is none for anything, a reset ends all the same with one line', () => {
    const on = seeded('size=256k');
    fill(on);
    expect(refused(on, 'no space left')).toEqual([]);
  });
});

/** Until not a byte is left. */
function fill({ volume }: Ground): void {
  const path = join(volume, 'filling');
  expect(() => writeFileSync(path, Buffer.alloc(1_000_000, 'x'))).toThrow('ENOSPC');
}
