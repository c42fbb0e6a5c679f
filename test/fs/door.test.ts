// Whether the C library is believed, before it is asked for anything that counts.
import fs from 'node:fs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Direct } from '../../src/fs/direct.ts';
import { file } from '../support/tree.ts';
import { name, place } from './place.ts';

let door: (memory: ArrayBuffer) => Direct | undefined;
vi.mock(import('../../src/fs/direct.ts'), async (original) => ({
  ...(await original()),
  openDirect: (memory: ArrayBuffer) => door(memory),
}));

const { openDirect } = await vi.importActual<typeof import('../../src/fs/direct.ts')>('../../src/fs/direct.ts');

/** A module of its own for each test, with nothing looked at yet. */
let looks: typeof import('../../src/fs/look.ts');
beforeEach(async () => {
  vi.resetModules();
  looks = await import('../../src/fs/look.ts');
});
afterEach(() => {
  vi.restoreAllMocks();
});

function lookOften(): void {
  for (let n = 0; n < 250; n++) expect(looks.look('.')).toMatchObject({ kind: 'directory' });
}

const liar: Direct = {
  look: () => true,
  lookAtWritten: () => true,
  lookAt: () => true,
  list: () => 0,
  open: () => -1,
  changeDirectory: () => true,
};

it.each<[string, (honest: Direct) => Direct]>([
  ['says that it has looked, and has not', () => liar],
  ['looks at names only', (honest) => ({ ...liar, look: honest.look })],
  ['does not look at names that were written', (honest) => ({ ...honest, lookAtWritten: () => true })],
  ['does not look at what is open', (honest) => ({ ...honest, lookAt: () => true })],
])('is not asked where it %s', (_, make) => {
  process.chdir(place({ f: file('four') }));
  door = (memory) => {
    const honest = openDirect(memory);
    return honest && make(honest);
  };
  lookOften();
  expect(looks.written()).toBeUndefined();
  expect(looks.look(name('f'))).toMatchObject({ kind: 'file', size: 4 });
  expect(looks.look(name('none'))).toBeUndefined();
});

it('is asked where it tells of the root of all what node:fs tells', () => {
  process.chdir(place());
  door = openDirect;
  lookOften();
  expect(looks.written()).toBeDefined();
});

it('is not asked where that cannot be found out, and nobody’s look fails for it', () => {
  process.chdir(place());
  door = openDirect;
  const { openSync } = fs;
  vi.spyOn(fs, 'openSync').mockImplementation((path, ...rest) => {
    if (path === '/') throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    return openSync(path, ...rest);
  });
  lookOften();
  expect(looks.written()).toBeUndefined();
});

it('a name that was written is refused as the kernel refuses it, and missing where it is', () => {
  process.chdir(place({ f: file('four') }));
  door = openDirect;
  lookOften();
  const hand = looks.written();
  const glance = (text: string): unknown => {
    hand?.name.set(Buffer.from(`${text}\0`));
    return hand?.glance();
  };
  expect(glance('f')).toMatchObject({ size: 4 });
  expect(glance('none')).toBeUndefined();
  // One refusal is enough to know of a directory: a server that is gone is not asked for each of its files.
  expect(() => glance('f/below')).toThrow('ENOTDIR');
});
