// Odd but legal: what a file system allows, though nobody would.
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { start, startVolseed, until } from '../support/process.ts';
import { snapshot } from '../support/snapshot.ts';
import { build, file, scratch, symlink, tree, type Entry } from '../support/tree.ts';
import { leading, node, runtime, runToEnd, volseed, type Result } from '../support/volseed.ts';

interface Place {
  readonly root: string;
  readonly seed: string;
  readonly volume: string;
  /** volseed COMMAND on them. */
  readonly run: (command: string, ...options: string[]) => Result;
}

function place(literal: Record<string, Entry>, inVolume: Record<string, Entry> = {}): Place {
  const held = scratch();
  onTestFinished(() => held[Symbol.dispose]());
  const [seed, volume] = [join(held.path, 'seed'), join(held.path, 'volume')];
  build(seed, tree(literal));
  build(volume, tree(inVolume));
  const run = (command: string, ...options: string[]): Result => {
    const source = ['restore', 'backups'].includes(command) ? [] : ['--source', seed];
    return volseed([command, ...source, '--target', volume, ...options]);
  };
  return { root: held.path, seed, volume, run };
}

/** What both trees hold; times of directories aside, which a restore in them moves. */
const holdings = (dir: string): Record<string, string> =>
  Object.fromEntries([...snapshot(dir)].map(([path, { type, holds }]) => [path, `${type} ${holds}`]));

const odd = {
  'not UTF-8': 'caf\xe9',
  'half a sequence': 'cut\xc3',
  'a surrogate': '\xed\xa0\x80',
  'an overlong slash': 'a\xc0\xafb',
  'a newline that forges a line': 'x\nInitial data sync operation completed successfully.',
  'a terminal escape': '\x1b[2J\x1b]0;owned\x07',
  'a carriage return': 'safe\rvolseed: evil',
  'a delete and a C1 control': 'd\x7f\xc2\x9b31m',
  'a mark that turns the direction': '\xe2\x80\xaetxt.exe',
  'a line separator': 'l\xe2\x80\xa8m',
  'nothing but a space': ' ',
  'a backslash': 'a\\nb',
  'a glob': '[a]*?{b,c}!(d)',
  'a flag': '--delete-extra',
  'a JSON end': '"},{"a":"',
  'the longest name': 'n'.repeat(255),
  'the longest name, not UTF-8': '\xff'.repeat(255),
} as const;

// All that a person may see of a name: no control character but the line's own end.
// oxlint-disable-next-line no-control-regex
const FORGERY = /[\0-\x09\x0b-\x1f\x7f\u0080-\u009f\u2028\u2029\u202a-\u202e\ufffd]/;

