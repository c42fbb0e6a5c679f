// NAME.volseed-new, from the conflict that places it to its end.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Ground, ground } from '../support/probe.ts';
import { build, file, remove, tree } from '../support/tree.ts';
import { type Result, volseed } from '../support/volseed.ts';

/** Enough for a seed not to seem lost where the rest is gone from it. */
const kept = { b: file(), c: file(), d: file() };

function sync(on: Ground, content: string | undefined, ...args: string[]): Result {
  remove(on.seed);
  build(on.seed, tree({ ...kept, ...(content !== undefined && { 'dir/a': file(content) }) }));
  return volseed(['sync', ...on.where, '--policy', 'merge', ...args]);
}

/** Image 1 was seeded, a user has edited the file, and image 2 is in conflict with that. */
function inConflict(): Ground {
  const on = ground({});
  sync(on, '1');
  writeFileSync(join(on.volume, 'dir/a'), 'mine');
  sync(on, '2');
  return on;
}

const at = ({ volume }: Ground): string => join(volume, 'dir/a');
const besideOf = (on: Ground): string => `${at(on)}.volseed-new`;
const read = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);
const both = (on: Ground): (string | undefined)[] => [read(at(on)), read(besideOf(on))];

describe('NAME.volseed-new', () => {
  it('has the image’s version, is told of, and is no failure', () => {
    const on = ground({});
    sync(on, '1');
    writeFileSync(at(on), 'mine');
    const { code, stdout, stderr } = sync(on, '2');
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: expect.stringContaining('dir/a.volseed-new\n'),
      stderr: expect.stringContaining('dir/a'),
    });
    expect(both(on)).toEqual(['mine', '2']);
  });

  it('follows the next image', () => {
    const on = inConflict();
    sync(on, '3');
    expect(both(on)).toEqual(['mine', '3']);
  });

  it('goes when the user takes it', () => {
    const on = inConflict();
    renameSync(besideOf(on), at(on));
    sync(on, '2');
    expect(both(on)).toEqual(['2', undefined]);
    sync(on, '3');
    expect(both(on)).toEqual(['3', undefined]);
  });

  it('goes when the user writes the same', () => {
    const on = inConflict();
    writeFileSync(at(on), '2');
    sync(on, '2');
    expect(both(on)).toEqual(['2', undefined]);
  });

  it('goes when the user takes the edit back, and the file is updated', () => {
    const on = inConflict();
    writeFileSync(at(on), '1');
    sync(on, '2');
    expect(both(on)).toEqual(['2', undefined]);
  });

  it('goes when the image goes back', () => {
    const on = inConflict();
    sync(on, '1');
    expect(both(on)).toEqual(['mine', undefined]);
  });

  it.each([[[]], [['--prune']]])('goes when the image drops the path (%j)', (args) => {
    const on = inConflict();
    sync(on, undefined, ...args);
    expect(both(on)).toEqual(['mine', undefined]);
  });

  it('goes when the user deletes the file, which stays deleted', () => {
    const on = inConflict();
    rmSync(at(on));
    sync(on, '2');
    expect(both(on)).toEqual([undefined, undefined]);
  });

  it('is not placed again for the same version once the user has deleted it, but for the next', () => {
    const on = inConflict();
    rmSync(besideOf(on));
    sync(on, '2');
    sync(on, '2');
    expect(both(on)).toEqual(['mine', undefined]);
    sync(on, '3');
    expect(both(on)).toEqual(['mine', '3']);
  });

  it('is the user’s once it is edited, whatever comes', () => {
    const on = inConflict();
    writeFileSync(besideOf(on), 'merged by hand');
    for (const image of ['2', '3', '1', undefined]) {
      expect(sync(on, image, '--prune')).toMatchObject({ code: 0 });
      expect(both(on)).toEqual(['mine', 'merged by hand']);
    }
  });

  it('is not written over what a user has under that name', () => {
    const on = ground({});
    sync(on, '1');
    writeFileSync(at(on), 'mine');
    writeFileSync(besideOf(on), 'own');
    expect(sync(on, '2')).toMatchObject({ code: 0, stderr: expect.stringContaining('dir/a.volseed-new') });
    expect(both(on)).toEqual(['mine', 'own']);
  });

  it.each(['keep', 'replace'])('goes when conflicts are answered by %s from then on', (how) => {
    const on = inConflict();
    sync(on, '2', '--on-conflict', how);
    expect(both(on)).toEqual([how === 'keep' ? 'mine' : '2', undefined]);
  });

  it('is told of at each start as long as there is no room for it, and placed once there is', () => {
    const on = ground({});
    sync(on, '1');
    writeFileSync(at(on), 'mine');
    writeFileSync(besideOf(on), 'mine, too');
    for (const start of ['first', 'second', 'third']) {
      const { code, stderr } = sync(on, '2');
      expect([start, code, stderr]).toEqual([start, 0, expect.stringContaining('dir/a.volseed-new: is somebody else')]);
    }
    expect(both(on)).toEqual(['mine', 'mine, too']);
    rmSync(besideOf(on));
    sync(on, '2');
    expect(both(on)).toEqual(['mine', '2']);
  });

  it('is not placed where the file system takes no name so long, which is told of at each start and no failure', () => {
    // The longest name of all is 255 bytes.
    for (const [length, placed] of [
      [243, true],
      [244, false],
      [255, false],
    ] as const) {
      const name = 'n'.repeat(length);
      const on = ground({ [name]: file('1') });
      const merge = (): Result => volseed(['sync', ...on.where, '--policy', 'merge']);
      merge();
      writeFileSync(join(on.volume, name), 'mine');
      writeFileSync(join(on.seed, name), '2');
      for (const start of ['first', 'second']) {
        const { code, stdout, stderr } = merge();
        expect([length, start, code, stdout.includes('1 conflict')]).toEqual([length, start, 0, true]);
        expect(stderr.includes(`${name}.volseed-new: that name is longer than the file system takes`)).toBe(!placed);
      }
      expect(read(join(on.volume, name))).toBe('mine');
      expect(readdirSync(on.volume).filter((each) => each.endsWith('.volseed-new'))).toHaveLength(placed ? 1 : 0);
      expect(volseed(['explain', name, ...on.where, '--policy', 'merge'])).toMatchObject({ code: 0, stderr: '' });
      writeFileSync(join(on.volume, name), '2');
      expect(merge()).toMatchObject({ code: 0, stderr: '' });
    }
  });

  it('is not asked for beside a directory that makes way for a file, and has too long a name', () => {
    const name = 'n'.repeat(255);
    const on = ground({ ...kept, [`${name}/own`]: file('1') });
    const merge = (): Result => volseed(['sync', ...on.where, '--policy', 'merge']);
    merge();
    remove(on.seed);
    build(on.seed, tree({ ...kept, [name]: file('2') }));
    writeFileSync(join(on.volume, name, 'mine'), 'mine');
    expect(merge()).toMatchObject({ code: 0, stderr: expect.stringContaining('that name is longer') });
    rmSync(join(on.volume, name, 'mine'));
    expect(merge()).toMatchObject({ code: 0, stderr: '' });
    expect(read(join(on.volume, name))).toBe('2');
  });

  it('lets the image’s file of that name be', () => {
    const on = ground({});
    sync(on, '1');
    writeFileSync(at(on), 'mine');
    remove(on.seed);
    build(on.seed, tree({ 'dir/a': file('2'), 'dir/a.volseed-new': file('shipped') }));
    expect(volseed(['sync', ...on.where, '--policy', 'merge'])).toMatchObject({ code: 0 });
    expect(both(on)).toEqual(['mine', 'shipped']);
  });
});
