import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Log } from '../../src/core/log.ts';
import { LastWords, placeOf } from '../../src/report/last-words.ts';

let directory = '';
let file = '';
let said: string[] = [];
const write: Log['write'] = (level, message) => void said.push(`${level}: ${message}`);
const log: Log = { write, item: write, answer: () => undefined, document: () => undefined, flush: () => undefined };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'volseed-words-'));
  file = join(directory, 'log');
  said = [];
  writeFileSync(file, 'what was there before, which is longer than what comes');
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** What is left behind by a run that says this. */
function after(run: (through: Log, words: LastWords) => void, path = file): string {
  const words = new LastWords({ path, by: '--termination-log' });
  run(words.over(log), words);
  words.leave(log);
  return readFileSync(file, 'utf8');
}

const totals = (through: Log): void => through.write('info', 'Totals: 1 created.', { event: 'totals' });

describe('the last words of a run', () => {
  it('are its totals, where it went well', () => {
    const left = after((through) => {
      through.write('info', 'Initiating sync.');
      through.item('info', 'tables/t1.csv', { event: 'created' });
      through.write('warn', 'a warning');
      totals(through);
    });
    expect(left).toBe('Totals: 1 created.\n');
    expect(said).toEqual([
      'info: Initiating sync.',
      'info: tables/t1.csv',
      'warn: a warning',
      'info: Totals: 1 created.',
    ]);
  });

  it('are what went wrong and then the totals, where only a part went wrong', () => {
    const left = after((through) => {
      through.write('error', 'a: permission denied', { event: 'problem', kind: 'failed' });
      through.write('warn', 'b: vanished', { event: 'problem', kind: 'vanished' });
      through.write('warn', 'c: a socket is passed over', { event: 'problem', kind: 'passed over' });
      through.write('error', 'It completed with 2 problems (named above).', { event: 'end' });
      totals(through);
    });
    expect(left).toBe(
      'volseed: a: permission denied\nvolseed: b: vanished\nIt completed with 2 problems (named above).\nTotals: 1 created.\n',
    );
  });

  it('have room for how it ended, however much went wrong, and never more than Kubernetes shows', () => {
    const left = after((through) => {
      for (let n = 0; n < 1000; n++) through.write('error', `tables/ü${n}: permission denied`, { event: 'problem' });
      totals(through);
    });
    const lines = left.trimEnd().split('\n');
    expect(lines[0]).toBe('volseed: tables/ü0: permission denied');
    expect(lines.at(-2)).toBe(`… and ${1000 - (lines.length - 2)} more, see the log`);
    expect(lines.at(-1)).toBe('Totals: 1 created.');
    expect(Buffer.byteLength(left)).toBeLessThanOrEqual(4096);
    expect(Buffer.byteLength(left)).toBeGreaterThan(3000);
  });

  it.each([0, 1, 2, 3])('cut one error that is too long at a whole character (%i)', (offset) => {
    const left = after((through) => {
      through.write('error', 'x'.repeat(offset) + '車'.repeat(3000));
      totals(through);
    });
    expect(Buffer.byteLength(left)).toBeLessThanOrEqual(4096);
    expect(Buffer.byteLength(left)).toBeGreaterThan(4080);
    expect(left).toMatch(/^volseed: x*車+…\nTotals: 1 created\.\n$/u);
  });

  it('are none where nothing was said, and none of what was said before the service took over', () => {
    const before = readFileSync(file, 'utf8');
    expect(after(() => undefined)).toBe(before);
    const handedOver = after((through, words) => {
      totals(through);
      words.forget();
    });
    expect(handedOver).toBe(before);
    const failed = after((through, words) => {
      totals(through);
      words.forget();
      through.write('error', 'the command was not found');
    });
    expect(failed).toBe('volseed: the command was not found\n');
  });

  it('are written through no link, into no directory, and into no file that is not there; that is a warning', () => {
    const link = join(directory, 'link');
    symlinkSync(file, link);
    mkdirSync(join(directory, 'directory'));
    const before = readFileSync(file, 'utf8');
    for (const name of ['link', 'directory', 'none']) expect(after(totals, join(directory, name))).toBe(before);
    expect(said.filter((line) => line.startsWith('warn'))).toEqual([
      `warn: --termination-log: ${link} could not be written: is a symbolic link`,
      `warn: --termination-log: ${join(directory, 'directory')} could not be written: is a directory`,
      `warn: --termination-log: ${join(directory, 'none')} could not be written: no such file or directory`,
    ]);
  });
});

describe('the place of the last words', () => {
  it('is what was named, for any command; /dev/null is none', () => {
    const named = { path: '/a', by: 'X' };
    expect(placeOf('backup', named)).toBe(named);
    expect(placeOf('sync', { path: '/dev/null', by: 'X' })).toBeUndefined();
  });

  it('costs nothing where there is none: the log is the one that there was', () => {
    expect(new LastWords(undefined).over(log)).toBe(log);
  });
});
