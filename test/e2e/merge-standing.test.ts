// Under merge an image that did not change costs nothing for each path; where anything did, every path is looked at again.
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { suite } from '../support/prerequisites.ts';
import { exists, ground, type Ground } from '../support/probe.ts';
import { start, until } from '../support/process.ts';
import { file, tree } from '../support/tree.ts';
import { runToEnd, volseed, type Result, program } from '../support/volseed.ts';

const MERGE = ['--policy', 'merge'] as const;
const spared = 'nothing is done for a path that has no open conflict';

const manifest = (on: Ground): Result => volseed(['manifest', '--source', on.seed]);
const sync = (on: Ground, ...args: string[]): Result =>
  volseed(['sync', ...MERGE, ...on.where, '--log-level', 'debug', ...args]);

/** A volume that has been seeded twice from an image with a manifest: the second run has found nothing to do. */
function standing(files: number): Ground {
  const names = Array.from({ length: files }, (_, n) => `dir/${String(n).padStart(5, '0')}`);
  const on = ground(tree(Object.fromEntries(names.map((name) => [name, file(name)]))));
  expect(manifest(on)).toMatchObject({ code: 0, stderr: '' });
  expect(sync(on)).toMatchObject({ code: 0, stderr: '' });
  expect(sync(on).stdout).toContain(spared);
  return on;
}

suite('an image that did not change', ['strace'], () => {
  it('asks for as many system calls on files with a thousand paths as with five thousand', () => {
    const calls = [1000, 5000].map((files) => {
      const on = standing(files);
      const log = join(on.root, 'trace');
      // Which becomes another program: one that ends looks, a while on a busy machine, whether the runtime's threads sleep.
      const command = [...program, 'run', ...MERGE, ...on.where, '--', 'true'];
      expect(runToEnd('strace', ['-o', log, '-e', 'trace=%file,read,pread64', ...command])).toMatchObject({ code: 0 });
      return readFileSync(log, 'utf8').split('\n').length;
    });
    // The runtime itself is not the same to the last call.
    expect(Math.abs((calls[0] ?? 0) - (calls[1] ?? 0))).toBeLessThan(60);
  });
});

function resetAnEdit(on: Ground): void {
  writeFileSync(join(on.volume, 'dir/00001'), 'edited');
  volseed(['reset', 'dir/00001', ...on.where]);
}

describe('an image that did not change', () => {
  it('has all its paths counted, and touches neither edits nor deletions', () => {
    const on = standing(3);
    writeFileSync(join(on.volume, 'dir/00001'), 'edited');
    rmSync(join(on.volume, 'dir/00002'));
    const { code, stdout } = sync(on);
    expect([code, stdout]).toEqual([0, expect.stringContaining('nothing to copy, 4 up to date')]);
    expect(readFileSync(join(on.volume, 'dir/00001'), 'utf8')).toBe('edited');
  });

  it('has its open conflicts looked at all the same', () => {
    const on = standing(3);
    writeFileSync(join(on.volume, 'dir/00001'), 'edited');
    writeFileSync(join(on.seed, 'dir/00001'), 'of the next image');
    manifest(on);
    expect(sync(on).stderr).toContain('kept dir/00001: conflict');
    const again = sync(on);
    expect(again.stdout).toContain(spared);
    expect(again.stderr).toContain('kept dir/00001: conflict');
    writeFileSync(join(on.volume, 'dir/00001'), 'of the next image');
    expect(sync(on).stdout).toContain('removed dir/00001.volseed-new (conflict resolved)');
    expect(sync(on)).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining(spared) });
  });

  it.each([
    ['another image', (on: Ground) => void (writeFileSync(join(on.seed, 'dir/00001'), 'new'), manifest(on)), []],
    ['other options', () => undefined, ['--on-conflict', 'keep']],
    ['deletions that are to be brought back', () => undefined, ['--restore-deleted']],
    ['a reset that has changed something', resetAnEdit, []],
    ['a volume that was emptied', (on: Ground) => rmSync(join(on.volume, 'dir'), { recursive: true }), []],
    ['a base that is gone', (on: Ground) => rmSync(join(on.volume, '.volseed/base')), []],
  ])('is no reason to spare anything after %s', (_, change, options) => {
    const on = standing(3);
    change(on);
    const { code, stdout } = sync(on, ...options);
    expect([code, stdout.includes(spared)]).toEqual([0, false]);
  });

  it('is not known for one where its manifest does not match it', () => {
    const on = standing(3);
    rmSync(join(on.seed, 'dir/00001'));
    const { code, stdout } = sync(on);
    expect([code, stdout.includes(spared)]).toEqual([0, false]);
  });
});

