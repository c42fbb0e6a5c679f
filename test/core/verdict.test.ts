import { expect, it } from 'vitest';
import type { Entry } from '../../src/core/entry.ts';
import { verdictOf } from '../../src/core/verdict.ts';
import { directory, file, link } from './entries.ts';

it.each<[string, Entry, Entry | undefined, boolean, string]>([
  ['nothing there', file(), undefined, false, 'missing'],
  ['the same content, whatever mode and time', file(), file({ mode: 0o600, seconds: 999 }), true, 'same'],
  ['another content of the same size and second', file(), file(), false, 'damaged'],
  ['another size of the same second', file(), file({ size: 1 }), false, 'damaged'],
  ['another content, later', file(), file({ seconds: 101 }), false, 'edited'],
  ['another content, earlier', file(), file({ seconds: 99 }), false, 'outdated'],
  ['another target', link(), link({ target: 'x' }), false, 'edited'],
  ['the same target', link(), link({ seconds: 1 }), false, 'same'],
  ['a link for a file', file(), link({ seconds: 101 }), false, 'edited'],
  ['a directory', directory(), directory({ seconds: 1 }), false, 'same'],
])('%s', (_, seed, volume, same, verdict) => {
  expect(verdictOf(seed, volume, same)).toBe(verdict);
});
