// `volseed manifest`, and what a start makes of it.
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Ground, ground, lines, oneLine } from '../support/probe.ts';
import { ordinary, suite } from '../support/prerequisites.ts';
import { directory, fifo, file, socket, symlink } from '../support/tree.ts';
import { type Options, type Result, volseed } from '../support/volseed.ts';

const NAME = '.volseed-manifest';
const disbelief = 'the seed is walked instead';
const shipped = {
  'tables/t1.csv': file('one', { mtime: 1_500_000_001 }),
  'tables/t2.csv': file('two', { mtime: 1_500_000_002 }),
  'global/link': symlink('../tables'),
  empty: directory({ mode: 0o700 }),
};

const manifest = ({ seed }: Pick<Ground, 'seed'>, args: readonly string[] = [], options: Options = {}): Result =>
  volseed(['manifest', '--source', seed, ...args], options);
const sync = (on: Ground, ...args: readonly string[]): Result => volseed(['sync', ...on.where, ...args]);
const bytesOf = ({ seed }: Ground): Buffer => readFileSync(join(seed, NAME));

/** Replaces a file without moving the time of its directory, as a layer may. */
function replace(on: Ground, path: string, content: string): void {
  const at = join(on.seed, path);
  const { mtimeMs } = statSync(join(at, '..'));
  writeFileSync(`${at}.new`, content);
  renameSync(`${at}.new`, at);
  utimesSync(join(at, '..'), mtimeMs / 1000, mtimeMs / 1000);
}

function swap(at: string): void {
  rmSync(at);
  mkdirSync(at);
}

const verify = (on: Ground, ...args: readonly string[]): Result => volseed(['verify', ...on.where, ...args]);

function spoiled(): Ground {
  const on = ground(shipped);
  manifest(on);
  const { atime, mtime } = statSync(join(on.seed, 'tables/t1.csv'));
  writeFileSync(join(on.seed, 'tables/t1.csv'), 'ONE');
  utimesSync(join(on.seed, 'tables/t1.csv'), atime, mtime);
  chmodSync(join(on.seed, 'tables/t2.csv'), 0o600);
  writeFileSync(join(on.seed, 'empty/new'), '');
  rmSync(join(on.seed, 'global'), { recursive: true });
  sync(on);
  return on;
}

