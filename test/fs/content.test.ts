import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sameContent } from '../../src/fs/content.ts';
import { directory, fifo, file } from '../support/tree.ts';
import { place, still } from './place.ts';

async function compare(one: string, other: string, pulse = still): Promise<boolean> {
  const flags = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;
  const descriptors = [fs.openSync(one, flags), fs.openSync(other, flags)] as const;
  try {
    return await sameContent(...descriptors, pulse);
  } finally {
    for (const descriptor of descriptors) fs.closeSync(descriptor);
  }
}

const beat = (): Promise<void> => Promise.reject(new Error('a signal'));

describe('sameContent', () => {
  const CHUNK = 256 * 1024;

  it.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])('compares %i bytes to the last', async (size) => {
    const content = 'x'.repeat(size);
    process.chdir(
      place({
        a: file(content),
        b: file(content),
        longer: file(`${content}x`),
        first: file(`y${content.slice(1)}`),
        last: file(`${content.slice(1)}y`),
      }),
    );
    expect(await compare('a', 'b')).toBe(true);
    expect(await compare('a', 'longer')).toBe(false);
    expect(await compare('longer', 'a')).toBe(false);
    expect(await compare('a', 'first')).toBe(false);
    expect(await compare('a', 'last')).toBe(false);
  });

  it('is false of what is no file, and waits for no writer', async () => {
    process.chdir(place({ f: file(), p: fifo(), d: directory() }));
    for (const none of ['p', 'd']) {
      expect(await compare('f', none)).toBe(false);
      expect(await compare(none, 'f')).toBe(false);
    }
  });

  it('lets a signal in while it reads much', async () => {
    process.chdir(place({ a: file('x'.repeat(4 * CHUNK)), b: file('x'.repeat(4 * CHUNK)) }));
    await expect(compare('a', 'b', { ended: false, due: () => true, beat })).rejects.toThrow('a signal');
  });
});
