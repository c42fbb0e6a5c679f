// `reset`: the image's version comes back, and nothing is lost by it.
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ordinary, suite } from '../support/prerequisites.ts';
import { changesBy, type Ground, ground, oneLine, runsOf, unlikeSeed } from '../support/probe.ts';
import { differences, snapshot } from '../support/snapshot.ts';
import { directory, symlink, file } from '../support/tree.ts';
import { volseed, type Result } from '../support/volseed.ts';

const shipped = {
  'colors.json': file('{}', { mtime: 1_500_000_000 }),
  'tables/.hidden': file('h', { mtime: 1_500_000_000 }),
  'tables/t1.csv': file('1', { mtime: 1_500_000_000 }),
  'tables/t2.csv': file('2', { mtime: 1_500_000_000 }),
  'odd/[a].txt': file('odd', { mtime: 1_500_000_000 }),
};

function seeded(): Ground {
  const on = ground(shipped);
  volseed(['sync', ...on.where]);
  return on;
}

const edit = (on: Ground, ...paths: string[]): void => {
  for (const path of paths) writeFileSync(join(on.volume, path), 'edited');
};
const read = ({ volume }: Ground, path: string): string => readFileSync(join(volume, path), 'utf8');
const reset = (on: Ground, ...args: string[]): Result => volseed(['reset', ...on.where, ...args]);
const restoreLast = (on: Ground): Result => volseed(['restore', '--last', '--target', on.volume]);

describe('reset PATTERN', () => {
  it.each([
    ['a path', 'tables/t1.csv', ['tables/t1.csv']],
    ['a path with ./, // and a slash behind it', './tables//t1.csv/', ['tables/t1.csv']],
    ['a directory', 'tables', ['tables/.hidden', 'tables/t1.csv', 'tables/t2.csv']],
    ['a glob', '*/t?.csv', ['tables/t1.csv', 'tables/t2.csv']],
    ['DIR/**', 'tables/**', ['tables/.hidden', 'tables/t1.csv', 'tables/t2.csv']],
    ['a glob that matches a directory', 'tab*', ['tables/.hidden', 'tables/t1.csv', 'tables/t2.csv']],
    ['a path that looks like a glob', 'odd/[a].txt', ['odd/[a].txt']],
  ])('puts back what %s selects, edited and newer, and nothing else', (_, pattern, selected) => {
    const on = seeded();
    const files = Object.keys(shipped);
    edit(on, ...files);
    expect(reset(on, pattern)).toMatchObject({ code: 0, stderr: '' });
    expect(files.filter((path) => read(on, path) !== 'edited')).toEqual(selected.toSorted());
  });

  it('takes a path that is absolute inside the target', () => {
    const on = seeded();
    edit(on, 'colors.json');
    expect(reset(on, join(on.volume, 'colors.json'))).toMatchObject({ code: 0 });
    expect(read(on, 'colors.json')).toBe('{}');
  });

  it('brings back what was deleted, and keeps what only the volume has', () => {
    const on = seeded();
    rmSync(join(on.volume, 'tables'), { recursive: true });
    writeFileSync(join(on.volume, 'mine'), 'mine');
    expect(reset(on, '--all', '--yes')).toMatchObject({ code: 0 });
    expect(read(on, 'tables/t1.csv')).toBe('1');
    expect(read(on, 'mine')).toBe('mine');
  });

  it('says which paths are closest where a pattern selects nothing, and touches nothing, whatever others select', () => {
    const on = seeded();
    edit(on, 'colors.json');
    const { result, changed } = changesBy(on.volume, () => reset(on, 'colors.json', 'table/t1.csv'));
    expect(result).toEqual(oneLine(2, 'table/t1.csv', 'tables/t1.csv', 'nothing was touched'));
    expect(changed).toEqual([]);
  });

  it.each([
    ['outside the target', ['/etc/passwd'], 'outside the target'],
    ['that goes up', ['tables/../../x'], "'..'"],
    ['that is empty', [''], 'empty'],
    ['beside --all', ['--all', 'tables'], 'not both'],
    ['nowhere', [], 'needs to be told what'],
  ])('refuses a pattern %s', (_, args, words) => {
    const on = seeded();
    const { result, changed } = changesBy(on.volume, () => reset(on, ...args));
    expect(result).toEqual(oneLine(2, words));
    expect(changed).toEqual([]);
  });

  it('does not rewrite what is equal already, and gives it the time and the mode of the image', () => {
    const on = seeded();
    writeFileSync(join(on.volume, 'colors.json'), '{}');
    const { ino } = statSync(join(on.volume, 'colors.json'));
    expect(reset(on, '--all', '--yes')).toMatchObject({ code: 0 });
    expect(statSync(join(on.volume, 'colors.json')).ino).toBe(ino);
    expect(unlikeSeed(on)).toEqual([]);
  });

  it('makes no backup where it changes nothing', () => {
    const on = seeded();
    const { stdout } = reset(on, '--all', '--yes');
    expect(stdout).not.toContain('Backed up');
    expect(volseed(['backups', '--target', on.volume]).stdout).toBe('There are no backups.\n');
  });

  it('makes no backup where --no-backup says so, and restore has nothing to undo', () => {
    const on = seeded();
    edit(on, 'colors.json');
    const { code, stdout } = reset(on, '--all', '--yes', '--no-backup');
    expect([code, read(on, 'colors.json')]).toEqual([0, '{}']);
    expect(stdout).not.toContain('Backed up');
    expect(volseed(['backups', '--target', on.volume]).stdout).toBe('There are no backups.\n');
    expect(restoreLast(on)).toEqual(oneLine(2, 'nothing to undo'));
  });

  it('leaves what is excluded alone', () => {
    const on = seeded();
    edit(on, 'colors.json', 'tables/t1.csv');
    expect(reset(on, '--all', '--yes', '--exclude', 'colors.json')).toMatchObject({ code: 0 });
    expect([read(on, 'colors.json'), read(on, 'tables/t1.csv')]).toEqual(['edited', '1']);
  });
});

