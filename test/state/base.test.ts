// The base on disk: what goes in comes out, and nothing else does.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Base, type Based } from '../../src/core/base.ts';
import { LEAVE } from '../../src/core/entry.ts';
import { moveAside, readBase, readStanding, writeBase, type Standing } from '../../src/state/base.ts';
import { path } from '../core/entries.ts';
import { firstNumber, Random } from '../support/random.ts';
import { ground, type Ground } from './ground.ts';

const standing: Standing = {
  seedDigest: 'd1',
  rules: '["merge"]',
  complete: true,
  same: 3,
  open: [path('a/caf\xe9')],
};
const attributes = { mode: 0o644, uid: 0, gid: 0, seconds: 100, nanoseconds: 5 };
const hash = 'ab'.repeat(32);
const plain: Based = { kind: 'file', ...attributes, size: 3, content: hash, volume: undefined, seed: undefined };

const KINDS: Readonly<Record<string, Based>> = {
  file: plain,
  'file with proofs': {
    ...plain,
    volume: { inode: 2n ** 64n - 1n, changed: -5n },
    seed: { inode: 7n, changed: 10n ** 18n },
  },
  'file that was not hashed': { ...plain, content: '', size: 2 ** 40 },
  'file before 1970': { ...plain, seconds: -3, nanoseconds: 999_999_999 },
  'file of the last owner that there is': { ...plain, uid: 2 ** 32 - 2, gid: 3_000_000_000 },
  'file whose owner is left': { ...plain, uid: LEAVE, gid: LEAVE },
  'file in conflict': { ...plain, offer: { kind: 'file', content: 'cd'.repeat(32), since: 'run-1' } },
  'link\nof bytes\xff': {
    kind: 'link',
    ...attributes,
    size: 0,
    content: '../\xff',
    volume: undefined,
    seed: undefined,
  },
  'directory that is to become a file': {
    kind: 'directory',
    ...attributes,
    size: 0,
    content: '',
    volume: undefined,
    seed: undefined,
    replacing: true,
  },
  directory: { kind: 'directory', ...attributes, size: 0, content: '', volume: undefined, seed: undefined },
};

function baseOf(entries: Readonly<Record<string, Based>>): Base {
  const base = new Base();
  for (const [at, based] of Object.entries(entries)) base.set(path(at), based);
  return base;
}

