import { crc32 as ofZlib } from 'node:zlib';
import { expect, test } from 'vitest';
import { crc32 } from '../../src/core/checksum.ts';

test('is the CRC-32 of zlib', () => {
  const samples = ['', 'a', '123456789', '\0\0\0\0', 'ÿþ\u0080', 'volseed '.repeat(1000)];
  for (const sample of samples) expect(Number.parseInt(crc32(sample), 16)).toBe(ofZlib(Buffer.from(sample, 'latin1')));
  expect(crc32('123456789')).toBe('cbf43926');
});

test('is another where any one bit is another', () => {
  const text = '{"seedDigest":null,"open":[]}';
  const sums = new Set([crc32(text)]);
  for (let at = 0; at < text.length; at++)
    for (let bit = 0; bit < 8; bit++)
      sums.add(crc32(text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << bit)) + text.slice(at + 1)));
  expect(sums.size).toBe(1 + text.length * 8);
});