describe('reset of everything', () => {
  it.each([[['--all']], [['tables', '--delete-extra']]])('%j needs --yes where there is no terminal', (args) => {
    const on = seeded();
    edit(on, 'colors.json');
    const { result, changed } = changesBy(on.volume, () => reset(on, ...args));
    expect(result).toEqual(oneLine(2, 'no terminal', '--yes'));
    expect(changed).toEqual([]);
  });

  it('--dry-run says what it would do, and touches nothing', () => {
    const on = seeded();
    edit(on, 'colors.json');
    writeFileSync(join(on.volume, 'mine'), '');
    const { result, changed } = changesBy(on.volume, () => reset(on, '--all', '--delete-extra', '--dry-run'));
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toContain('remove     mine (only in the volume)\n');
    expect(result.stdout).toContain('replace    colors.json (size differs)\n');
    expect(changed).toEqual([]);
  });

  it('--delete-extra removes what is only in the volume, but nothing that is excluded or volseed’s own', () => {
    const on = seeded();
    mkdirSync(join(on.volume, 'more/kept'), { recursive: true });
    writeFileSync(join(on.volume, 'more/gone'), '');
    writeFileSync(join(on.volume, 'more/kept/file'), '');
    expect(reset(on, '--all', '--yes', '--delete-extra', '--exclude', '**/kept')).toMatchObject({ code: 0 });
    expect(existsSync(join(on.volume, 'more/gone'))).toBe(false);
    expect(existsSync(join(on.volume, 'more/kept/file'))).toBe(true);
    expect(existsSync(join(on.volume, '.volseed/state.db'))).toBe(true);
    expect(restoreLast(on)).toMatchObject({ code: 0 });
    expect(existsSync(join(on.volume, 'more/gone'))).toBe(true);
  });

  it('clears what is in the way, and restore --last brings it back', () => {
    const on = ground({ file: file('1'), 'dir/file': file('2'), link: symlink('file') });
    mkdirSync(join(on.volume, 'file/of/users'), { recursive: true });
    writeFileSync(join(on.volume, 'file/of/users/data'), 'users');
    writeFileSync(join(on.volume, 'dir'), 'a file');
    expect(reset(on, '--all', '--yes')).toMatchObject({ code: 0 });
    expect(unlikeSeed(on)).toEqual([]);
    expect(restoreLast(on)).toMatchObject({ code: 0 });
    expect([read(on, 'file/of/users/data'), read(on, 'dir')]).toEqual(['users', 'a file']);
  });
});

