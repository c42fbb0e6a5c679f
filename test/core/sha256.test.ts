import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { sha256 } from '../../src/core/sha256.ts';

const hashOf = (text: string): string => sha256(Buffer.from(text));
const ofNode = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

it('has the hashes that are published', () => {
  expect(hashOf('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  expect(hashOf('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  expect(hashOf('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')).toBe(
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  );
});

it('has the hashes of the runtime, at every length about its blocks', () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, at) => (at * at * 31 + at * 7) >> 3);
  for (let length = 0; length < 300; length++) {
    const part = bytes.subarray(length, length * 2);
    expect(sha256(part), `${length} bytes`).toBe(ofNode(part));
  }
  expect(sha256(bytes)).toBe(ofNode(bytes));
});
