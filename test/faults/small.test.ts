// File systems that really are full, small, read-only or slow: what was there stays, the trouble is said in a line with figures, and
// the next run completes what there is room for again.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { lacks } from '../support/prerequisites.ts';
import { changesBy, type Ground, ground, lacksMounts, leftovers, runsOf, unlikeSeed } from '../support/probe.ts';
import { program, runToEnd, volseed, type Result } from '../support/volseed.ts';
import { build, directory, file, tree } from '../support/tree.ts';

function mount(path: string, options: string): void {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]);
  onTestFinished(() => void execFileSync('umount', [path]));
}

/** Takes all the room that a file system has left, but for some bytes. */
function fill(path: string, butFor = 0): string {
  const { bavail, bsize } = statfsSync(path);
  const at = join(path, 'filler');
  writeFileSync(at, randomBytes(Math.max(0, bavail * bsize - butFor)));
  return at;
}

const many = (count: number, size: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`d${n % 7}/f${n}`, file('x'.repeat(size))]));

const sync = (on: Ground, ...args: string[]): Result => volseed(['sync', ...on.where, ...args]);

/** One line of trouble. */
const line = (...words: string[]) => ({
  code: 23,
  stderr: expect.stringMatching(new RegExp(`^volseed: [^\\n]*${words.join('[^\\n]*')}[^\\n]*\\n$`)),
});

const troubleLine = expect.stringMatching(/^volseed: [^\n]+\n$/);
const figures = String.raw`needs [\d.]+ [kM]?B(ytes)? and \d+ inodes?, [\d.]+ ([kM]?B|bytes) and \d+ free on`;