describe('volseed manifest', () => {
  it('writes one file, needs no target, and says in one line what is in it', () => {
    const on = ground(shipped);
    expect(manifest(on)).toEqual({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(
        new RegExp(`^Wrote ${on.seed}/${NAME}: 6 paths in \\d+ bytes, 0 earlier versions, digest [0-9a-f]{64}\\.\n$`),
      ),
    });
    expect(readdirSync(on.seed).toSorted()).toEqual([NAME, 'empty', 'global', 'tables']);
  });

  it('writes the same bytes for the same seed, there and in a copy of it, whatever manifest was there before', () => {
    const [on, other] = [ground(shipped), ground(shipped)];
    for (const each of [on, other]) utimesSync(each.seed, 5, 5);
    for (const each of [on, on, other]) expect(manifest(each)).toMatchObject({ code: 0 });
    expect(bytesOf(on)).toEqual(bytesOf(other));
    expect(statSync(on.seed).mtimeMs).toBe(5000);
  });

  it('takes the source and the version from the environment, and the version from a flag first', () => {
    const on = ground(shipped);
    const env = { VOLSEED_SOURCE: on.seed, VOLSEED_IMAGE_VERSION: '1.4' };
    expect(volseed(['manifest'], { env })).toMatchObject({ code: 0 });
    expect(sync(on, '--log-level', 'debug').stdout).toMatch(/by its manifest [0-9a-f]{64} of image version 1\.4\.$/m);
    expect(volseed(['manifest', '--image-version', '1.5'], { env })).toMatchObject({ code: 0 });
    expect(sync(on, '--log-level', 'debug').stdout).toContain('of image version 1.5.');
  });

  it('warns of special files and passes over them, as a sync does', () => {
    const on = ground({ ...shipped, 'tables/pipe': fifo(), socket: socket() });
    const { code, stderr } = manifest(on);
    expect([code, lines(stderr).length]).toEqual([0, 2]);
    expect(stderr).toContain('tables/pipe: is a FIFO, socket or device in the seed; passed over');
    expect(sync(on)).toMatchObject({ code: 0, stderr: expect.stringContaining('tables/pipe: is a FIFO') });
  });

  it('counts what earlier images shipped: of a manifest, of a directory, of several, and of their own history', () => {
    const [one, two, three] = [ground(shipped), ground(shipped), ground(shipped)];
    writeFileSync(join(two.seed, 'tables/t1.csv'), 'changed');
    writeFileSync(join(three.seed, 'tables/t1.csv'), 'changed again');
    rmSync(join(three.seed, 'tables/t2.csv'));
    expect(manifest(one)).toMatchObject({ code: 0 });
    const history = ['--history', join(one.seed, NAME)];
    expect(manifest(two, history).stdout).toContain(', 1 earlier version,');
    // t1.csv as in one and in two, and t2.csv, which is no more.
    expect(manifest(three, ['--history', two.seed]).stdout).toContain(', 3 earlier versions,');
    const last = bytesOf(three);
    expect(manifest(three, ['--history', two.seed, ...history]).stdout).toContain(', 3 earlier versions,');
    expect(bytesOf(three)).toEqual(last);
    expect(manifest(three, ['--history', three.seed]).stdout).toContain(', 3 earlier versions,');
    expect(bytesOf(three)).toEqual(last);
  });

  it('removes what a run that was killed has left, which would else be seeded', () => {
    const on = ground(shipped);
    writeFileSync(join(on.seed, `${NAME}.new`), 'half');
    expect(manifest(on)).toMatchObject({ code: 0, stdout: expect.stringContaining(': 6 paths in') });
    expect(readdirSync(on.seed)).not.toContain(`${NAME}.new`);
  });

  it.each<[string, (on: Ground) => readonly string[], number, string]>([
    ['a history that is not there', ({ root }) => ['--history', `${root}/none`], 2, 'no such file or directory'],
    ['a history that is none', ({ seed }) => ['--history', `${seed}/tables/t1.csv`], 2, 'is not a manifest'],
    ['a directory without one', ({ seed }) => ['--history', `${seed}/tables`], 2, 'no such file or directory'],
    ['a version without end', () => ['--image-version', 'v'.repeat(300)], 2, 'up to 255 bytes'],
    ['a target', ({ volume }) => ['--target', volume], 2, '--target is an option of'],
  ])('ends with one line over %s, and writes nothing', (_, args, code, words) => {
    const on = ground(shipped);
    expect(manifest(on, args(on))).toEqual(oneLine(code, words));
    expect(readdirSync(on.seed)).not.toContain(NAME);
  });

  it('ends 2 where there is no such source, and names it', () => {
    const { root } = ground(shipped);
    expect(manifest({ seed: `${root}/none` })).toEqual(oneLine(2, `source ${root}/none (--source) does not exist`));
  });
});

suite('volseed manifest by an ordinary user', ['root', 'a checkout that other users can read'], () => {
  it('writes nothing and ends 23 where it cannot read all of the seed, and names what', () => {
    const on = ground({ ...shipped, 'global/secret': file('s', { mode: 0o600 }) });
    for (const each of ['', 'empty']) chownSync(join(on.seed, each), ordinary.uid, ordinary.gid);
    const { code, stderr } = manifest(on, [], ordinary);
    expect(code).toBe(23);
    expect(stderr).toMatch(/^volseed: global\/secret: cannot be read: permission denied\n.*No manifest was written/);
    expect(readdirSync(on.seed)).not.toContain(NAME);
  });

  it('ends 23 with one line where the seed is not its own to write to', () => {
    const on = ground({ 'tables/t1.csv': file('one') });
    expect(manifest(on, [], ordinary)).toEqual({
      ...oneLine(23, 'cannot be written to', 'where the image is built'),
      stdout: '',
    });
  });
});