function entriesOf(base: Base): Record<string, Based> {
  const all = [...base.directories()].flatMap(([directory, entries]) =>
    [...entries].map(([name, based]) => [directory === '' ? name : `${directory}/${name}`, based] as const),
  );
  return Object.fromEntries(all.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function fateOf(base: Base | 'damaged' | undefined): string {
  if (base === undefined || base === 'damaged') return String(base);
  try {
    return entriesOf(base) && 'whole';
  } catch (error) {
    return String(error);
  }
}

function written(entries: Readonly<Record<string, Based>>): Ground {
  const on = ground();
  writeBase(on.state, baseOf(entries), standing, false);
  return on;
}

describe('the base', () => {
  it.each(Object.entries(KINDS))('keeps a %s', (name, based) => {
    const { state } = written({ [`dir/${name}`]: based, [name]: based });
    expect(entriesOf(readBase(state) as Base)).toEqual({ [name]: based, [`dir/${name}`]: based });
  });

  it('keeps ten thousand paths, and finds each', () => {
    const random = new Random(firstNumber);
    const all: Record<string, Based> = {};
    for (let n = 0; n < 10_000; n++) all[`d${random.below(50)}/e${random.below(50)}/f${n}`] = { ...plain, size: n };
    const base = readBase(written(all).state) as Base;
    expect(base.size).toBe(10_000);
    expect(Object.keys(all).filter((at) => base.get(path(at))?.size !== all[at]?.size)).toEqual([]);
  });

  it('forgets what is taken out of it, and a directory with its last path', () => {
    const base = baseOf({ 'd/a': plain, 'd/b': plain });
    base.delete(path('d/a'));
    base.delete(path('d/a'));
    expect([base.size, base.get(path('d/a')), [...base.in(path('d')).keys()]]).toEqual([1, undefined, ['b']]);
    base.delete(path('d/b'));
    expect([base.size, [...base.directories()]]).toEqual([0, []]);
  });

  it('is none where there is no file, and says on what it stands without being read', () => {
    const { state } = ground();
    expect([readBase(state), readStanding(state)]).toEqual([undefined, undefined]);
    writeBase(state, baseOf({ a: plain }), standing, true);
    expect(readStanding(state)).toEqual(standing);
  });

  it.each(['日本*', 'файл*', 'caf\xe9', '\ud800', '\u{1f600}"\\'])('stands on rules that name %j', (pattern) => {
    const { state } = ground();
    const rules = JSON.stringify([{ match: pattern }, pattern]);
    writeBase(state, baseOf({ a: plain }), { ...standing, rules }, false);
    expect(readStanding(state)?.rules).toBe(rules);
    expect(readBase(state)).toBeInstanceOf(Base);
  });

  it('is damaged wherever one byte of it is another, or it is cut short', () => {
    const { state, at } = written({ 'dir/a': plain, link: KINDS['link\nof bytes\xff'] as Based });
    const good = fs.readFileSync(`${at}/base`);
    const random = new Random(firstNumber);
    for (let n = 0; n < 300; n++) {
      const cut = random.chance(30);
      const where = random.below(good.length);
      const bad = cut ? good.subarray(0, where) : Buffer.from(good);
      if (!cut) bad[where] = (bad[where] ?? 0) ^ (1 << random.below(8));
      fs.writeFileSync(`${at}/base`, bad);
      expect([firstNumber, n, where, readBase(state)]).toEqual([firstNumber, n, where, 'damaged']);
    }
  });

  it.each(['../x', 'a/../../x', '/etc/x', 'a//x', '.', '..', 'a/.', 'a\0b'])(
    'is damaged where it names %j, however well it is summed',
    (bad) => {
      const on = ground();
      const base = new Base();
      base.set(path(bad), plain);
      writeBase(on.state, base, { ...standing, open: [] }, false);
      expect(readBase(on.state)).toBe('damaged');
    },
  );

  it('is damaged, or can be taken apart as a whole, wherever one byte of it is another and it is summed anew', () => {
    const kinds = Object.fromEntries(Object.values(KINDS).map((based, n) => [`dir/${n}`, based]));
    const { state, at } = written({ ...kinds, ...KINDS });
    const good = fs.readFileSync(`${at}/base`);
    const body = good.indexOf('\n', good.indexOf('\n') + 1) + 1;
    const fates = new Set<string>();
    for (let where = body; where < good.length; where++)
      for (const bit of [1, 2, 4, 0x20]) {
        const bad = Buffer.from(good);
        bad[where] = (bad[where] ?? 0) ^ bit;
        const sum = createHash('sha256').update(bad.subarray(body)).digest('hex');
        bad.write(sum, bad.indexOf('\n') - sum.length);
        fs.writeFileSync(`${at}/base`, bad);
        fates.add(fateOf(readBase(state)));
      }
    expect([...fates].toSorted()).toEqual(['damaged', 'whole']);
  });

  it('stands on nothing where an open path leads out', () => {
    const on = ground();
    writeBase(on.state, new Base(), { ...standing, open: [path('../x')] }, false);
    expect(readStanding(on.state)).toBeUndefined();
  });

  it.each([
    ['a directory', (at: string) => fs.mkdirSync(at)],
    ['a link', (at: string) => fs.symlinkSync('/etc/passwd', at)],
    ['something else', (at: string) => fs.writeFileSync(at, 'volseed-base 2 later\n')],
    ['nothing at all', (at: string) => fs.writeFileSync(at, '')],
  ])('is damaged where the file is %s, and can be moved aside', (_, plant) => {
    const { state, at } = ground();
    plant(`${at}/base`);
    expect([readBase(state), readStanding(state)]).toEqual(['damaged', undefined]);
    const name = moveAside(state);
    expect(fs.readdirSync(at)).toContain(name);
    expect(readBase(state)).toBeUndefined();
  });
});
