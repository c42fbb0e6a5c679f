import fs from 'node:fs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Attributes } from '../../src/core/entry.ts';
import {
  byBareName,
  byHandle,
  changeTime,
  close,
  createFile,
  isEmpty,
  list,
  makeDirectory,
  makeLink,
  moveWithoutReplacing,
  openDirectory,
  openForReading,
  openHandle,
  readInto,
  removeDirectory,
  removeFile,
  rename,
  toTime,
  write,
} from '../../src/fs/disk.ts';
import { look, lookAt } from '../../src/fs/look.ts';
import { firstNumber, Random } from '../support/random.ts';
import { directory, fifo, file, symlink } from '../support/tree.ts';
import { name, place, type Literal } from './place.ts';

/** A place that is the working directory. */
function here(literal: Literal = {}): string {
  const path = place(literal);
  process.chdir(path);
  return path;
}

const code = (action: () => unknown): unknown => {
  try {
    action();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
  return undefined;
};

const at = (seconds: number, nanoseconds: number): Attributes => ({ mode: 0, uid: 0, gid: 0, seconds, nanoseconds });

/** What a file has after it was given a time. */
function afterSetting(wanted: Attributes): { seconds: number; nanoseconds: number } {
  const descriptor = fs.openSync('f', 'r+');
  try {
    changeTime(descriptor, wanted);
    const { seconds, nanoseconds } = lookAt(descriptor);
    return { seconds, nanoseconds };
  } finally {
    fs.closeSync(descriptor);
  }
}

/** How many nanoseconds are lost; infinitely many where the second is another one. */
const lost = (wanted: Attributes): number => {
  const found = afterSetting(wanted);
  return found.seconds === wanted.seconds ? Math.abs(found.nanoseconds - wanted.nanoseconds) : Infinity;
};

/** The second that a time is of, by what is cut of it: parts of a nanosecond, or of a microsecond in Node 22. */
const secondOf = (text: string, unit: number): number => {
  const whole = Math.trunc(Number(text));
  return whole + Math.floor(Math.trunc((Number(text) - whole) * unit) / unit);
};

describe('times', () => {
  const seconds = [0, 1, 100, 1_500_000_000, 1_763_680_000, 2_147_483_647, 2_147_483_648, 4_102_444_800];
  const fractions = [0, 1, 100, 499, 500, 700, 999, 1000, 1999, 500_000_000, 999_999_000, 999_999_500, 999_999_999];

  it.each(seconds)('from second %i on keep their second, and their fraction to the microsecond', (second) => {
    here({ f: file() });
    expect(fractions.filter((fraction) => lost(at(second, fraction)) >= 1000)).toEqual([]);
  });

  it.each([-1, -2, -100, -1_500_000_000, -2_147_483_648])(
    'before 1970 (%i) keep their second, and their fraction to the microsecond',
    (second) => {
      here({ f: file() });
      expect(fractions.filter((fraction) => lost(at(second, fraction)) >= 1000)).toEqual([]);
    },
  );

  it('keep their second, and their fraction to the microsecond, wherever they are', () => {
    here({ f: file() });
    const random = new Random(firstNumber);
    const failures: string[] = [];
    for (let n = 0; n < 2000; n++) {
      const wanted = at(random.below(8_000_000_000) - 4_000_000_000, random.below(1_000_000_000));
      // The time of Node 22, which cuts towards 1970 to the microsecond, is in the same second too.
      const cut = Math.floor(Math.trunc(Number(toTime(wanted)) * 1e6) / 1e6);
      if (lost(wanted) >= 1000 || cut !== wanted.seconds) failures.push(`${wanted.seconds} s ${wanted.nanoseconds} ns`);
    }
    expect({ VOLSEED_TEST_SEED: firstNumber, failures }).toMatchObject({ failures: [] });
  });

  // Up to what ext4 holds.
  const late = [2 ** 33 - 2, 2 ** 33 - 1, 2 ** 33, 2 ** 33 + 1, 12_345_678_901, 2 ** 34 - 2 ** 31 - 2];

  it.each(late)('keep their second where a double tells no microseconds apart (%i)', (second) => {
    here({ f: file() });
    expect(fractions.map((fraction) => afterSetting(at(second, fraction)).seconds - second)).toEqual(
      fractions.map(() => 0),
    );
  });

  it.each([1, 2 ** 31, 2 ** 32, 2 ** 33, 2 ** 34, 2 ** 40, 2 ** 51].flatMap((n) => [n, n - 1, n + 1]))(
    'are never of another second, before 1970 or after: %i',
    (second) => {
      for (const each of [second, 0 - second]) {
        const found = fractions.map((fraction) => secondOf(toTime(at(each, fraction)), 1e9));
        expect(found).toEqual(fractions.map(() => each));
      }
    },
  );

  it('are never of another second, at any magnitude and however close to the next', () => {
    const random = new Random(firstNumber);
    const failures: string[] = [];
    for (let n = 0; n < 20_000; n++) {
      const magnitude = Math.floor(2 ** (random.below(5200) / 100));
      const wanted = at(
        random.chance(50) ? magnitude : -magnitude,
        1e9 - 1 - Math.floor(2 ** (random.below(2900) / 100)),
      );
      const unit = wanted.seconds < 0 ? 1e9 : 1e6;
      if (secondOf(toTime(wanted), unit) !== wanted.seconds)
        failures.push(`${wanted.seconds} s ${wanted.nanoseconds} ns`);
    }
    expect({ VOLSEED_TEST_SEED: firstNumber, failures }).toMatchObject({ failures: [] });
  });

  it('are read as whole seconds rounded down, before 1970 too', () => {
    here({ a: file('', { mtime: '-1.5' }), b: file('', { mtime: '-0.000000001' }), c: file('', { mtime: -1 }) });
    expect(['a', 'b', 'c'].map((each) => look(name(each)))).toMatchObject([
      { seconds: -2, nanoseconds: 500_000_000 },
      { seconds: -1, nanoseconds: 999_999_999 },
      { seconds: -1, nanoseconds: 0 },
    ]);
  });

  it('are given to node:fs as text, because it takes a negative number for now', () => {
    expect(toTime(at(-1, 0))).toBe('-1');
    expect(toTime(at(0, 0))).toBe('0');
    expect(toTime(at(1, 999_999_999))).toBe('1.999999999');
    expect(Number(toTime(at(1_500_000_000, 999_999_999)))).toBeLessThan(1_500_000_001);
  });
});

it('lists names in the order of their bytes', () => {
  here(Object.fromEntries(['b', 'a', 'B', '10', '9', '\xff', '.hidden', '-'].map((each) => [each, file()])));
  expect(list()).toEqual(['-', '.hidden', '10', '9', 'B', 'a', 'b', '\xff']);
});

describe('what opens', () => {
  const literal = {
    d: directory(),
    l: symlink('d'),
    fl: symlink('f'),
    f: file('x'),
    p: fifo(),
    broken: symlink('new'),
  };

  it('a directory follows no link', () => {
    here(literal);
    close(openDirectory(name('d')));
    expect(code(() => openDirectory(name('l')))).toMatch(/^(ENOTDIR|ELOOP)$/);
    expect(code(() => openDirectory(name('f')))).toBe('ENOTDIR');
    expect(code(() => isEmpty(name('l')))).toMatch(/^(ENOTDIR|ELOOP)$/);
  });

  it('a file for reading follows no link, and waits for no writer of a FIFO', () => {
    here(literal);
    close(openForReading(name('p')));
    expect(code(() => openForReading(name('fl')))).toBe('ELOOP');
  });

  it('a handle is of the link itself', () => {
    here(literal);
    const handle = openHandle(name('fl'));
    expect(lookAt(handle)).toMatchObject({ kind: 'link' });
    close(handle);
  });

  it('a new file takes no name that is taken, not even by a link to nowhere', () => {
    here(literal);
    for (const taken of ['f', 'd', 'l', 'p', 'broken'])
      expect(code(() => createFile(name(taken), 0o600))).toBe('EEXIST');
    expect(fs.existsSync('new')).toBe(false);
  });
});

it('knows an empty directory', () => {
  here({ empty: directory(), 'full/x': file() });
  expect([isEmpty(name('empty')), isEmpty(name('full'))]).toEqual([true, false]);
});

describe('moveWithoutReplacing', () => {
  it.each([
    ['a file', file('mine')],
    ['a link to nowhere', symlink('nowhere')],
    ['an empty directory', directory()],
    ['a FIFO', fifo()],
  ])('leaves %s where it is, and the source too', (_, entry) => {
    here({ from: file('theirs'), to: entry });
    const before = look(name('to'));
    expect(code(() => moveWithoutReplacing('from', name('to')))).toBe('EEXIST');
    expect(look(name('to'))).toEqual(before);
    expect(list()).toEqual(['from', 'to']);
  });

  it('moves a file to a free name', () => {
    here({ from: file('theirs') });
    moveWithoutReplacing('from', name('\xff'));
    expect(list()).toEqual(['\xff']);
    expect(look(name('\xff'))).toMatchObject({ size: 6, witness: { links: 1 } });
  });

  it('moves a link itself, not what it leads to', () => {
    here({ from: symlink('f'), f: file() });
    moveWithoutReplacing('from', name('to'));
    expect(look(name('to'))).toMatchObject({ kind: 'link', target: 'f' });
  });
});

describe('rename', () => {
  it('replaces a file and an empty directory, and nothing that is full', () => {
    here({ f: file('new'), g: file('old'), 'd/x': file(), empty: directory(), 'full/y': file() });
    rename('f', 'g');
    rename('d', 'empty');
    expect(list()).toEqual(['empty', 'full', 'g']);
    expect(code(() => rename('empty', 'full'))).toMatch(/^(ENOTEMPTY|EEXIST)$/);
  });
});

describe('attributes', () => {
  it('go to what a handle is of, though its name means something else by then', () => {
    here({ f: file('', { mode: 0o600 }), outside: file('', { mode: 0o600, mtime: 5 }) });
    const handle = openHandle(name('f'));
    fs.renameSync('f', 'moved');
    fs.symlinkSync('outside', 'f');
    byHandle.changeMode(handle, 0o640);
    byHandle.changeTime(handle, at(7, 0));
    close(handle);
    expect(look(name('moved'))).toMatchObject({ mode: 0o640, seconds: 7 });
    expect(look(name('outside'))).toMatchObject({ mode: 0o600, seconds: 5 });
  });

  it.runIf(process.getuid?.() === 0)('of a link are set without following it, by handle and by name', () => {
    here({ l: symlink('f'), m: symlink('f'), f: file('', { mtime: 5, uid: 0, gid: 0 }) });
    const handle = openHandle(name('l'));
    byHandle.changeOwner(handle, 3, 4);
    byHandle.changeTime(handle, at(-7, 0));
    close(handle);
    byBareName.changeOwner(name('m'), 3, 4);
    byBareName.changeTime(name('m'), at(-7, 0));
    expect(look(name('l'))).toMatchObject({ kind: 'link', uid: 3, gid: 4, seconds: -7 });
    expect(look(name('m'))).toMatchObject({ kind: 'link', uid: 3, gid: 4, seconds: -7 });
    expect(look(name('f'))).toMatchObject({ uid: 0, gid: 0, seconds: 5 });
  });
});

const part = (length: unknown): number => Math.min(Number(length), 3);

describe('reading and writing', () => {
  it('go on until all is done, where the kernel does a part at a time', () => {
    here();
    const { writeSync, readSync } = fs;
    const writing = vi
      .spyOn(fs, 'writeSync')
      .mockImplementation((descriptor, buffer, offset, length) =>
        writeSync(descriptor, buffer as unknown as Uint8Array, Number(offset), part(length)),
      );
    const reading = vi
      .spyOn(fs, 'readSync')
      .mockImplementation((...[descriptor, buffer, offset, length]: readonly unknown[]) =>
        readSync(descriptor as number, buffer as Uint8Array, Number(offset), part(length), null),
      );
    onTestFinished(() => void vi.restoreAllMocks());
    const out = createFile(name('f'), 0o600);
    write(out, Buffer.from('..ten bytes!..'), 2, 10);
    close(out);
    const into = Buffer.alloc(20, '-');
    const back = openForReading(name('f'));
    expect(readInto(back, into, 1, 15)).toBe(10);
    close(back);
    expect(into.toString()).toBe('-ten bytes!---------');
    expect(writing.mock.calls).toHaveLength(4);
    expect(reading.mock.calls.length).toBeGreaterThan(4);
  });

  it('stop where they are told to', () => {
    here({ f: file('0123456789') });
    const into = Buffer.alloc(4, '-');
    const back = openForReading(name('f'));
    expect(readInto(back, into, 0, 3)).toBe(3);
    close(back);
    expect(into.toString()).toBe('012-');
  });
});

describe('making and removing', () => {
  it('takes names as bytes', () => {
    here();
    makeDirectory(name('\xff'), 0o711);
    makeLink(name('\xfe'), '\xfd');
    close(createFile(name('\xfc'), 0o640));
    expect(list()).toEqual(['\xfc', '\xfe', '\xff']);
    expect([look(name('\xff')), look(name('\xfc')), look(name('\xfe'))]).toMatchObject([
      { kind: 'directory', mode: 0o711 },
      { kind: 'file', mode: 0o640 },
      { kind: 'link', target: '\xfd' },
    ]);
    removeDirectory('\xff');
    removeFile('\xfe');
    removeFile('\xfc');
    expect(list()).toEqual([]);
  });

  it('removes no directory that has something in it, and a link, not what it leads to', () => {
    here({ 'd/x': file(), l: symlink('d') });
    expect(code(() => removeDirectory('d'))).toBe('ENOTEMPTY');
    removeFile('l');
    expect(list()).toEqual(['d']);
  });
});
