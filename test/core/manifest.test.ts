import { describe, expect, it } from 'vitest';
import type { Entry } from '../../src/core/entry.ts';
import { NOBODY } from '../../src/core/entry.ts';
import { encodeManifest, type Contents, type Recorded } from '../../src/core/manifest-writing.ts';
import { FORMAT, HASH, MAGIC, Manifest } from '../../src/core/manifest.ts';
import { Damaged } from '../../src/core/octets.ts';
import { byName, join, nameOf, type Name, type RelPath } from '../../src/core/path.ts';
import { tools } from '../../src/fs/manifest-file.ts';
import { firstNumber, Random } from '../support/random.ts';
import { directory, file, link, other, path } from './entries.ts';

const hashOf = (text: string): string => tools.sha256(Buffer.from(text, 'latin1'));

type Literal = Readonly<Record<string, Entry>>;

function contents(literal: Literal, over: Partial<Contents> = {}): Contents {
  const recorded = Object.entries(literal).map(([at, entry]): Recorded => ({
    path: path(at),
    entry,
    sha256: entry.kind === 'file' ? hashOf(at) : undefined,
  }));
  return { version: undefined, root: directory(), recorded, history: new Map(), ...over };
}

const encoded = (literal: Literal, over: Partial<Contents> = {}): Uint8Array =>
  encodeManifest(contents(literal, over), tools);
const decoded = (bytes: Uint8Array): Manifest => new Manifest(bytes, tools);

/** With the right digest, as somebody who knows the format would do it. */
function sealed(body: Uint8Array): Uint8Array {
  return Buffer.concat([body, Buffer.from(tools.sha256(body), 'hex')]);
}

/** All that a manifest holds, as a literal. */
function unfolded(manifest: Manifest): Record<string, Entry & { readonly sha256?: string }> {
  const all: Record<string, Entry & { readonly sha256?: string }> = {};
  for (const { path: at, listing } of manifest.walk()) {
    for (const [index, name] of listing.names.entries()) {
      const sha256 = manifest.hashAt(listing.hashes[index] ?? -1);
      all[join(at, name)] = { ...(listing.entries[index] as Entry), ...(sha256 !== undefined && { sha256 }) };
    }
  }
  return all;
}

function expectedOf({ recorded }: Contents): Record<string, Entry & { readonly sha256?: string }> {
  return Object.fromEntries(
    recorded.map(({ path: at, entry, sha256 }) => [
      at,
      { ...entry, witness: NOBODY, ...(sha256 !== undefined && { sha256 }) },
    ]),
  );
}

const all: Literal = {
  a: directory({ mode: 0o2775, uid: 7, gid: 2_000_000_000, seconds: -3, nanoseconds: 999_999_999 }),
  'a-': file({ size: 0 }),
  'a/deep': directory(),
  'a/deep/\xff\n': file({ size: 2 ** 45, seconds: 5_000_000_000, nanoseconds: 1, mode: 0o7777 }),
  'a/deep/link': link({ target: '../../\xe2\x82' }),
  'a/deep/socket': other(),
  'a/file-1': file(),
  'a/file-2': file({ seconds: 99 }),
  'a/zz': directory(),
  b: file(),
};

