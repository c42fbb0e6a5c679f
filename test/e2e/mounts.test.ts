// Volumes that are not one plain directory: file systems inside them, too small, or read-only. Needs root to mount.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runsOf } from '../support/probe.ts';
import { volseed, type Result } from '../support/volseed.ts';

const isRoot = process.getuid?.() === 0;
if (!isRoot && process.env['CI'] !== undefined) throw new Error('CI runs these tests as root');

let base: string;
let seed: string;
let volume: string;
let mounted: string[];

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'volseed-mounts-'));
  seed = join(base, 'seed');
  volume = join(base, 'volume');
  mounted = [];
  mkdirSync(seed);
  mkdirSync(volume);
});

afterEach(() => {
  for (const path of mounted.toReversed()) execFileSync('umount', [path]);
  rmSync(base, { recursive: true, force: true });
});

function mount(path: string, ...args: string[]): void {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', [...args, path]);
  mounted.push(path);
}

function put(root: string, path: string, content = path): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), content);
}

function sync(...options: string[]): Result {
  return volseed(['sync', '--source', seed, '--target', volume, ...options]);
}

function strays(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => /\.volseed-[0-9a-f]/.test(name));
}

describe.skipIf(!isRoot)('a file system mounted inside the volume', () => {
  it('is seeded like the rest, new directories, updates and replaced types alike', () => {
    mount(join(volume, 'nested'), '-t', 'tmpfs', 'tmpfs');
    for (const path of ['nested/a', 'nested/deep/er/b', 'nested/c', 'plain/d']) put(seed, path);
    put(volume, 'nested/c', 'old, and shorter by far than the new');
    put(volume, 'nested/deep', 'a file where a directory is to be');
    execFileSync('touch', ['-d', '@1000', join(volume, 'nested/c')]);
    const { code, stderr } = sync();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const path of ['nested/a', 'nested/deep/er/b', 'nested/c', 'plain/d']) {
      expect(readFileSync(join(volume, path), 'utf8')).toBe(path);
    }
    expect(strays(volume)).toEqual([]);
    expect(sync().stdout).toContain('nothing to copy');
  });

  it('is stayed clear of where the seed has a file in its place', () => {
    mount(join(volume, 'nested'), '-t', 'tmpfs', 'tmpfs');
    put(seed, 'nested');
    const { code, stderr } = sync();
    expect(code).toBe(23);
    expect(stderr).toContain('nested: cannot be written: it is in use');
  });

  it('is swept of what a seeder that died has left beside its final names', () => {
    mount(join(volume, 'nested'), '-t', 'tmpfs', 'tmpfs');
    put(seed, 'nested/a');
    expect(sync().code).toBe(0);
    const stage = join(volume, '.volseed/stage/dead');
    mkdirSync(stage, { recursive: true });
    put(volume, 'nested/.b.volseed-0123456789ab');
    put(volume, 'nested/mine');
    const notes = ['nested/.b.volseed-0123456789ab', 'nested/mine', '../volume/nested/mine', '/etc/passwd', 7];
    writeFileSync(join(stage, 'beside'), JSON.stringify(notes));
    expect(sync().code).toBe(0);
    expect(strays(volume)).toEqual([]);
    expect(existsSync(join(volume, 'nested/mine'))).toBe(true);
    expect(readdirSync(join(volume, '.volseed/stage'))).toEqual([]);
  });
});

describe.skipIf(!isRoot)('a state directory on another file system', () => {
  it('serves as well, and the volume bears no trace of it', () => {
    const state = join(base, 'elsewhere/state');
    mount(join(base, 'elsewhere'), '-t', 'tmpfs', 'tmpfs');
    for (const path of ['a', 'b/c', 'b/d/e']) put(seed, path);
    const { code, stderr } = sync('--state-dir', state);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(readdirSync(volume).toSorted()).toEqual(['a', 'b']);
    expect(readdirSync(join(volume, 'b')).toSorted()).toEqual(['c', 'd']);
    expect(existsSync(join(state, 'state.db'))).toBe(true);
  });

  it('may lie inside the volume under another name, and is not seeded over', () => {
    put(seed, 'a');
    put(seed, '.state/state.db', 'a seed may have what it likes');
    expect(sync('--state-dir', join(volume, '.state')).code).toBe(0);
    expect(readFileSync(join(volume, '.state/state.db'), 'latin1')).toContain('SQLite format 3');
  });
});