describe('a name that is odd', () => {
  it.each(Object.entries(odd))('%s: goes through every command as it is, and shows itself harmless', (_, name) => {
    const { seed, volume, run } = place({
      [`${name}/${name}`]: file('seed'),
      [`${name}/link`]: symlink(name),
      plain: file('p'),
    });
    const shipped = holdings(seed);
    const said = [run('plan'), run('sync'), run('verify'), run('status'), run('sync', '--policy', 'merge')];
    expect(said.map(({ code, stderr }) => ({ code, stderr }))).toEqual(said.map(() => ({ code: 0, stderr: '' })));
    expect(holdings(volume)).toEqual(shipped);
    const at = Buffer.from(`${Buffer.from(volume).toString('latin1')}/${name}/${name}`, 'latin1');
    fs.writeFileSync(at, 'edited');
    fs.utimesSync(at, 2_000_000_000, 2_000_000_000);
    const edited = holdings(volume);
    said.push(run('sync'), run('verify'), run('reset', '--all', '--yes'), run('backups'));
    expect(holdings(volume)).toEqual(shipped);
    said.push(run('restore', '--last', '--yes'));
    expect(holdings(volume)).toEqual(edited);
    // A directory of that name is reached by what holds it; a glob reaches any name.
    said.push(run('reset', '*/*'));
    expect(holdings(volume)).toEqual(shipped);
    for (const { stdout, stderr } of said) expect(stdout + stderr).not.toMatch(FORGERY);
    const forged = said.flatMap(({ stdout }) => stdout.split('\n')).filter((line) => line.startsWith('volseed: '));
    expect(forged).toEqual([]);
  });

  it.each(Object.entries(odd))('%s: is one line of JSON for each event, that can be read', (_, name) => {
    const { run } = place({ [name]: file('seed') });
    const { code, stdout } = run('sync', '--log-format', 'json');
    expect(code).toBe(0);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event?: string; path?: string });
    const created = events.find(({ event }) => event === 'created');
    expect(created?.path).not.toMatch(FORGERY);
    expect(events.filter(({ event }) => event === 'end')).toHaveLength(1);
  });

  it.each([
    ['caf\xe9', 'caf?'],
    ['x\ny', 'x?y'],
  ])('%j is selected by a glob that says ? for what cannot be typed', (name, pattern) => {
    const { volume, run } = place({ [`d/${name}`]: file('seed'), 'd/other': file('seed') });
    expect(run('sync').code).toBe(0);
    for (const each of fs.readdirSync(join(volume, 'd'), { encoding: 'buffer' }))
      fs.writeFileSync(Buffer.concat([Buffer.from(`${volume}/d/`), each]), 'edited');
    expect(run('reset', `d/${pattern}`)).toMatchObject({ code: 0 });
    expect(Object.values(holdings(volume)).toSorted()).toEqual(['directory ', 'file edited', 'file seed']);
  });
});

describe('a path longer than the kernel takes in one piece (PATH_MAX)', () => {
  it('is seeded, verified, reset, backed up and restored like any other', () => {
    const deep = Array.from({ length: 25 }, () => 'n'.repeat(200));
    const { root, seed, volume, run } = place({ top: file('t') });
    // Level by level: as one path it could not be made either.
    const script = `for (const name of ${JSON.stringify(deep)}) { fs.mkdirSync(name); process.chdir(name); } fs.writeFileSync('leaf', 'seed')`;
    const inSeed = { cwd: seed };
    expect(runToEnd(node, ['-e', script], inSeed).code).toBe(0);
    const leaf = (dir: string, act: string): string => {
      const go = `for (const name of ${JSON.stringify(deep)}) process.chdir(name); ${act}`;
      return runToEnd(node, ['-e', go], { cwd: dir }).stdout;
    };
    const read = "process.stdout.write(fs.readFileSync('leaf', 'utf8'))";
    const codes = [run('plan'), run('sync'), run('verify'), run('sync', '--policy', 'merge')].map(({ code }) => code);
    expect(codes).toEqual([0, 0, 0, 0]);
    expect(leaf(volume, read)).toBe('seed');
    leaf(volume, "fs.writeFileSync('leaf', 'edited')");
    expect(run('reset', '--all', '--yes')).toMatchObject({ code: 0, stderr: '' });
    expect(leaf(volume, read)).toBe('seed');
    expect(run('restore', '--last', '--yes')).toMatchObject({ code: 0, stderr: '' });
    expect(leaf(volume, read)).toBe('edited');
    expect(runToEnd(runtime, [...leading, 'manifest', '--source', seed], { cwd: root })).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(run('sync', '--policy', 'always')).toMatchObject({ code: 0, stderr: '' });
    expect(leaf(volume, read)).toBe('seed');
  });
});