describe('a manifest', () => {
  it('gives back every entry as it was recorded, with the hash of every file', () => {
    const what = contents(all, { root: directory({ seconds: 8 }), version: 'v1.2 – ü' });
    const manifest = decoded(encodeManifest(what, tools));
    expect(unfolded(manifest)).toEqual(expectedOf(what));
    expect(manifest.version).toBe('v1.2 – ü');
    expect(manifest.directory(0).entry).toMatchObject({ seconds: 8, mode: 0o755 });
    expect(manifest.totals).toEqual({ files: 5, bytes: 9 + 2 ** 45, oldest: 99, newest: 5_000_000_000 });
  });

  it('lists each directory in byte order, whatever kinds are in it', () => {
    const manifest = decoded(encoded(all));
    expect([...manifest.list(0).names]).toEqual(['a', 'a-', 'b']);
    expect([...manifest.list(manifest.find(path('a')) ?? -1).names]).toEqual(['deep', 'file-1', 'file-2', 'zz']);
    expect(manifest.list(manifest.find(path('a/zz')) ?? -1).names).toEqual([]);
  });

  it('finds directories by path, and nothing else', () => {
    const manifest = decoded(encoded(all));
    expect(manifest.find(path(''))).toBe(0);
    expect(['b', 'c', 'a/file-1', 'a/deep/x', 'zz'].map((at) => manifest.find(path(at)))).toEqual(
      Array.from({ length: 5 }),
    );
  });

  it('of an empty seed has a root and nothing in it', () => {
    const manifest = decoded(encoded({}));
    manifest.validate();
    expect([manifest.directories, manifest.list(0).names, manifest.totals.files]).toEqual([1, [], 0]);
  });

  it('is the same bytes for the same tree and history, in whatever order they came', () => {
    const one = contents(all, { history: new Map([[path('b'), new Set(['11', '22'].map(hashOf))]]) });
    const other_ = { ...one, recorded: one.recorded.toReversed() };
    const history = new Map([[path('b'), new Set(['22', '11'].map(hashOf))]]);
    expect(encodeManifest({ ...other_, history }, tools)).toEqual(encodeManifest(one, tools));
  });

  it('has another digest when anything in it is another', () => {
    const digests = [
      encoded(all),
      encoded({ ...all, b: file({ nanoseconds: 1 }) }),
      encoded({ ...all, b: file({ mode: 0o600 }) }),
      encoded({ ...all, c: link() }),
      encoded(all, { version: '2' }),
      encoded(all, { history: new Map([[path('x'), new Set([hashOf('1')])]]) }),
    ].map((bytes) => decoded(bytes).digest);
    expect(new Set(digests).size).toBe(digests.length);
  });

  it('knows every version that was shipped before, of paths that are gone too, and not the present one', () => {
    const [one, two, now] = [hashOf('1'), hashOf('2'), hashOf('b')];
    const history = new Map([
      [path('b'), new Set([two, now, one])],
      [path('gone/for/good'), new Set([one])],
      [path('a-'), new Set([hashOf('a-')])],
    ]);
    const manifest = decoded(encoded(all, { history }));
    expect([...manifest.history]).toEqual([
      ['b', [one, two].toSorted(byName)],
      ['gone/for/good', [one]],
    ]);
  });

  it('takes some forty bytes for each file, the hash among them', () => {
    const names = Array.from({ length: 10_000 }, (_, n) => `part-${n % 100}/entry-${String(n).padStart(5, '0')}.json`);
    const parts = Array.from({ length: 100 }, (_, n) => [`part-${n}`, directory()] as const);
    const literal = Object.fromEntries([...parts, ...names.map((at, n) => [at, file({ size: n * 7 })] as const)]);
    expect(encoded(literal).length / 10_000).toBeLessThan(43);
  });
});

const sound = encoded(all, { version: '1', history: new Map([[path('b'), new Set(['1', '2'].map(hashOf))]]) });

describe('what is no manifest', () => {
  it.each([
    ['nothing', new Uint8Array(), 'is not a manifest'],
    ['a text', Buffer.from('a text that is longer than a manifest can be short'), 'is not a manifest'],
    ['the first word of one', Buffer.from(MAGIC), 'ends too early'],
    ['a later format', Buffer.concat([Buffer.from(MAGIC), Buffer.of(FORMAT + 1), Buffer.alloc(HASH)]), 'later version'],
    ['one cut off', sound.subarray(0, -1), 'is cut off or damaged'],
    ['one with a byte more', Buffer.concat([sound, Buffer.of(0)]), 'is cut off or damaged'],
  ])('%s is said to be none', (_, bytes, why) => {
    expect(() => decoded(bytes)).toThrow(Damaged);
    expect(() => decoded(bytes)).toThrow(why);
  });

  it('notices every single flipped bit', () => {
    for (let at = 0; at < sound.length * 8; at++) {
      const bytes = sound.slice();
      bytes[at >> 3] = (bytes[at >> 3] ?? 0) ^ (1 << (at & 7));
      expect(() => decoded(bytes)).toThrow(Damaged);
    }
  });

  it.each([
    ['a name with a slash', { 'd/x': file() }, ['x', '/']],
    ['a name with a NUL', { 'd/x': file() }, ['x', '\0']],
    ["'.'", { 'd/x': file() }, ['x', '.']],
    ["'..'", { 'd/xy': file() }, ['xy', '..']],
    ['a directory called ..', { xy: directory() }, ['xy', '..']],
    ['names out of order', { 'd/xx': file(), 'd/y': file() }, ['xxy', 'yya']],
    ['a name twice', { 'd/x': directory(), 'd/y': file() }, ['y', 'x']],
    ['a link without a target', { 'd/x': link({ target: 'qq' }) }, ['qq', '\0\0']],
  ] as const)('%s is damage, by whoever has put the digest right', (_, literal, [was, is]) => {
    const bytes = Buffer.from(encoded({ d: directory(), ...literal })).subarray(0, -HASH);
    const at = bytes.indexOf(was, MAGIC.length + 8, 'latin1');
    expect(at).toBeGreaterThan(0);
    bytes.write(is, at, 'latin1');
    expect(() => decoded(sealed(bytes)).validate()).toThrow(Damaged);
  });
});

function checkListing(names: readonly Name[]): void {
  for (const [at, name] of names.entries()) {
    if (/^(|\.|\.\.|[^]*[/\0][^]*)$/.test(name)) throw new Error(`a name that is none: ${JSON.stringify(name)}`);
    if (at > 0 && name <= (names[at - 1] ?? '')) throw new Error('names out of order');
  }
}