describe.skipIf(!isRoot)('state and backups inside a volume that has another name besides', () => {
  const names: readonly (readonly [string, (alias: string) => void])[] = [
    ['a link', (alias) => symlinkSync(volume, alias)],
    ['a bind mount', (alias) => mount(alias, '--bind', volume)],
  ];
  const done = { code: 0, stderr: '' };

  for (const [how, name] of names)
    for (const [given, targetOf, insideOf] of [
      ['the target', (alias: string) => alias, () => volume],
      ['they', () => volume, (alias: string) => alias],
    ] as const) {
      const where = (alias: string): string[] => {
        const inside = insideOf(alias);
        const chosen = ['--state-dir', join(inside, 'st'), '--backup-dir', join(inside, 'bk')];
        return ['--source', seed, '--target', targetOf(alias), ...chosen];
      };

      it(`outlive a reset --delete-extra, are not seeded over, and not taken for data, where ${given} go by ${how}`, () => {
        const alias = join(base, 'alias');
        name(alias);
        for (const path of ['a', 'st/state.db', 'bk/file']) put(seed, path, 'of the image');
        const run = (...args: string[]): Result => volseed([...args, ...where(alias)]);
        expect(run('sync', '--policy', 'merge')).toMatchObject(done);
        const seen: string[][] = [];
        for (const extra of ['mine', 'mine, too']) {
          put(volume, extra);
          expect(run('reset', '--all', '--delete-extra', '--yes')).toMatchObject(done);
          seen.push(readdirSync(join(volume, 'bk')));
        }
        expect(readdirSync(volume).toSorted()).toEqual(['a', 'bk', 'st']);
        expect(seen[1]).toEqual(expect.arrayContaining(seen[0] ?? []));
        expect(seen[1]?.length).toBe(2 * (seen[0]?.length ?? 0));
        expect(runsOf(volume, join(volume, 'st')).map(({ mode }) => mode)).toEqual(['sync', 'reset', 'reset']);
        rmSync(join(volume, 'a'));
        const { code, stdout } = run('sync', '--policy', 'merge');
        expect([code, stdout]).toEqual([0, expect.stringContaining('The volume was emptied since the last run')]);
        expect(readdirSync(volume).toSorted()).toEqual(['a', 'bk', 'st']);
      });
    }

  it('outlive it where they lie in a part of the volume that is mounted elsewhere, too', () => {
    const alias = join(base, 'alias');
    for (const path of ['a', 'd/b', 'd/st/seeded']) put(seed, path);
    mkdirSync(join(volume, 'd'));
    mount(alias, '--bind', join(volume, 'd'));
    const chosen = ['--state-dir', join(alias, 'st'), '--backup-dir', join(alias, 'bk')];
    const reset = ['reset', '--all', '--delete-extra', '--yes', '--source', seed, '--target', volume, ...chosen];
    const seen: string[][] = [];
    for (const extra of ['d/mine', 'd/mine, too']) {
      put(volume, extra);
      expect(volseed(reset)).toMatchObject(done);
      seen.push(readdirSync(join(volume, 'd/bk')));
    }
    expect(seen[1]).toEqual(expect.arrayContaining(seen[0] ?? []));
    expect(readdirSync(join(volume, 'd')).toSorted()).toEqual(['b', 'bk', 'st']);
    expect(readdirSync(join(volume, 'd/st'))).not.toContain('seeded');
    expect(runsOf(volume, join(volume, 'd/st'))).toHaveLength(2);
  });

  it('are nothing that keeps a volume from having been emptied, where only the state is mounted elsewhere, too', () => {
    const alias = join(base, 'alias');
    put(seed, 'a');
    mkdirSync(join(volume, 'st'), { mode: 0o700 });
    mount(alias, '--bind', join(volume, 'st'));
    const merge = (): Result => sync('--policy', 'merge', '--state-dir', alias);
    expect(merge()).toMatchObject(done);
    rmSync(join(volume, 'a'));
    expect(merge().stdout).toContain('The volume was emptied since the last run');
    expect(readdirSync(volume).toSorted()).toEqual(['a', 'st']);
  });
});