const baseOf = (on: Ground): bigint => statSync(join(on.volume, '.volseed/base'), { bigint: true }).ino;

describe('a start with nothing to do', () => {
  it.each([
    ['without a manifest', [], []],
    ['without a manifest, where nothing is restored', [], ['--restore-deleted']],
    ['by another policy that prunes', [], ['--policy', 'newer', '--prune']],
    ['with a manifest, where what was deleted is restored', ['manifest'], ['--restore-deleted']],
  ])('leaves the base as it lies: %s', (_, has, args) => {
    const on = ground(tree({ 'dir/a': file('a'), b: file('b') }));
    if (has.length > 0) manifest(on);
    const policy = args.includes('--policy') ? args : [...MERGE, ...args];
    volseed(['sync', ...on.where, ...policy]);
    volseed(['sync', ...on.where, ...policy]);
    const before = baseOf(on);
    expect(volseed(['sync', ...on.where, ...policy]).stdout).toContain('nothing to copy');
    expect(baseOf(on)).toBe(before);
  });

  it.each(['without a manifest', 'with one'])('leaves the base as it lies where a conflict is open: %s', (which) => {
    const on = ground(tree({ 'dir/a': file('a'), b: file('b') }));
    const ship = (): void => {
      if (which === 'with one') manifest(on);
      sync(on);
    };
    ship();
    writeFileSync(join(on.volume, 'b'), 'edited');
    writeFileSync(join(on.seed, 'b'), 'of the next image');
    ship();
    sync(on);
    const before = baseOf(on);
    expect(sync(on).stdout).toContain('nothing to copy');
    expect(baseOf(on)).toBe(before);
  });
});

const place = (): Ground => {
  const on = ground(tree({ f: file('1'), k: file('k') }));
  manifest(on);
  return on;
};
const read = (on: Ground): string => readFileSync(join(on.volume, 'f'), 'utf8');
const ship = (on: Ground, content: string, ...args: string[]): Result => {
  writeFileSync(join(on.seed, 'f'), content);
  manifest(on);
  return sync(on, ...args);
};

