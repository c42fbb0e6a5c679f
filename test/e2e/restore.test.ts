// `backup`, `backups` and `restore`: what was comes back exactly, and an archive can do no harm.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { changesBy, type Ground, ground } from '../support/probe.ts';
import { changes, snapshot } from '../support/snapshot.ts';
import { file, symlink } from '../support/tree.ts';
import { runToEnd, volseed, type Result } from '../support/volseed.ts';

const shipped = { 'a/file': file('image'), 'a/link': symlink('file'), b: file('image') };

interface Backed {
  readonly on: Ground;
  readonly id: string;
  readonly archive: string;
  readonly record: string;
}

/** A volume that was edited and reset. */
function backedUp(): Backed {
  const on = ground(shipped);
  volseed(['sync', ...on.where]);
  writeFileSync(join(on.volume, 'a/file'), 'users');
  rmSync(join(on.volume, 'a/link'));
  writeFileSync(join(on.volume, 'b'), 'users too');
  volseed(['reset', '--all', '--yes', ...on.where]);
  const [id = ''] = idsOf(on);
  const archive = join(on.volume, '.volseed/backups', `${id}.tar.gz`);
  return { on, id, archive, record: join(on.volume, '.volseed/backups', `${id}.json`) };
}

function idsOf(on: Ground): string[] {
  const { stdout } = volseed(['backups', '--json', '--target', on.volume]);
  return (JSON.parse(stdout) as { backups: { id: string }[] }).backups.map(({ id }) => id);
}

const restore = (on: Ground, ...args: string[]): Result => volseed(['restore', '--target', on.volume, ...args]);
const read = (on: Ground, path: string): string => readFileSync(join(on.volume, path), 'utf8');

/** Writes another archive in the place of one, with a checksum that is right. */
function forge({ archive, record }: Backed, content: Uint8Array): void {
  const packed = gzipSync(content);
  writeFileSync(archive, packed);
  const said = JSON.parse(readFileSync(record, 'utf8')) as Record<string, unknown>;
  said['archive'] = { size: packed.length, sha256: createHash('sha256').update(packed).digest('hex') };
  writeFileSync(record, JSON.stringify(said));
}

const INDEX = '.volseed-backup.json';