describe('a start', () => {
  it('goes by the manifest, and seeds all but it', () => {
    const on = ground(shipped);
    manifest(on);
    const { code, stdout, stderr } = sync(on, '--log-level', 'debug');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('The seed is known by its manifest');
    expect(readdirSync(on.volume).toSorted()).toEqual(['.volseed', 'empty', 'global', 'tables']);
    expect(sync(on).stdout).toContain('Totals: nothing to copy, 6 up to date');
  });

  it.each<[string, (on: Ground) => void, string]>([
    ['a file was replaced', (on) => replace(on, 'tables/t1.csv', 'another'), 'tables/t1.csv has another size'],
    ['a file came', ({ seed }) => writeFileSync(join(seed, 'tables/t9.csv'), '9'), 'tables has another time'],
    ['it is cut off', ({ seed }) => writeFileSync(join(seed, NAME), 'volseed-manifest\x01'), 'ends too early'],
    [
      'it is of a later version',
      ({ seed }) => writeFileSync(join(seed, NAME), 'volseed-manifest\x02'),
      'later version',
    ],
    ['it is a directory', ({ seed }) => swap(join(seed, NAME)), 'is not a regular file'],
  ])('warns in one line that says why, and seeds what there is, where %s', (_, change, why) => {
    const on = ground(shipped);
    manifest(on);
    change(on);
    const { code, stderr } = sync(on);
    expect(code).toBe(0);
    expect(lines(stderr)).toEqual([expect.stringMatching(new RegExp(`^volseed: warning: .*${why}.*${disbelief}`))]);
    const { stdout } = volseed(['verify', ...on.where]);
    expect(stdout).toMatch(/^Verified: 0 missing, 0 damaged, 0 edited, 0 outdated/m);
  });

  it('says of a file that was written in place in a large seed that it is another one, copies the rest, and ends 23', () => {
    const many = Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`d/${n}`, file('x', { mtime: 100 + n })]));
    const on = ground(many);
    manifest(on);
    writeFileSync(join(on.seed, 'd/300'), 'written in place');
    const { code, stderr } = sync(on);
    expect(code).toBe(23);
    expect(lines(stderr)[0]).toBe(
      'volseed: d/300: is not what the manifest of the seed says; run volseed manifest again where the image is built',
    );
    expect(readdirSync(join(on.volume, 'd'))).toHaveLength(599);
  });

  it('warns that newer cannot see updates where all mtimes are one, and names what can', () => {
    const on = ground({ a: file('1'), b: file('2') });
    expect(sync(on).stderr).toBe('');
    manifest(on);
    expect(sync(on)).toEqual({
      code: 0,
      stdout: expect.any(String),
      stderr: expect.stringMatching(/^volseed: warning: all 2 files .*--policy merge.*--checksum\n$/),
    });
    expect(sync(on, '--checksum').stderr).toBe('');
  });

  it('compares contents where that is asked for, with a manifest as without', () => {
    const on = ground(shipped, { 'tables/t1.csv': file('ONE', { mtime: 1_500_000_001 }) });
    manifest(on);
    expect(sync(on).stdout).not.toContain('tables/t1.csv');
    expect(sync(on, '--checksum').stdout).toContain('\ntables/t1.csv\n');
  });
});

describe('verify', () => {
  it('checks every entry and every hash of the manifest, also what no start would notice, and ends 3', () => {
    const on = spoiled();
    const { code, stdout, stderr } = verify(on);
    expect({ code, stderr }).toEqual({ code: 3, stderr: '' });
    expect(lines(stdout)).toEqual([
      'manifest empty (has another time)',
      'manifest global (is gone)',
      'manifest empty/new (is not in it)',
      'manifest tables/t1.csv (has another content)',
      'manifest tables/t2.csv (has another mode)',
      expect.stringMatching(/^The seed against its manifest: 1 as it says, 5 not; run volseed manifest again/),
      expect.stringMatching(/^Verified: 0 missing/),
    ]);
    const { manifest: found } = JSON.parse(verify(on, '--json').stdout);
    expect(found).toMatchObject({ same: 1, differing: { length: 5, 1: { path: 'global', what: 'is gone' } } });
  });

  it('ends 0 where all of it is as the manifest says', () => {
    const on = ground(shipped);
    manifest(on);
    sync(on);
    expect(verify(on)).toEqual({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/^The seed against its manifest: 6 as it says, 0 not\.\nVerified: /),
    });
  });

  it('says that the manifest itself is damaged, and ends 3', () => {
    const on = ground(shipped);
    manifest(on);
    sync(on);
    const bytes = bytesOf(on);
    bytes[bytes.length - 50] = (bytes.at(-50) ?? 0) ^ 1;
    writeFileSync(join(on.seed, NAME), bytes);
    expect(verify(on)).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/^The manifest is damaged; run volseed/),
    });
  });
});
