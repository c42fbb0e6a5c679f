import fs from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { rawHashOf, sha256 } from '../../src/fs/hash.ts';
import { file } from '../support/tree.ts';
import { place, still } from './place.ts';

function open(path: string): number {
  const descriptor = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  onTestFinished(() => fs.closeSync(descriptor));
  return descriptor;
}

it('is that of the bytes', async () => {
  expect(await sha256(open(`${place({ f: file('some') })}/f`), still)).toBe(
    Buffer.from(rawHashOf(Buffer.from('some')), 'latin1').toString('hex'),
  );
});

it('is taken of no device, which may have no end, but a file that was looked at may have become one', async () => {
  await expect(sha256(open('/dev/zero'), still)).rejects.toThrow(expect.objectContaining({ code: 'ENXIO' }));
});
