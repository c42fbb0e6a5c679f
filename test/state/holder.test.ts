import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Holder } from '../../src/core/run.ts';
import { readHolder, removeHolder, writeHolder } from '../../src/state/holder.ts';
import { firstNumber, Random } from '../support/random.ts';
import { ground } from './ground.ts';

const holder: Holder = { run: 'r1', mode: 'run', host: 'pod-1', pid: 1, since: '2026-01-01T00:00:00Z' };

describe('holder.json', () => {
  it('is read as it was written, and gone when removed', () => {
    const { state } = ground();
    expect(readHolder(state)).toBeUndefined();
    writeHolder(state, holder);
    expect(readHolder(state)).toEqual(holder);
    removeHolder(state);
    removeHolder(state);
    expect(readHolder(state)).toBeUndefined();
    expect(state.names()).toEqual([]);
  });

  it('is for people to read: one line of JSON', () => {
    const { state, at } = ground();
    writeHolder(state, holder);
    expect(fs.readFileSync(`${at}/holder.json`, 'utf8')).toBe(`${JSON.stringify(holder)}\n`);
  });

  const text = JSON.stringify(holder);

  it.each([
    ['empty', ''],
    ['cut off', text.slice(0, 30)],
    ['no JSON', 'holder'],
    ['bytes', '\0\xff\xfe'],
    ['null', 'null'],
    ['a number', '1'],
    ['a list', '[]'],
    ['an empty object', '{}'],
    ['of fields of other types', JSON.stringify({ run: 1, mode: {}, host: [], pid: 'x', since: null })],
    ['of a field that is missing', JSON.stringify({ ...holder, host: undefined })],
    ['of a field that has no end', JSON.stringify({ ...holder, run: 'x'.repeat(100_000) })],
    ['as deep as a well', '['.repeat(100_000)],
  ])('that is %s is nobody', (_, content) => {
    const { state, at } = ground();
    fs.writeFileSync(`${at}/holder.json`, content);
    expect(readHolder(state)).toBeUndefined();
  });

  it.each([
    ['a directory', (at: string) => fs.mkdirSync(at)],
    ['a link', (at: string) => fs.symlinkSync('/etc/passwd', at)],
    ['a link to nowhere', (at: string) => fs.symlinkSync('nowhere', at)],
  ])('that is %s is nobody, and is written over', (_, make) => {
    const { state, at } = ground();
    make(`${at}/holder.json`);
    expect(readHolder(state)).toBeUndefined();
    expect(() => writeHolder(state, holder)).not.toThrow();
    expect(readHolder(state)).toEqual(holder);
  });

  it('says nothing that could forge a line', () => {
    const { state, at } = ground();
    const forged = { ...holder, run: 'r\nvolseed: done', host: '\x1b[2Jh', since: '\u202enow', mode: 'evil' };
    fs.writeFileSync(`${at}/holder.json`, JSON.stringify(forged));
    expect(readHolder(state)).toEqual({
      run: String.raw`r\nvolseed: done`,
      host: String.raw`\x1b[2Jh`,
      since: String.raw`\u{202e}now`,
      mode: 'sync',
      pid: 1,
    });
  });

  it('is harmless whatever is in it', () => {
    const { state, at } = ground();
    const random = new Random(firstNumber);
    const failures: string[] = [];
    for (let n = 0; n < 300; n++) {
      const bytes = Buffer.from(text);
      for (let flips = 1 + random.below(4); flips > 0; flips--) bytes[random.below(bytes.length)] = random.below(256);
      fs.writeFileSync(`${at}/holder.json`, random.chance(20) ? bytes.subarray(0, random.below(bytes.length)) : bytes);
      const found = readHolder(state);
      const shown = [found?.run, found?.host, found?.since].join(' ');
      if (/[\p{Cc}\p{Cf}]/u.test(shown)) failures.push(bytes.toString('latin1'));
    }
    expect({ VOLSEED_TEST_SEED: firstNumber, failures }).toMatchObject({ failures: [] });
  });
});