suite('an ordinary user', ['root', 'a checkout that other users can read'], () => {
  it('clears a directory of its own that is closed to writing, and restore --last closes it again', () => {
    const closed = { way: directory({ mode: 0o555, ...ordinary }), 'way/users': file('users', ordinary) };
    const on = ground({ way: file('image') }, { '.': directory(ordinary), ...closed });
    const before = snapshot(on.volume);
    expect(volseed(['reset', '--all', '--yes', ...on.where], ordinary)).toMatchObject({ code: 0, stderr: '' });
    expect(read(on, 'way')).toBe('image');
    expect(volseed(['restore', '--last', '--target', on.volume], ordinary)).toMatchObject({ code: 0, stderr: '' });
    expect(differences(before, snapshot(on.volume), { before, started: 1n << 80n })).toEqual([]);
  });

  it('closes a directory again that it opened to remove something, though only its time is corrected', () => {
    const closed = { mode: 0o555, ...ordinary };
    const users = { dir: directory({ mtime: 1_600_000_000, ...closed }), 'dir/users': file('users', ordinary) };
    const on = ground({ dir: directory(closed) }, { '.': directory(ordinary), ...users });
    const args = ['--all', '--yes', '--delete-extra'];
    expect(volseed(['reset', ...args, ...on.where], ordinary)).toMatchObject({ code: 0, stderr: '' });
    expect(unlikeSeed(on)).toEqual([]);
  });
});

describe('reset as part of a start', () => {
  it('with an id happens once, whatever restarts follow', () => {
    const on = seeded();
    edit(on, 'colors.json');
    const env = { VOLSEED_RESET: 'colors.json', VOLSEED_RESET_ID: 'r1' };
    const after = [1, 2, 3].map((n) => {
      const { code } = volseed(['sync', ...on.where], { env });
      appendFileSync(join(on.volume, 'colors.json'), String(n));
      return [code, read(on, 'colors.json')];
    });
    expect(after).toEqual([
      [0, '{}1'],
      [0, '{}12'],
      [0, '{}123'],
    ]);
    expect(volseed(['sync', ...on.where], { env }).stdout).toContain('Reset r1 was applied on ');
  });

  it('with an id that was used is not announced by a dry run, nor where the volume is gone and the state is elsewhere', () => {
    const on = seeded();
    const args = [
      'sync',
      ...on.where,
      '--reset',
      'colors.json',
      '--reset-id',
      'r1',
      '--state-dir',
      join(on.root, 'st'),
    ];
    edit(on, 'colors.json');
    expect(volseed([...args, '--dry-run']).stdout).toContain('replace    colors.json');
    expect(volseed(args)).toMatchObject({ code: 0 });
    edit(on, 'colors.json');
    for (const about of ['edited', 'gone']) {
      if (about === 'gone') rmSync(on.volume, { recursive: true });
      const { result, changed } = changesBy(on.root, () => volseed([...args, '--dry-run']));
      expect([about, result.code, result.stderr, changed]).toEqual([about, 0, '', []]);
      expect(result.stdout).toContain('Reset r1 was applied on ');
      expect(result.stdout).not.toContain('replace ');
    }
  });

  it('without an id happens at every start, and says so', () => {
    const on = seeded();
    for (const time of [1, 2]) {
      edit(on, 'colors.json', 'tables/t1.csv');
      const { code, stdout } = volseed(['sync', ...on.where, '--reset', 'colors.json'], {});
      expect([time, code, read(on, 'colors.json'), read(on, 'tables/t1.csv')]).toEqual([time, 0, '{}', 'edited']);
      expect(stdout).toContain('as at every start');
    }
  });

  it('reaches paths that the policy would not', () => {
    const on = seeded();
    edit(on, 'tables/t1.csv');
    const args = ['sync', ...on.where, '--policy', 'never', '--reset', 'all'];
    expect(volseed(args)).toMatchObject({ code: 0 });
    expect(unlikeSeed(on)).toEqual([]);
  });

  it('refuses an id without anything to reset', () => {
    const on = seeded();
    expect(volseed(['sync', ...on.where, '--reset-id', 'x'])).toEqual(oneLine(2, '--reset-id', '--reset'));
  });
});

it('reset, backup and restore are runs on record', () => {
  const on = seeded();
  edit(on, 'colors.json');
  reset(on, 'colors.json');
  volseed(['backup', ...on.where]);
  restoreLast(on);
  const modes = runsOf(on.volume).map(({ mode, status }) => `${mode} ${status}`);
  expect(modes).toEqual(['sync completed', 'reset completed', 'backup completed', 'restore completed']);
});