/** The same archive with another index. */
function withIndex(backed: Backed, change: (index: { entries: Record<string, unknown>[]; absent: unknown[] }) => void) {
  const content = gunzipSync(readFileSync(backed.archive));
  const at = content.lastIndexOf(Buffer.from(INDEX));
  const size = Number.parseInt(content.toString('latin1', at + 124, at + 135), 8);
  const index = JSON.parse(content.toString('utf8', at + 512, at + 512 + size)) as never;
  change(index);
  const text = Buffer.from(JSON.stringify(index));
  const header = Buffer.from(content.subarray(at, at + 512));
  header.write(`${text.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  seal(header);
  const end = Buffer.alloc(1024 + ((512 - (text.length % 512)) % 512));
  forge(backed, Buffer.concat([content.subarray(0, at), header, text, end]));
}

function seal(header: Buffer): void {
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

const entry = (path: string, more: Record<string, unknown> = {}) => ({
  path,
  kind: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  seconds: 1,
  nanoseconds: 0,
  holds: 'attributes',
  ...more,
});

describe('restore', () => {
  it('brings back what a pattern selects, and leaves the rest', () => {
    const { on, id } = backedUp();
    expect(restore(on, id, 'a/**')).toMatchObject({ code: 0 });
    expect([read(on, 'a/file'), existsSync(join(on.volume, 'a/link')), read(on, 'b')]).toEqual([
      'users',
      false,
      'image',
    ]);
  });

  it('--last once more undoes the restore', () => {
    const { on } = backedUp();
    expect(restore(on, '--last')).toMatchObject({ code: 0 });
    expect(read(on, 'b')).toBe('users too');
    expect(restore(on, '--last')).toMatchObject({ code: 0 });
    expect(read(on, 'b')).toBe('image');
  });

  it('keeps what a user put into a directory that a reset had made', () => {
    const on = ground(shipped);
    volseed(['reset', '--all', '--yes', ...on.where]);
    writeFileSync(join(on.volume, 'a/mine'), 'mine');
    const { code, stdout } = restore(on, '--last');
    expect(code).toBe(0);
    expect(stdout).toContain('kept a: not empty');
    expect(readdirSync(join(on.volume, 'a'))).toEqual(['mine']);
  });

  it('--dry-run says what it would do, and changes nothing, not even in the state', () => {
    const { on } = backedUp();
    const { result, changed } = changesBy(on.volume, () => restore(on, '--last', '--dry-run'));
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toContain('remove     a/link (not there then)');
    expect(changed).toEqual([]);
  });

  it('backups leaves a volume without any as it is', () => {
    const on = ground(shipped);
    const { result, changed } = changesBy(on.volume, () => volseed(['backups', '--target', on.volume]));
    expect(result).toMatchObject({ code: 0, stdout: 'There are no backups.\n' });
    expect(changed).toEqual([]);
  });

  it.each([
    ['an id that there is not', ['nonesuch'], 'nonesuch'],
    ['a path for an id', ['../../x'], '../../x'],
    ['neither an id nor --last', [], '--last'],
    ['a pattern that selects nothing', ['--last', 'c'], 'selects nothing'],
  ])('refuses %s', (_, args, words) => {
    const { on } = backedUp();
    const before = snapshot(on.volume, { root: true });
    const { code, stderr } = restore(on, ...args);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^volseed: [^\n]*\n$/)]);
    expect(stderr).toContain(words);
    expect(changes(before, snapshot(on.volume, { root: true }))).toEqual([]);
  });
});

/** What a restore of it comes to: nothing may have been touched, in the volume or beside it. */
function refusal({ on, id }: Backed) {
  const look = () => [...snapshot(on.root, { root: true })].filter(([path]) => !path.includes('.volseed'));
  const before = new Map(look());
  const { code, stderr } = restore(on, id);
  return { code, stderr, changed: changes(before, new Map(look())) };
}

const lineWith = (word: string) => ({
  code: 76,
  stderr: expect.stringMatching(new RegExp(`^volseed: [^\n]*${word}[^\n]*\n$`)) as unknown,
  changed: [],
});

describe('an archive that is not what was written', () => {
  it('is refused where it was truncated', () => {
    const backed = backedUp();
    truncateSync(backed.archive, 100);
    expect(refusal(backed)).toEqual(lineWith('checksum'));
  });

  it('is refused where one bit was turned', () => {
    const backed = backedUp();
    const bytes = readFileSync(backed.archive);
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    writeFileSync(backed.archive, bytes);
    expect(refusal(backed)).toEqual(lineWith('checksum'));
  });

  it('is refused where it is no archive at all', () => {
    const backed = backedUp();
    forge(backed, Buffer.from('nothing of the kind'));
    expect(refusal(backed)).toEqual(lineWith(backed.id));
  });

  it.each([
    ['goes up', { absent: ['../victim'] }],
    ['is absolute', { absent: ['/etc/victim'] }],
    ['goes up in the middle', { entries: [entry('a/../../victim')] }],
    ['has an empty level', { entries: [entry('x//y')] }],
    ['has a NUL byte', { entries: [entry('x\0y')] }],
    ['is the state directory', { absent: ['.volseed/state.db'] }],
    ['is there twice', { absent: ['b'] }],
    [
      'leads through a link',
      { entries: [entry('l', { kind: 'link', target: '/etc', holds: 'content' }), entry('l/passwd')] },
    ],
    ['has a mode that is none', { entries: [entry('x', { mode: 0o17777 })] }],
    [
      'has a content without a member',
      { entries: [entry('x', { kind: 'file', size: 1, sha256: 'a'.repeat(64), holds: 'content' })] },
    ],
  ])('is refused where a path of its index %s', (_, more: { entries?: object[]; absent?: string[] }) => {
    const backed = backedUp();
    withIndex(backed, ({ entries, absent }) => {
      entries.push(...((more.entries ?? []) as never[]));
      absent.push(...(more.absent ?? []));
    });
    expect(refusal(backed)).toEqual(lineWith('cannot be trusted'));
  });

  it.each(['../file', '/file', 'b', 'c'])('is refused where a member is called %s', (name) => {
    const backed = backedUp();
    const content = gunzipSync(readFileSync(backed.archive));
    const at = content.indexOf(Buffer.from('a/file\0'));
    // Its PAX record goes, and its name in the header is another.
    const header = Buffer.from(content.subarray(at, at + 512));
    header.fill(0, 0, 100).write(name);
    seal(header);
    forge(backed, Buffer.concat([content.subarray(0, at - 1024), header, content.subarray(at + 512)]));
    expect(refusal(backed)).toEqual(lineWith('cannot be trusted'));
  });

  it('is refused where a content is not that of its index', () => {
    const backed = backedUp();
    const content = gunzipSync(readFileSync(backed.archive));
    content.write('USERS', content.indexOf(Buffer.from('users')), 'latin1');
    forge(backed, content);
    expect(refusal(backed)).toEqual(lineWith('content'));
  });
});

describe('backup', () => {
  it('is an archive that tar can list, of what the volume has at the paths of the seed', () => {
    const on = ground(shipped);
    volseed(['sync', ...on.where]);
    writeFileSync(join(on.volume, 'mine'), '');
    expect(volseed(['backup', ...on.where])).toMatchObject({ code: 0, stderr: '' });
    const [id = ''] = idsOf(on);
    const { stdout } = runToEnd('tar', ['tzf', join(on.volume, '.volseed/backups', `${id}.tar.gz`)]);
    expect(stdout).toBe(`a/\na/file\na/link\nb\n${INDEX}\n`);
  });

  it('can lie elsewhere, and only so many are kept', () => {
    const on = ground(shipped);
    const elsewhere = join(on.root, 'backups');
    volseed(['sync', ...on.where]);
    for (let n = 0; n < 3; n++) volseed(['backup', ...on.where, '--backup-dir', elsewhere, '--keep-backups', '2']);
    expect(readdirSync(elsewhere).filter((name) => name.endsWith('.tar.gz'))).toHaveLength(2);
    writeFileSync(join(on.volume, 'b'), 'edited');
    const [id = ''] = readdirSync(elsewhere)
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -5));
    expect(restore(on, id, '--backup-dir', elsewhere)).toMatchObject({ code: 0 });
    expect(read(on, 'b')).toBe('image');
  });

  it('that cannot be written ends the reset before anything was touched', () => {
    const on = ground(shipped);
    volseed(['sync', ...on.where]);
    writeFileSync(join(on.volume, 'b'), 'edited');
    const notADirectory = join(on.root, 'taken');
    writeFileSync(notADirectory, '');
    const { result, changed } = changesBy(join(on.volume, 'a'), () =>
      volseed(['reset', 'b', ...on.where, '--backup-dir', notADirectory]),
    );
    expect(result).toMatchObject({ code: 23, stderr: expect.stringContaining('backup directory') as unknown });
    expect([changed, read(on, 'b')]).toEqual([[], 'edited']);
  });

  it('is made by sync, too, where it is asked for', () => {
    const on = ground({ b: file('new', { mtime: 2_000_000_000 }) }, { b: file('old', { mtime: 1 }) });
    expect(volseed(['sync', ...on.where, '--backup'])).toMatchObject({ code: 0 });
    expect(restore(on, '--last')).toMatchObject({ code: 0 });
    expect(read(on, 'b')).toBe('old');
  });
});
