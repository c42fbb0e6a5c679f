import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { closeAgain, makeWritable, Unlocked, withWritable } from '../../src/fs/writable.ts';
import { ordinary, suite } from '../support/prerequisites.ts';
import { directory } from '../support/tree.ts';
import { anchorAt, as, path, place, self } from './place.ts';

const failing = (): Promise<void> => Promise.reject(new Error('failed'));
const modeOf = (at: string): number => fs.statSync(at).mode & 0o7777;

describe('makeWritable', () => {
  it('changes nothing for root, who may write anywhere', () => {
    const root = place({ d: directory({ mode: 0o500 }) });
    const anchor = anchorAt(root);
    anchor.moveTo(path('d'));
    expect(makeWritable(anchor, { privileged: true, uid: 0, groups: new Set() })).toBeUndefined();
    expect(modeOf(`${root}/d`)).toBe(0o500);
  });
});

suite('a directory that its owner may not write', ['root'], () => {
  it('is opened for the owner alone, and tells the mode that it had', async () => {
    const root = place({ d: directory({ ...ordinary, mode: 0o2555 }), open: directory({ ...ordinary, mode: 0o750 }) });
    await as(ordinary, () => {
      const anchor = anchorAt(root);
      anchor.moveTo(path('d'));
      expect(makeWritable(anchor, self())).toBe(0o2555);
      anchor.moveTo(path('open'));
      expect(makeWritable(anchor, self())).toBeUndefined();
    });
    expect(modeOf(`${root}/d`)).toBe(0o2755);
    expect(modeOf(`${root}/open`)).toBe(0o750);
  });

  it("is left alone where it is somebody else's", async () => {
    const root = place({ d: directory({ uid: 0, mode: 0o555 }) });
    await as(ordinary, () => {
      const anchor = anchorAt(root);
      anchor.moveTo(path('d'));
      expect(makeWritable(anchor, self())).toBeUndefined();
    });
    expect(modeOf(`${root}/d`)).toBe(0o555);
  });

  it('is closed again after the work, and after work that failed', async () => {
    const root = place({ d: directory({ ...ordinary, mode: 0o555 }) });
    await as(ordinary, async () => {
      const anchor = anchorAt(root);
      const work = async (): Promise<void> => {
        expect(modeOf(`${root}/d`)).toBe(0o755);
        anchor.moveTo(path(''));
      };
      anchor.moveTo(path('d'));
      await withWritable(anchor, path('d'), self(), work);
      expect(modeOf(`${root}/d`)).toBe(0o555);
      anchor.moveTo(path('d'));
      await expect(withWritable(anchor, path('d'), self(), failing)).rejects.toThrow('failed');
      expect(modeOf(`${root}/d`)).toBe(0o555);
    });
  });
});

const nested = { d: directory({ mode: 0o700 }), 'd/e': directory({ mode: 0o700 }) };
const opened = (): Unlocked =>
  new Unlocked([
    [path('d'), 0],
    [path('d/e'), 0o500],
  ]);

describe('closeAgain', () => {
  it('gives each directory its mode back, the deepest first', () => {
    const root = place(nested);
    const unlocked = opened();
    closeAgain(anchorAt(root), unlocked);
    expect(modeOf(`${root}/d/e`)).toBe(0o500);
    expect(modeOf(`${root}/d`)).toBe(0);
    expect(unlocked.size).toBe(0);
  });

  it('closes the others where one was removed meanwhile', () => {
    const root = place(nested);
    fs.rmdirSync(`${root}/d/e`);
    expect(() => closeAgain(anchorAt(root), opened())).not.toThrow();
    expect(modeOf(`${root}/d`)).toBe(0);
  });
});