describe('times', () => {
  it('before 1970, beyond 2038, 2446 and 2486, to the nanosecond where they are small, arrive, and are not copied again', () => {
    const times = [-2_000_000_000, '-1.5', '-0.000001', 0, 2 ** 31, 2 ** 33, 16_000_000_000];
    const { seed, volume, run } = place(
      Object.fromEntries(
        times.flatMap((mtime, n) => [
          [`f${n}`, file('f', { mtime })],
          [`l${n}`, symlink('f', { mtime })],
        ]),
      ),
    );
    expect(run('sync')).toMatchObject({ code: 0, stderr: '' });
    const [wanted, found] = [snapshot(seed), snapshot(volume)];
    for (const [path, { mtime }] of wanted) {
      const apart = (found.get(path)?.mtime ?? 0n) - mtime;
      expect({ path, close: apart < 2000n && apart > -2000n }).toEqual({ path, close: true });
    }
    expect(run('sync').stdout).toContain('nothing to copy');
  });

  it('of a seed that is ahead of the clock are taken as they are, and are not copied again', () => {
    const ahead = Math.floor(Date.now() / 1000) + 86_400 * 365;
    const { volume, run } = place({ f: file('new', { mtime: ahead }) }, { f: file('old') });
    expect(run('sync').stdout).toContain('1 updated');
    expect(fs.statSync(join(volume, 'f')).mtimeMs).toBe(ahead * 1000);
    expect(run('sync').stdout).toContain('nothing to copy');
  });
});

describe('a directory of very many entries', () => {
  it('is seeded, and seen as it should be', () => {
    const { seed, volume, run } = place({ 'd/f': file() });
    const make = "for (let n = 0; n < 100_000; n++) fs.writeFileSync(`n${n}`, '')";
    expect(runToEnd(node, ['-e', make], { cwd: join(seed, 'd') })).toMatchObject({ code: 0, stderr: '' });
    expect(run('sync', '--no-flush')).toMatchObject({ code: 0, stderr: '' });
    expect(fs.readdirSync(join(volume, 'd'))).toHaveLength(100_001);
    const again = run('sync');
    expect(again.stdout).toContain('nothing to copy, 100002 up to date');
  });
});

describe('a seed that moves while it is copied', () => {
  it.each([
    ['grows', "setInterval(() => fs.appendFileSync('big', 'x'.repeat(4096)), 0)"],
    ['shrinks', "let n = 2e8; setInterval(() => fs.truncateSync('big', n -= 4096), 0)"],
    ['is written to', "const d = fs.openSync('big', 'r+'); setInterval(() => fs.writeSync(d, 'y', 1e8), 0)"],
  ])('and %s is never published as a mixture', async (_, script) => {
    const { seed, volume, run } = place({ small: file('s') }, { big: file('the old one', { mtime: 1 }) });
    fs.writeFileSync(join(seed, 'big'), '');
    fs.truncateSync(join(seed, 'big'), 2e8);
    start(node, ['-e', script], { cwd: seed });
    const before = fs.statSync(join(seed, 'big')).ctimeMs;
    await until('it moves', () => fs.statSync(join(seed, 'big')).ctimeMs !== before);
    const { code, stderr } = run('sync');
    expect(code).toBe(23);
    expect(stderr).toContain('big: changed in the seed while it was copied; run again once the seed is at rest');
    expect(fs.readFileSync(join(volume, 'big'), 'utf8')).toBe('the old one');
    expect(fs.readFileSync(join(volume, 'small'), 'utf8')).toBe('s');
    expect(fs.readdirSync(join(volume, '.volseed/stage'))).toEqual([]);
  });

  it('and loses a file that it had is seeded without that, and ends with 24', async () => {
    const { seed, volume, run } = place(
      { small: file('s'), zone: file('z') },
      { zone: file('the old one', { mtime: 1 }) },
    );
    // Two are copied at once: what comes behind the third has to wait.
    for (const big of ['big-1', 'big-2', 'big-3']) {
      fs.writeFileSync(join(seed, big), '');
      fs.truncateSync(join(seed, big), 1e9);
    }
    const running = startVolseed(['sync', '--source', seed, '--target', volume]);
    const parts = join(volume, '.volseed/stage/parts');
    await until('large files are being copied', () => fs.existsSync(parts) && fs.readdirSync(parts).length > 0);
    fs.unlinkSync(join(seed, 'zone'));
    expect(await running.ended).toEqual({ code: 24, signal: null });
    expect(running.output.stderr).toContain('zone: vanished from the seed');
    expect(fs.readFileSync(join(volume, 'zone'), 'utf8')).toBe('the old one');
    expect(fs.readFileSync(join(volume, 'small'), 'utf8')).toBe('s');
    expect(run('sync').code).toBe(0);
  });
});
