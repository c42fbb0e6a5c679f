// What a volume's file system cannot do: links, owners, modes, names that differ in case only, times far away.
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { kernelHas } from '../support/block.ts';
import { lacks } from '../support/prerequisites.ts';
import { build, directory, file, scratch, symlink, tree, type Entry } from '../support/tree.ts';
import { runToEnd, volseed, type Result } from '../support/volseed.ts';

interface Place {
  readonly seed: string;
  readonly volume: string;
  readonly sync: (...options: string[]) => Result;
}

/** A volume on a file system of its own. */
function place(
  make: readonly string[],
  mount: (device: string, path: string) => string[],
  literal: Record<string, Entry>,
): Place {
  const held = scratch();
  const [seed, volume, image] = ['seed', 'volume', 'image'].map((each) => join(held.path, each)) as [
    string,
    string,
    string,
  ];
  fs.mkdirSync(volume);
  build(seed, tree(literal));
  must('truncate', '-s', '320M', image);
  must(...make, image);
  const device = must('losetup', '--find', '--show', image).trim();
  onTestFinished(() => {
    runToEnd('umount', [volume]);
    runToEnd('losetup', ['--detach', device]);
    held[Symbol.dispose]();
  });
  must(...mount(device, volume));
  const sync = (...options: string[]): Result => volseed(['sync', '--source', seed, '--target', volume, ...options]);
  return { seed, volume, sync };
}

function must(...words: readonly string[]): string {
  const [command = '', ...args] = words;
  const { code, stdout, stderr } = runToEnd(command, args);
  if (code !== 0) throw new Error(`${words.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

const exfat = (literal: Record<string, Entry>): Place =>
  place(['mkfs.exfat'], (device, path) => ['mount.exfat-fuse', device, path], literal);

describe.skipIf(lacks('root', 'loop devices', 'exfat'))('a volume on exFAT', () => {
  it('is seeded, and found as it should be from then on', () => {
    const { volume, sync } = exfat({
      'd/f': file('one', { mode: 0o600 }),
      'd/e/g': file('two'),
      h: file('x'.repeat(500_000)),
    });
    const { code, stderr } = sync();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(fs.readFileSync(join(volume, 'd/f'), 'utf8')).toBe('one');
    expect(fs.readFileSync(join(volume, 'h'), 'utf8')).toBe('x'.repeat(500_000));
    const again = sync();
    expect(again.code).toBe(0);
    expect(again.stdout).toContain('Totals: ');
    expect(again.stdout).toMatch(/ 0 bytes, /);
  });

  it('gets all but the symbolic links, and each of them is named', () => {
    const { volume, sync } = exfat({ 'd/f': file('one'), 'd/l': symlink('f'), l: symlink('d') });
    const { code, stderr } = sync();
    expect(code).toBe(23);
    expect(stderr).toMatch(
      /^volseed: d\/l: cannot be made: the volume's file system has no symbolic links .*\nvolseed: l: .*\n/,
    );
    expect(fs.readFileSync(join(volume, 'd/f'), 'utf8')).toBe('one');
    expect(fs.readdirSync(join(volume, 'd'))).toEqual(['f']);
  });

  it('gets the content of what it cannot give an owner, and says so', () => {
    const { volume, sync } = exfat({
      'd/f': file('one', { uid: 5, gid: 6 }),
      d: directory({ uid: 5 }),
      big: file('x'.repeat(500_000), { uid: 5 }),
    });
    const { code, stderr } = sync();
    expect(code).toBe(23);
    expect(stderr).toContain('d/f: its owner cannot be set to 5:6: operation not permitted');
    expect(stderr).toContain('d: its owner cannot be set to 5:0');
    expect(fs.readFileSync(join(volume, 'd/f'), 'utf8')).toBe('one');
    expect(fs.statSync(join(volume, 'big')).size).toBe(500_000);
    expect(sync('--chown', '0:0')).toMatchObject({ code: 0, stderr: '' });
  });

  it('holds one of two names that differ in case only; the other is named at each run, and they do not take turns', () => {
    const { volume, sync } = exfat({
      'd/A': file('upper', { mtime: 1000_000_000 }),
      'd/a': file('lower', { mtime: 1100_000_000 }),
    });
    const said = [sync(), sync(), sync()];
    expect(said.map(({ code }) => code)).toEqual([23, 23, 23]);
    for (const { stderr } of said) expect(stderr).toContain('d/a: ');
    expect(fs.readdirSync(join(volume, 'd'))).toEqual(['A']);
    expect(fs.readFileSync(join(volume, 'd/A'), 'utf8')).toBe('upper');
  });
});

for (const [kind, latest] of [
  ['ext4', '2446'],
  ['xfs', '2486'],
] as const) {
  const missing = !kernelHas(kind);
  describe.skipIf(missing || lacks('root', 'loop devices', `mkfs.${kind}`))(`a volume on ${kind}`, () => {
    it(`gets times beyond ${latest} and before 1901 as near as it can hold them, once`, () => {
      const { seed, volume, sync } = place([`mkfs.${kind}`, '-q'], (device, path) => ['mount', device, path], {
        'far/f': file('far', { mtime: 99_999_999_999 }),
        far: directory({ mtime: 99_999_999_999 }),
        'far/l': symlink('f', { mtime: 99_999_999_999 }),
        'past/f': file('past', { mtime: -9_999_999_999 }),
        before: file('before', { mtime: -1.5 }),
        later: file('later', { mtime: 2 ** 31 + 5 }),
      });
      expect(sync()).toMatchObject({ code: 0, stderr: '' });
      expect(fs.statSync(join(volume, 'far/f')).mtime.getUTCFullYear()).toBe(Number(latest));
      expect(sync().stdout).toContain('nothing to copy');
      fs.writeFileSync(join(seed, 'far/f'), 'another size');
      fs.utimesSync(join(seed, 'far/f'), 99_999_999_999, 99_999_999_999);
      expect(sync().stdout).toContain('1 updated');
      expect(fs.readFileSync(join(volume, 'far/f'), 'utf8')).toBe('another size');
    });
  });
}