describe.skipIf(!isRoot)('a volume that is too small', () => {
  it('is left as it was, with the figures of what is needed and what is free, in bytes', () => {
    mount(volume, '-t', 'tmpfs', '-o', 'size=512k', 'tmpfs');
    put(seed, 'big', 'x'.repeat(2_000_000));
    put(seed, 'small');
    const { code, stderr } = sync();
    expect(code).toBe(23);
    expect(stderr).toMatch(
      /^volseed: needs 2\.0 MB and 2 inodes, [\d.]+ kB and \d+ free on .*volume; nothing was touched: .+\n$/,
    );
    expect(readdirSync(volume)).toEqual(['.volseed']);
  });

  it('is left as it was, with the figures, in inodes', () => {
    mount(volume, '-t', 'tmpfs', '-o', 'nr_inodes=20', 'tmpfs');
    for (let number = 0; number < 40; number++) put(seed, `file${number}`);
    const { code, stderr } = sync();
    expect(code).toBe(23);
    expect(stderr).toMatch(/needs .* and 40 inodes, .* and \d+ free on /);
    expect(readdirSync(volume)).toEqual(['.volseed']);
  });
});

describe.skipIf(!isRoot)('a read-only volume', () => {
  it('that is as it should be is no error', () => {
    put(seed, 'a');
    expect(sync().code).toBe(0);
    mount(volume, '--bind', volume);
    execFileSync('mount', ['-o', 'remount,bind,ro', volume]);
    const { code, stdout, stderr } = sync();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('nothing to copy');
  });

  it('that would have to change is 23, in one line that says so', () => {
    put(seed, 'a');
    mount(volume, '--bind', volume);
    execFileSync('mount', ['-o', 'remount,bind,ro', volume]);
    const { code, stderr } = sync();
    expect(code).toBe(23);
    expect(stderr).toMatch(
      /^volseed: target .* is on a read-only file system, and 1 path would have to be written; .+\n$/,
    );
  });

  it('needs nothing where the reset was done before it was read-only, and where the image is older than it', () => {
    put(seed, 'a');
    utimesSync(join(seed, 'a'), 1_500_000_000, 1_500_000_000);
    const reset = ['--reset', 'a', '--reset-id', 'X'];
    const named = (version: string, ...options: string[]): Result =>
      volseed(['sync', '--source', seed, '--target', volume, ...options], { env: { VOLSEED_IMAGE_VERSION: version } });
    expect(named('2.0', ...reset)).toMatchObject({ code: 0 });
    put(volume, 'a', 'edited since');
    mount(volume, '--bind', volume);
    execFileSync('mount', ['-o', 'remount,bind,ro', volume]);
    const done = named('2.0', ...reset);
    expect({ ...done }).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('is not done again') });
    put(seed, 'new');
    expect(named('1.0', '--on-downgrade', 'keep')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('nothing is seeded (onDowngrade keep)'),
    });
    expect(named('1.0', '--on-downgrade', 'refuse').code).toBe(76);
    expect(named('1.0').code).toBe(23);
    expect(named('2.0', '--reset', 'a', '--reset-id', 'Y').stdout).toContain('was not applied to this volume yet');
  });

  it('is refused what it would be refused if it could be written', () => {
    for (const path of ['d/1', 'd/2', 'd/3']) put(seed, path);
    expect(sync('--policy', 'merge').code).toBe(0);
    rmSync(join(seed, 'd'), { recursive: true });
    put(seed, 'a');
    mount(volume, '--bind', volume);
    execFileSync('mount', ['-o', 'remount,bind,ro', volume]);
    expect(sync('--policy', 'merge', '--prune')).toMatchObject({
      code: 76,
      stderr: expect.stringContaining('the seed has lost'),
    });
  });
});

describe('the root of the volume', () => {
  it('keeps its own mode and mtime', () => {
    put(seed, 'a');
    put(seed, 'b/c');
    chmodSync(volume, 0o751);
    execFileSync('touch', ['-d', '@1234567890', volume]);
    expect(sync().code).toBe(0);
    const { mode, mtimeMs } = lstatSync(volume);
    expect({ mode: mode & 0o7777, mtimeMs }).toEqual({ mode: 0o751, mtimeMs: 1234567890000 });
  });
});
