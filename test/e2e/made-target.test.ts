// A target that volseed makes itself gets the attributes of the seed's root, whatever ends the run that made it.
import { chmodSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { killed } from '../support/kills.ts';
import { suite } from '../support/prerequisites.ts';
import { type Ground, ground, leftovers } from '../support/probe.ts';
import { directory, file } from '../support/tree.ts';
import { volseed } from '../support/volseed.ts';

const root = { mode: 0o750, uid: 1000, gid: 1001, mtime: 1_600_000_000 };

/** A target that is not there yet. */
function without(): Ground {
  const on = ground({ '.': directory(root), 'd/f': file('1'), g: file('2') });
  rmSync(on.volume, { recursive: true });
  return on;
}

function rootOf({ volume }: Ground): typeof root {
  const { mode, uid, gid, mtimeMs } = statSync(volume);
  return { mode: mode & 0o7777, uid, gid, mtime: mtimeMs / 1000 };
}

suite('a target that is missing', ['root', 'strace'], () => {
  // Names, and calls that come after the target has been made.
  const moments = [
    ['link', 1],
    ['rename', 1],
    ['rename', 2],
    ['utimensat', 3],
    ['chmod', 1],
  ] as const;
  const states = [
    ['in it', () => []],
    ['elsewhere', (on: Ground) => ['--state-dir', join(on.root, 'state')]],
  ] as const;

  for (const [where, option] of states)
    it.each(moments)(
      `gets the attributes of the seed’s root though %s %i ended the run, with the state ${where}`,
      (...at) => {
        const on = without();
        const args = ['sync', ...on.where, ...option(on)];
        expect(killed(...at, args).code).toBe(137);
        expect(volseed(args)).toMatchObject({ code: 0, stderr: '' });
        expect(rootOf(on)).toEqual(root);
        expect(leftovers(on.volume)).toEqual([]);
      },
    );

  it('is its owner’s once it was seeded', () => {
    const on = without();
    const args = ['sync', ...on.where];
    killed('link', 1, args);
    volseed(args);
    killed('rename', 1, args);
    const own = { ...root, mode: 0o700 };
    chmodSync(on.volume, own.mode);
    volseed(args);
    expect(rootOf(on)).toEqual(own);
  });

  it('is not taken for made where somebody else has made it since, or before', () => {
    const on = without();
    const args = ['sync', ...on.where, '--state-dir', join(on.root, 'state')];
    killed('link', 1, args);
    rmSync(on.volume, { recursive: true });
    mkdirSync(on.volume, { mode: 0o711 });
    expect(volseed(args)).toMatchObject({ code: 0 });
    expect(rootOf(on)).toMatchObject({ mode: 0o711, uid: 0 });
    const other = ground({ '.': directory(root), g: file('2') }, { '.': directory({ mode: 0o711 }) });
    const again = ['sync', ...other.where];
    expect(killed('link', 1, again).code).toBe(137);
    expect(volseed(again)).toMatchObject({ code: 0 });
    expect(rootOf(other)).toMatchObject({ mode: 0o711, uid: 0 });
  });
});
