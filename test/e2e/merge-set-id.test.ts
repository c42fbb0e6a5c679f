// The set-id bits under `merge`: who writes to a file makes the kernel take them off, and nothing puts them back on what
// somebody else wrote.
import { chmodSync, chownSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ordinary, suite } from '../support/prerequisites.ts';
import { ground, type Ground } from '../support/probe.ts';
import { directory, file } from '../support/tree.ts';
import { type Result, runToEnd, volseed } from '../support/volseed.ts';

const FOREIGN = 4242;
/** Whoever may write to a file of mode 777. */
const somebody = { uid: 4000, gid: 4000 };

const sync = (on: Ground, who = {}): Result => volseed(['sync', ...on.where, '--policy', 'merge'], who);
const isIdle = (on: Ground, who = {}): boolean =>
  volseed(['plan', '--exit-code', ...on.where, '--policy', 'merge'], who).code === 0;
const modeOf = (on: Ground, path: string): string =>
  (lstatSync(join(on.volume, path)).mode & 0o7777).toString(8).padStart(4, '0');
const manifest = (on: Ground): Result => volseed(['manifest', '--source', on.seed]);

suite('the set-id bits under merge', ['root', 'a checkout that other users can read'], () => {
  it.each(
    [0o2777, 0o4777, 0o6777].flatMap((mode) => [
      { mode, by: 'without a manifest', prepare: () => undefined },
      { mode, by: 'with a manifest', prepare: manifest },
    ]),
  )('do not come back on what somebody else wrote, $by ($mode)', ({ mode, prepare }) => {
    const on = ground({ tool: file('tool', { mode, gid: FOREIGN }), other: file('o', { mode, gid: FOREIGN }) });
    prepare(on);
    sync(on);
    expect([modeOf(on, 'tool'), modeOf(on, 'other')]).toEqual([mode.toString(8), mode.toString(8)]);
    const write = (path: string, text: string): Result =>
      runToEnd('sh', ['-c', 'printf %s "$2" > "$1"', 'sh', join(on.volume, path), text], somebody);
    expect([write('tool', 'theirs'), write('other', 'o')]).toMatchObject([{ code: 0 }, { code: 0 }]);
    expect([modeOf(on, 'tool'), modeOf(on, 'other')]).toEqual(['0777', '0777']);
    for (const image of ['the same', 'the next']) {
      writeFileSync(join(on.seed, 'unrelated'), image);
      prepare(on);
      expect(isIdle(on)).toBe(false);
      expect(sync(on)).toMatchObject({ code: 0, stderr: '' });
      expect([modeOf(on, 'tool'), modeOf(on, 'other')]).toEqual(['0777', '0777']);
      expect(isIdle(on)).toBe(true);
    }
    expect(volseed(['explain', 'tool', ...on.where, '--policy', 'merge']).stdout).not.toMatch(/attributes/);
  });

  it('stay off where an operator took them', () => {
    const on = ground({ dir: directory({ mode: 0o2775 }), tool: file('tool', { mode: 0o2755 }) });
    sync(on);
    chmodSync(join(on.volume, 'dir'), 0o775);
    chmodSync(join(on.volume, 'tool'), 0o755);
    expect(isIdle(on)).toBe(true);
    expect(sync(on).code).toBe(0);
    expect([modeOf(on, 'dir'), modeOf(on, 'tool')]).toEqual(['0775', '0755']);
  });

  it('are not given to what was there before, adopted or kept, at any start', () => {
    const mode = 0o2755;
    const on = ground(
      { same: file('same', { mode }), edited: file('image', { mode }), dir: directory({ mode }) },
      { same: file('same', { mode: 0o755 }), edited: file('mine', { mode: 0o755 }), dir: directory({ mode: 0o755 }) },
    );
    for (let start = 0; start < 3; start++) {
      expect(sync(on).code).toBe(0);
      expect(['same', 'edited', 'dir'].map((path) => modeOf(on, path))).toEqual(['0755', '0755', '0755']);
      expect(isIdle(on)).toBe(true);
    }
  });

  it.each([
    ['that it did not change besides', 'one'],
    ['in a conflict', 'two'],
  ])('of the next image are not given to an edited file %s, and the rest of its mode is', (_, content) => {
    const on = ground({ tool: file('one', { mode: 0o755 }) });
    sync(on);
    writeFileSync(join(on.volume, 'tool'), 'theirs');
    writeFileSync(join(on.seed, 'tool'), content);
    chmodSync(join(on.seed, 'tool'), 0o6750);
    for (let start = 0; start < 2; start++) {
      expect(sync(on).code).toBe(0);
      expect(modeOf(on, 'tool')).toBe('0750');
      expect(isIdle(on)).toBe(true);
    }
    // With the image's content it follows the image again.
    writeFileSync(join(on.volume, 'tool'), content);
    expect(sync(on).code).toBe(0);
    expect(modeOf(on, 'tool')).toBe('6750');
  });

  it('do not go along to another owner with what somebody else wrote', () => {
    const on = ground({ tool: file('one', { mode: 0o6755, uid: somebody.uid, gid: somebody.gid }) });
    sync(on);
    writeFileSync(join(on.volume, 'tool'), 'theirs');
    chmodSync(join(on.volume, 'tool'), 0o6755);
    chownSync(join(on.seed, 'tool'), 0, FOREIGN);
    chmodSync(join(on.seed, 'tool'), 0o6755);
    for (let start = 0; start < 2; start++) {
      expect(sync(on).code).toBe(0);
      expect(lstatSync(join(on.volume, 'tool'))).toMatchObject({ uid: 0, gid: FOREIGN, mode: 0o100755 });
      expect(isIdle(on)).toBe(true);
    }
  });

  it('of the next image are given to what nobody edited', () => {
    const on = ground({ tool: file('one', { mode: 0o755 }), dir: directory({ mode: 0o755 }) });
    sync(on);
    chmodSync(join(on.seed, 'tool'), 0o6755);
    chmodSync(join(on.seed, 'dir'), 0o2775);
    expect(sync(on).code).toBe(0);
    expect([modeOf(on, 'tool'), modeOf(on, 'dir')]).toEqual(['6755', '2775']);
  });

  it('that the kernel took when it was seeded are not asked for again, and the next image’s mode still arrives', () => {
    const mode = 0o2755;
    const on = ground({ 'dir/tool': file('one', { mode }), 'dir/sub': directory({ mode }) });
    chownSync(on.volume, ordinary.uid, ordinary.gid);
    // Whoever writes here gets its group, and is not in it.
    mkdirSync(join(on.volume, 'dir'));
    chownSync(join(on.volume, 'dir'), 0, FOREIGN);
    chmodSync(join(on.volume, 'dir'), 0o2777);
    const both = (): string[] => ['dir/tool', 'dir/sub'].map((path) => modeOf(on, path));
    for (let start = 0; start < 2; start++) {
      expect(sync(on, ordinary)).toMatchObject({ code: 0, stderr: '' });
      expect(lstatSync(join(on.volume, 'dir/tool'))).toMatchObject({ uid: ordinary.uid, gid: FOREIGN });
      expect(both()).toEqual(['0755', '0755']);
      expect(isIdle(on, ordinary)).toBe(true);
    }
    for (const path of ['dir/tool', 'dir/sub']) chmodSync(join(on.seed, path), 0o2775);
    expect(sync(on, ordinary)).toMatchObject({ code: 0, stderr: '' });
    expect(both()).toEqual(['0775', '0775']);
    expect(isIdle(on, ordinary)).toBe(true);
  });
});