describe('any bytes', () => {
  const rounds = 4000;
  const number = firstNumber;
  const random = new Random(number);

  /** Either a manifest that holds what every manifest holds, or `Damaged`. */
  function judge(bytes: Uint8Array): boolean {
    try {
      const manifest = decoded(bytes);
      manifest.validate();
      for (const { listing } of manifest.walk()) checkListing(listing.names);
      for (const at of manifest.history.keys()) checkListing([nameOf(at)]);
      return true;
    } catch (error) {
      if (error instanceof Damaged) return false;
      throw new Error(`VOLSEED_TEST_SEED=${number}: ${Buffer.from(bytes).toString('base64')}`, { cause: error });
    }
  }

  const octets = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random.below(256)));

  it('are a manifest or are said not to be, where they are random', () => {
    const head = Buffer.concat([Buffer.from(MAGIC), Buffer.of(FORMAT)]);
    for (let round = 0; round < rounds; round++) {
      expect(judge(octets(random.below(200)))).toBe(false);
      judge(sealed(Buffer.concat([head, octets(random.below(200))])));
    }
  });

  it('are a manifest or are said not to be, where one was changed and its digest put right', () => {
    let taken = 0;
    for (let round = 0; round < rounds; round++) {
      const body = Buffer.from(sound.subarray(0, -HASH));
      for (let changes = 1 + random.below(4); changes > 0; changes--)
        body[MAGIC.length + random.below(body.length - MAGIC.length)] = random.pick([
          0,
          1,
          0x7f,
          0x80,
          0xff,
          47,
          random.below(256),
        ]);
      if (judge(sealed(body))) taken++;
    }
    // Changes of hashes, times and sizes leave a manifest; else nothing was put to the test.
    expect(taken).toBeGreaterThan(rounds / 20);
    expect(taken).toBeLessThan(rounds);
  });

  it('are a manifest or are said not to be, where pieces of one were taken out, doubled or cut off', () => {
    for (let round = 0; round < rounds; round++) {
      const body = Buffer.from(sound.subarray(0, -HASH));
      const [from, to, at] = [random.below(body.length), random.below(body.length), random.below(body.length)] as const;
      const piece = body.subarray(Math.min(from, to), Math.max(from, to));
      judge(sealed(Buffer.concat([body.subarray(0, at), random.chance(50) ? piece : octets(3), body.subarray(at)])));
      judge(sealed(Buffer.concat([body.subarray(0, Math.min(from, to)), body.subarray(Math.max(from, to))])));
      expect(judge(sealed(body.subarray(0, at)))).toBe(false);
    }
  });

  it('give back random trees as they were', () => {
    for (let round = 0; round < 200; round++) {
      const what = randomContents(random);
      const bytes = encodeManifest(what, tools);
      const manifest = decoded(bytes);
      manifest.validate();
      expect(unfolded(manifest), `VOLSEED_TEST_SEED=${number}`).toEqual(expectedOf(what));
      const past = [...manifest.history].map(([at, hashes]) => [at, [...hashes]]);
      expect(past).toEqual(
        [...what.history]
          .map(([at, hashes]) => [at, [...hashes].toSorted(byName)])
          .toSorted(([a], [b]) => byName(a as string, b as string)),
      );
    }
  });
});

function randomContents(random: Random): Contents {
  const recorded = new Map<RelPath, Recorded>();
  const directories: RelPath[] = [path('')];
  const name = (): string =>
    Array.from({ length: 1 + random.below(random.chance(5) ? 200 : 6) }, () =>
      random.pick(['a', 'b', '\xff', '\x80', '-', ' ']),
    ).join('');
  const times = (): Pick<Entry, 'seconds' | 'nanoseconds' | 'mode' | 'uid' | 'gid'> => ({
    seconds: random.pick([0, -1, 100, 1_600_000_000, -5_000_000_000, random.below(2 ** 31)]),
    nanoseconds: random.pick([0, 0, 1, 999_999_999]),
    mode: random.below(0o10000),
    uid: random.pick([0, 1000, 2 ** 32 - 2]),
    gid: random.pick([0, 1000]),
  });
  for (let left = random.below(60); left > 0; left--) {
    const at = join(random.pick(directories), name() as Name);
    if (recorded.has(at)) continue;
    const entry = random.pick([
      () => file({ ...times(), size: random.pick([0, 1, random.below(2 ** 31), 2 ** 46]) }),
      () => link({ ...times(), target: name() }),
      () => other(times()),
      () => directory(times()),
      () => directory(times()),
    ])();
    if (entry.kind === 'directory') directories.push(at);
    recorded.set(at, {
      path: at,
      entry,
      sha256: entry.kind === 'file' ? hashOf(String(random.below(1e9))) : undefined,
    });
  }
  const history = new Map<RelPath, Set<string>>();
  for (let left = random.below(20); left > 0; left--) {
    const at =
      random.chance(50) && recorded.size > 0 ? random.pick([...recorded.keys()]) : join(path(name()), name() as Name);
    history.set(at, new Set(Array.from({ length: 1 + random.below(3) }, () => hashOf(String(random.below(1e9))))));
  }
  return {
    version: random.pick(['', '1', 'é']),
    root: directory(times()),
    recorded: [...recorded.values()],
    history,
  };
}
