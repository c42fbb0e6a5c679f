import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { NOBODY, type Entry } from '../../src/core/entry.ts';
import { MEMORY, openDirect } from '../../src/fs/direct.ts';
import { list, openHandle } from '../../src/fs/disk.ts';
import { entryOf, glance, isAsRecorded, look, lookAt, openAtOnce, proofAt, roomFor } from '../../src/fs/look.ts';
import { firstNumber, Random } from '../support/random.ts';
import { directory, fifo, file, socket, symlink, type Time } from '../support/tree.ts';
import { name, place, type Literal } from './place.ts';

function here(literal: Literal): void {
  process.chdir(place(literal));
}

/** Looks until the C library is asked. */
function openTheDoor(): void {
  for (let n = 0; n < 250; n++) look('.');
}

const isRoot = process.getuid?.() === 0;

/** What node:fs says of a name, told as an entry. */
function oracle(at: string): Entry {
  const stat = fs.lstatSync(Buffer.from(at, 'latin1'), { bigint: true });
  const nanoseconds = Number(BigInt.asUintN(64, ((stat.mtimeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n));
  const common = {
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    seconds: Number((stat.mtimeNs - BigInt(nanoseconds)) / 1_000_000_000n),
    nanoseconds,
    witness: { device: stat.dev, inode: stat.ino, changed: stat.ctimeNs, links: Number(stat.nlink) },
  };
  if (stat.isFile()) return { kind: 'file', ...common, size: Number(stat.size) };
  if (stat.isDirectory()) return { kind: 'directory', ...common };
  if (!stat.isSymbolicLink()) return { kind: 'other', ...common };
  return { kind: 'link', ...common, target: fs.readlinkSync(Buffer.from(at, 'latin1'), 'latin1') };
}

describe.each(['by node:fs', 'by the C library'])('a look %s', (by) => {
  beforeEach(() => {
    if (by === 'by the C library') openTheDoor();
  });

  it('tells what each kind of entry is, and what it has', () => {
    here({
      f: file('four', { mode: 0o4711, mtime: '100.25' }),
      d: directory({ mode: 0o2750 }),
      l: symlink('nowhere', { mtime: 7 }),
      p: fifo(),
      s: socket(),
    });
    expect(look(name('f'))).toMatchObject({
      kind: 'file',
      size: 4,
      mode: 0o4711,
      seconds: 100,
      nanoseconds: 250_000_000,
    });
    expect(look(name('d'))).toMatchObject({ kind: 'directory', mode: 0o2750 });
    expect(look(name('l'))).toMatchObject({ kind: 'link', target: 'nowhere', seconds: 7 });
    expect(look(name('p'))).toMatchObject({ kind: 'other' });
    expect(look(name('s'))).toMatchObject({ kind: 'other' });
    expect(look(name('none'))).toBeUndefined();
  });

  it('takes names and link targets as bytes, whatever they are', () => {
    here({ '\xff\n': file(), 'caf\xc3\xa9': symlink('\xfe\xff') });
    expect(list()).toEqual(['caf\xc3\xa9', '\xff\n']);
    expect(look(name('\xff\n'))).toMatchObject({ kind: 'file' });
    expect(look(name('caf\xc3\xa9'))).toMatchObject({ kind: 'link', target: '\xfe\xff' });
  });

  it('takes a name of 255 bytes, and one that is longer than a look can take is the refusal of the kernel', () => {
    const [longest, longer, endless] = ['n'.repeat(255), 'n'.repeat(256), 'n'.repeat(5000)];
    here({ [longest]: file('x') });
    expect(look(name(longest))).toMatchObject({ kind: 'file', size: 1 });
    expect(() => look(name(longer))).toThrow('ENAMETOOLONG');
    expect(() => look(name(endless))).toThrow('ENAMETOOLONG');
  });

  it('takes no name for the part of it before a zero', () => {
    here({ f: file('x') });
    expect(() => look(name('f\0g'))).toThrow('null bytes');
  });

  it('counts names, and sees a second one come', () => {
    here({ f: file() });
    expect(look(name('f'))?.witness.links).toBe(1);
    fs.linkSync('f', 'g');
    expect(look(name('f'))?.witness.links).toBe(2);
  });

  it('tells of times before 1970 and beyond 2038, and of sizes beyond 4 GiB', () => {
    const times: Time[] = ['-1.5', '-0.000000001', '-2147483648.25', 0, '4294967296.000000001', '8000000000.999999999'];
    here(Object.fromEntries(times.map((mtime, n) => [`${n}`, file('', { mtime })])));
    fs.truncateSync('3', 2 ** 32 + 5);
    fs.utimesSync('3', 0, 0);
    const all = list();
    expect(all.map(look)).toEqual(all.map(oracle));
    expect(look(name('0'))).toMatchObject({ seconds: -2, nanoseconds: 500_000_000 });
    expect(look(name('3'))).toMatchObject({ size: 2 ** 32 + 5, seconds: 0 });
    expect(glance(name('3'), true)).toMatchObject({ size: 2 ** 32 + 5, seconds: 0 });
    expect(glance(name('2'), true)).toMatchObject({ seconds: -2147483649 });
  });

  it.skipIf(!isRoot)('tells of the largest owners', () => {
    here({ f: file('', { uid: 2 ** 32 - 2, gid: 2 ** 31 }) });
    expect(look(name('f'))).toMatchObject({ uid: 2 ** 32 - 2, gid: 2 ** 31 });
    expect(glance(name('f'), false)).toMatchObject({ uid: 2 ** 32 - 2, gid: 2 ** 31 });
  });

  it('tells of /dev/null and of other file systems what node:fs tells', () => {
    process.chdir('/');
    const all = list().map(String);
    expect([...all, 'dev/null', 'proc/self', 'proc/1', 'sys/kernel'].map((each) => look(name(each)))).toEqual(
      [...all, 'dev/null', 'proc/self', 'proc/1', 'sys/kernel'].map(oracle),
    );
  });

  it('at what is open tells what it is, under whatever name', () => {
    here({ f: file('four', { mtime: '-1.5' }), d: directory(), l: symlink('f') });
    for (const each of ['f', 'd']) {
      const handle = openHandle(name(each));
      fs.renameSync(each, 'elsewhere');
      const { witness, ...told } = oracle('elsewhere');
      expect(lookAt(handle)).toEqual({ witness, ...told });
      expect(proofAt(handle)).toEqual({ inode: witness.inode, changed: witness.changed });
      fs.closeSync(handle);
      fs.renameSync('elsewhere', each);
    }
    expect(() => lookAt(9999)).toThrow('EBADF');
  });

  it('at one that nobody may take is refused as the kernel refuses it', () => {
    here({ f: file() });
    expect(() => look(name('f/below'))).toThrow('ENOTDIR');
    expect(() => glance(name('f/below'), false)).toThrow('ENOTDIR');
  });

  it('finds a file and a directory as they were recorded, and nothing else', () => {
    here({ f: file('four', { mtime: '100.25' }), d: directory({ mtime: 100 }), l: symlink('f') });
    const [f, d, l] = ['f', 'd', 'l'].map((each) => look(name(each))) as [Entry, Entry, Entry];
    const kept = roomFor(3);
    kept.at = 1;
    expect(isAsRecorded('f', f, kept)).toBe(true);
    kept.at = 2;
    expect(isAsRecorded('d', d, kept)).toBe(true);
    look(name('l'));
    expect([entryOf(kept, 2), entryOf(kept, 1)]).toEqual([d, f]);
    const others = [{ mode: 0o777 }, { uid: 7 }, { gid: 7 }, { size: 3 }, { seconds: 99 }, { nanoseconds: 1 }];
    for (const other of others) expect(isAsRecorded('f', { ...f, ...other })).toBe(false);
    expect([isAsRecorded('l', l), isAsRecorded('d', f), isAsRecorded('f', d), isAsRecorded('none', f)]).not.toContain(
      true,
    );
    // The layer of an image keeps whole seconds.
    fs.utimesSync('f', 0, 100);
    expect(isAsRecorded('f', { ...f, witness: NOBODY })).toBe(true);
  });

  it('glances at regular files alone, and asks for no proof that is not wanted', () => {
    here({ f: file('four'), d: directory(), l: symlink('f'), p: fifo() });
    expect(['d', 'l', 'p', 'none'].map((each) => glance(name(each), true))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    const { inode, changed } = (look(name('f')) as Entry).witness;
    expect(glance(name('f'), true)?.witness).toEqual({ inode, changed });
    expect(glance(name('f'), false)?.witness.inode).toBe(0n);
  });
});

it('asks the C library after some looks, and no longer node:fs', () => {
  here({ f: file('four') });
  openTheDoor();
  using spy = vi.spyOn(fs, 'lstatSync');
  using open = vi.spyOn(fs, 'fstatSync');
  expect(look(name('f'))).toMatchObject({ size: 4 });
  expect(look('.')).toMatchObject({ kind: 'directory' });
  expect([spy.mock.calls.length, open.mock.calls.length]).toEqual([0, 0]);
  expect(look(name('none'))).toBeUndefined();
  expect(spy).toHaveBeenCalledTimes(1);
});

it('tells of files that anybody may have made what node:fs tells', () => {
  openTheDoor();
  const random = new Random(firstNumber);
  here({});
  for (let n = 0; n < 300; n++) {
    const at = `${n}-${'x'.repeat(random.below(200))}`;
    fs.writeFileSync(at, 'y'.repeat(random.below(5000)), { mode: random.below(0o10000) });
    if (isRoot) fs.chownSync(at, random.below(2 ** 32 - 1), random.below(2 ** 32 - 1));
    fs.chmodSync(at, random.below(0o10000));
    fs.utimesSync(at, 1, `${random.below(12_000_000_000) - 4_000_000_000}.${random.below(1_000_000)}`);
  }
  const all = list();
  expect({ VOLSEED_TEST_SEED: firstNumber, seen: all.map(look) }).toMatchObject({ seen: all.map(oracle) });
});

it('opens by the C library what no child and no service gets', () => {
  here({ d: directory() });
  const parent = openHandle(name('.'));
  openTheDoor();
  const opened = openAtOnce(parent, 'd', fs.constants.O_RDONLY);
  expect(opened).toBeDefined();
  const [, flags = ''] = /^flags:\s*(\d+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${opened}`, 'utf8')) ?? [];
  for (const descriptor of [parent, opened ?? -1]) fs.closeSync(descriptor);
  expect(Number.parseInt(flags, 8) & 0o2000000).toBe(0o2000000);
  expect(openAtOnce(parent, 'none', fs.constants.O_RDONLY)).toBeUndefined();
});

describe('the door to the C library', () => {
  it('is there on Node 26, and is opened without a word', () => {
    const direct = openDirect(new ArrayBuffer(MEMORY.bytes));
    expect(direct === undefined).toBe(Number.parseInt(process.versions.node, 10) < 26);
    const text = `await import('${new URL('../../src/fs/direct.ts', import.meta.url).href}').then(({ openDirect, MEMORY }) =>
      console.log(typeof openDirect(new ArrayBuffer(MEMORY.bytes)), process.emitWarning.name));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', text], { encoding: 'utf8' });
    expect([stdout, stderr]).toEqual(['object emitWarning\n', '']);
  });

  it('is not there where the runtime is forbidden it', () => {
    const text = `await import('${new URL('../../src/fs/direct.ts', import.meta.url).href}').then(({ openDirect, MEMORY }) =>
      console.log(typeof openDirect(new ArrayBuffer(MEMORY.bytes))));`;
    for (const forbidding of ['--no-experimental-ffi', '--permission']) {
      const more = forbidding === '--permission' ? ['--allow-fs-read=*'] : [];
      const args = [forbidding, ...more, '--input-type=module', '-e', text];
      const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      expect([forbidding, stdout]).toEqual([forbidding, 'undefined\n']);
    }
  });
});