describe('an image that did not change, where the last run did not come to its end', () => {
  it('has a conflict that nothing is offered of looked at: put back, it is updated', () => {
    const on = place();
    const keep = ['--on-conflict', 'keep'];
    sync(on, ...keep);
    writeFileSync(join(on.volume, 'f'), 'user');
    const first = ship(on, '2', ...keep);
    expect(first.stderr).toContain('kept f: conflict');
    expect(first.stdout).toContain('1 up to date, 1 kept (1 conflict)');
    const second = sync(on, ...keep);
    expect(second.stdout).toContain(spared);
    expect(second.stderr).toContain('kept f: conflict');
    expect(second.stdout).toContain('1 up to date, 1 kept (1 conflict)');
    writeFileSync(join(on.volume, 'f'), '1');
    sync(on, ...keep);
    expect(read(on)).toBe('2');
  });

  it("has a conflict that nothing is offered of looked at: made the image's, it is adopted", () => {
    const on = place();
    const keep = ['--on-conflict', 'keep'];
    sync(on, ...keep);
    writeFileSync(join(on.volume, 'f'), 'user');
    ship(on, '2', ...keep);
    writeFileSync(join(on.volume, 'f'), '2');
    sync(on, ...keep);
    ship(on, '3', ...keep);
    expect(read(on)).toBe('3');
  });

  it('has a file looked at that the image has made a directory of', () => {
    const on = place();
    sync(on);
    writeFileSync(join(on.volume, 'f'), 'user');
    rmSync(join(on.seed, 'f'));
    mkdirSync(join(on.seed, 'f'));
    writeFileSync(join(on.seed, 'f/in'), 'in');
    manifest(on);
    sync(on);
    writeFileSync(join(on.volume, 'f'), '1');
    sync(on);
    expect(readFileSync(join(on.volume, 'f/in'), 'utf8')).toBe('in');
  });

  it("has all looked at after a reset, which may have found the image's already there", () => {
    const on = place();
    sync(on);
    writeFileSync(join(on.volume, 'f'), '2');
    ship(on, '2', '--reset', 'f');
    sync(on);
    ship(on, '3');
    expect(read(on)).toBe('3');
    expect(readdirSync(on.volume)).not.toContain('f.volseed-new');
  });

  it.each(['--chmod', 'a rule'])('has modes corrected where another umask makes another mode of %s', (by) => {
    const on = place();
    const config = join(on.root, 'volseed.yaml');
    writeFileSync(config, "rules: [{ match: f, mode: '+w' }]\n");
    const options = by === '--chmod' ? ['--chmod=+w'] : ['--config', config];
    const withMask = (mask: string): Result =>
      runToEnd('sh', ['-c', `umask ${mask}; exec "$@"`, 'sh', ...program, 'sync', ...MERGE, ...on.where, ...options]);
    expect(withMask('022')).toMatchObject({ code: 0 });
    expect(statSync(join(on.volume, 'f')).mode & 0o777).toBe(0o644);
    expect(withMask('002')).toMatchObject({ code: 0 });
    expect(statSync(join(on.volume, 'f')).mode & 0o777).toBe(0o664);
  });
});

suite('an image that did not change, where somebody was at a file', ['strace'], () => {
  it('has it looked at again', async () => {
    const on = ground(tree({ f: file('1'), k: file('k') }));
    manifest(on);
    sync(on);
    writeFileSync(join(on.seed, 'f'), '2');
    manifest(on);
    const log = join(on.root, 'calls');
    // What is staged is put on the disk before the first rename: there is no earlier fsync.
    const inject = ['-e', 'trace=fsync', '-e', 'inject=fsync:signal=STOP:when=1'];
    const running = start('strace', ['-f', '-o', log, ...inject, ...program, 'sync', ...MERGE, ...on.where]);
    await until('it is stopped', () => exists(log) && readFileSync(log, 'utf8').includes('stopped by SIGSTOP'));
    chmodSync(join(on.volume, 'f'), 0o600);
    await until('it has ended', () => {
      if (running.ending() === undefined) process.kill(-running.pid, 'SIGCONT');
      return running.ending();
    });
    await running.ended;
    expect(running.output.stdout).toContain('kept f: changed meanwhile');
    expect(sync(on)).toMatchObject({ code: 0 });
    expect(readFileSync(join(on.volume, 'f'), 'utf8')).toBe('2');
  });
});

it('what was recorded of a volume is forgotten with what was in it', () => {
  const on = ground(tree({ f: file('1') }));
  const empty = ground({});
  sync(on);
  const without = ['sync', ...MERGE, '--source', empty.seed, '--target', on.volume];
  volseed(without);
  rmSync(join(on.volume, 'f'));
  expect(volseed(without).stdout).toContain('it is seeded anew');
  writeFileSync(join(on.volume, 'log'), 'of the service');
  sync(on);
  expect(readFileSync(join(on.volume, 'f'), 'utf8')).toBe('1');
});