describe.skipIf(lacks('root') || lacksMounts())('on a file system that', () => {
  it.each([
    ['is small', 'size=256k', 40, 10_000],
    ['has few inodes', 'size=8m,nr_inodes=30', 60, 10],
  ])('%s, a first seeding that does not fit touches nothing, and says what is needed', (_, options, count, size) => {
    const on = ground(many(count, size));
    mount(on.volume, options);
    writeFileSync(join(on.volume, 'mine'), 'mine');
    const { code, stderr } = sync(on);
    expect({ code, stderr }).toEqual(line(figures, 'nothing was touched'));
    expect(readdirSync(on.volume).toSorted()).toEqual(['.volseed', 'mine']);
    expect(leftovers(on.volume)).toEqual([]);
    rmSync(on.seed, { recursive: true });
    build(on.seed, tree(many(3, 10)));
    rmSync(join(on.volume, 'mine'));
    expect(sync(on)).toMatchObject({ code: 0, stderr: '' });
    expect(unlikeSeed(on)).toEqual([]);
  });

  // Each of them a little fuller than the one before: some run out in the state, some in the stage, some at the end.
  it('has any number of bytes left: as before, or completed by the run after there is room', () => {
    const on = ground(many(12, 3000), {});
    mount(on.volume, 'size=512k');
    const answers = new Set<string>();
    for (let left = 0; left <= 160; left += 4) {
      const filler = fill(on.volume, left * 1024);
      const { code, stderr } = sync(on);
      answers.add(String(code));
      expect([left, code, stderr]).toEqual([left, code, code === 0 ? '' : troubleLine]);
      expect([0, 23]).toContain(code);
      rmSync(filler);
      expect(code === 0 ? unlikeSeed(on) : []).toEqual([]);
      expect([left, sync(on)]).toMatchObject([left, { code: 0, stderr: '' }]);
      expect(unlikeSeed(on)).toEqual([]);
      expect(leftovers(on.volume)).toEqual([]);
      for (const name of readdirSync(on.volume)) rmSync(join(on.volume, name), { recursive: true });
    }
    expect(answers).toEqual(new Set(['0', '23']));
  });

  it('has any number of inodes left: as before, or completed by the run after there is room', () => {
    const on = ground(many(5, 10), {});
    mount(on.volume, 'size=8m,nr_inodes=40');
    const answers = new Set<string>();
    for (let left = 0; left <= 30; left++) {
      const fillers = join(on.volume, 'fillers');
      mkdirSync(fillers);
      for (let n = statfsSync(on.volume).ffree; n > left; n--) writeFileSync(join(fillers, String(n)), '');
      const { code, stderr } = sync(on);
      answers.add(String(code));
      expect([left, code, stderr]).toEqual([left, code, code === 0 ? '' : troubleLine]);
      expect([0, 23]).toContain(code);
      rmSync(fillers, { recursive: true });
      expect([left, sync(on)]).toMatchObject([left, { code: 0, stderr: '' }]);
      expect(unlikeSeed(on)).toEqual([]);
      expect(leftovers(on.volume)).toEqual([]);
      for (const name of readdirSync(on.volume)) rmSync(join(on.volume, name), { recursive: true });
    }
    expect(answers).toEqual(new Set(['0', '23']));
  });

  it.each(['sync', 'reset', 'restore'])('is read-only, %s says so and writes nothing', (command) => {
    const on = ground({ a: file('image') });
    mount(on.volume, 'size=1m');
    sync(on);
    writeFileSync(join(on.volume, 'a'), 'edited');
    volseed(['reset', '--all', '--yes', ...on.where]);
    build(on.seed, tree({ b: file('more') }));
    execFileSync('mount', ['-o', 'remount,ro', on.volume]);
    const args = command === 'restore' ? ['--last', '--yes', '--target', on.volume] : on.where;
    const all = command === 'reset' ? ['--all', '--yes'] : [];
    const { result, changed } = changesBy(on.volume, () => volseed([command, ...all, ...args]));
    expect(result).toMatchObject(line('read-only'));
    expect(changed).toEqual([]);
  });

  it('turns read-only as a disk with errors does: nothing is lost, and the next run goes on', () => {
    const on = ground(many(5, 10), { mine: file('mine') });
    const held = join(on.root, 'held');
    mkdirSync(held);
    const args = ['-f', '-o', '/dev/null', '-e', 'trace=link,rename', '-e', 'inject=rename:error=EROFS:when=2+'];
    const { status } = { status: runToEnd('strace', [...args, ...program, 'sync', ...on.where]) };
    expect({ code: status.code, stderr: status.stderr }).toEqual(line('the file system is read-only'));
    expect(readFileSync(join(on.volume, 'mine'), 'utf8')).toBe('mine');
    expect(sync(on)).toMatchObject({ code: 0, stderr: '' });
  });

  it('has the state, and is full: the volume is as before', () => {
    const on = ground(many(5, 10), { mine: file('mine') });
    const state = join(on.root, 'state');
    mount(state, 'size=64k');
    const filler = fill(state);
    const { result, changed } = changesBy(on.volume, () => sync(on, '--state-dir', join(state, 'volseed')));
    expect(result).toMatchObject(line(''));
    expect(changed).toEqual([]);
    rmSync(filler);
    expect(sync(on, '--state-dir', join(state, 'volseed'))).toMatchObject({ code: 0, stderr: '' });
  });

  it('has the backups, and is full: the volume is as before, with the figures', () => {
    const on = ground({ a: file('image') });
    sync(on);
    writeFileSync(join(on.volume, 'a'), randomBytes(100_000));
    const backups = join(on.root, 'backups');
    mount(backups, 'size=64k');
    const { result, changed } = changesBy(on.volume, () =>
      volseed(['reset', '--all', '--yes', ...on.where, '--backup-dir', backups]),
    );
    expect(result).toMatchObject(
      line('no space left', 'nothing was touched', String.raw`up to 10\d(\.\d)? kB, and [\d.]+ kB were free`),
    );
    expect(changed.filter((each) => !each.includes('.volseed'))).toEqual([]);
    expect(readdirSync(backups)).toEqual([]);
  });

  it('is slow is waited for, in every call', () => {
    const on = ground({ 'a/b': file('image'), c: file('image'), d: directory() });
    const slow = [
      'rename',
      'link',
      'fsync',
      'fdatasync',
      'utimensat',
      'mkdir',
      'unlink',
      'pwrite64',
      'openat',
      'write',
    ];
    const inject = slow.flatMap((call) => ['-e', `inject=${call}:delay_enter=3000`]);
    const trace = ['-f', '-o', '/dev/null', '-e', `trace=${slow.join()}`];
    const { code, stderr } = runToEnd('strace', [...trace, ...inject, ...program, 'sync', ...on.where]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(unlikeSeed(on)).toEqual([]);
    expect(runsOf(on.volume).map(({ status }) => status)).toEqual(['completed']);
  });

  it('is full behind stdout and stderr: the seeding goes on without a word', () => {
    const on = ground(many(5, 10));
    const command = `exec ${program.map((word) => `'${word}'`).join(' ')} sync --source '${on.seed}' --target '${on.volume}' > /dev/full 2> /dev/full`;
    expect(runToEnd('sh', ['-c', command])).toMatchObject({ code: 0 });
    expect(unlikeSeed(on)).toEqual([]);
    expect(existsSync(join(on.volume, '.volseed/state.db'))).toBe(true);
  });
});
