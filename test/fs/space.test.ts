import fs from 'node:fs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { VolumeError } from '../../src/core/errors.ts';
import type { Plan } from '../../src/core/plan.ts';
import { refuseIfLacking } from '../../src/fs/space.ts';
import { change, directory, file } from '../core/entries.ts';
import { anchorAt, canMount, mount, path, place } from './place.ts';

const planOf = (...sizes: readonly number[]): Plan => ({
  changes: sizes.map((size, at) => change(`f${at}`, file({ size }))),
  removals: [],
  kept: [],
  problems: [],
  same: 0,
  basing: new Map(),
  lost: 0,
  directories: new Map(),
});

/** A file system with so much room, whatever is really there. */
function room(bytes: number, ffree: number, files = 1000): void {
  const figures = { type: 0, bsize: 1, blocks: bytes * 2, bfree: bytes, bavail: bytes, files, ffree, frsize: 1 };
  vi.spyOn(fs, 'statfsSync').mockReturnValue(figures);
  onTestFinished(() => void vi.restoreAllMocks());
}

describe('refuseIfLacking', () => {
  it.each([
    ['too many bytes', 2999, 2, 'needs 3.0 kB and 2 inodes, 3.0 kB and 2 free'],
    ['too many files', 3000, 1, 'needs 3.0 kB and 2 inodes, 3.0 kB and 1 free'],
  ])('names the figures of %s', (_, bytes, inodes, message) => {
    const anchor = anchorAt(place());
    room(bytes, inodes);
    expect(() => refuseIfLacking(planOf(1000, 2000), anchor)).toThrow(message);
  });

  it('lets pass what fits to the last byte and inode', () => {
    const anchor = anchorAt(place());
    room(3000, 2);
    expect(() => refuseIfLacking(planOf(1000, 2000), anchor)).not.toThrow();
  });

  it('tells where, that nothing was touched, and a way out', () => {
    const root = place();
    const anchor = anchorAt(root);
    room(1, 1);
    expect(() => refuseIfLacking(planOf(1000), anchor)).toThrow(VolumeError);
    expect(() => refuseIfLacking(planOf(1000), anchor)).toThrow(new RegExp(`${root}; nothing was touched: make room`));
  });

  it('does not ask for inodes where a file system makes them as it goes', () => {
    const anchor = anchorAt(place());
    room(5000, 0, 0);
    expect(() => refuseIfLacking(planOf(1000, 2000), anchor)).not.toThrow();
  });

  it('asks for nothing where there is nothing to write', () => {
    const anchor = anchorAt(place());
    room(0, 0);
    const plan = { ...planOf(), changes: [change('d', directory(), 'attributes')] };
    expect(() => refuseIfLacking(plan, anchor)).not.toThrow();
  });

  it.skipIf(!canMount())('asks the file system that the volume is on', () => {
    const root = place({ small: { type: 'directory' } });
    mount(`${root}/small`, '-t', 'tmpfs', '-o', 'size=64k,nr_inodes=10', 'none');
    const anchor = anchorAt(`${root}/small`);
    expect(() => refuseIfLacking(planOf(60_000), anchor)).not.toThrow();
    expect(() => refuseIfLacking(planOf(70_000), anchor)).toThrow(VolumeError);
    const many = planOf(...Array.from({ length: 11 }, () => 1));
    expect(() => refuseIfLacking(many, anchor)).toThrow('11 inodes');
  });
});

describe.skipIf(!canMount())('where another file system is mounted in the volume', () => {
  it('is asked of the root what is free, wherever the scan has ended', () => {
    const root = place();
    fs.mkdirSync(`${root}/d`);
    mount(`${root}/d`, '-t', 'tmpfs', '-o', 'size=1m', 'none');
    const anchor = anchorAt(root);
    anchor.moveTo(path('d'));
    expect(() => refuseIfLacking(planOf(2 * 1024 * 1024), anchor)).not.toThrow();
  });
});
