import { describe, expect, it } from 'vitest';
import type { Entry, Glance } from '../../src/core/entry.ts';
import type { Sieve } from '../../src/core/manifest-block.ts';
import { NOBODY } from '../../src/core/entry.ts';
import { encodeManifest, type Contents, type Recorded } from '../../src/core/manifest-writing.ts';
import { FORMAT, HASH, MAGIC } from '../../src/core/manifest-format.ts';
import { Manifest, sourceOf } from '../../src/core/manifest.ts';
import { Damaged, Reader, Writer } from '../../src/core/octets.ts';
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
const decoded = (bytes: Uint8Array): Manifest => new Manifest(sourceOf(bytes), tools);

/** The parts of a manifest without their hashes, to be changed. */
interface Parts {
  head: Buffer;
  entries: Buffer;
  history: Buffer;
}

function apart(bytes: Uint8Array): Parts {
  const preamble = new Reader(bytes, MAGIC.length + 1, bytes.length);
  const [head, entries] = [preamble.number(), preamble.number(), preamble.number()] as const;
  const from = preamble.at + head + HASH;
  return {
    head: Buffer.from(bytes.subarray(preamble.at + 2 * HASH, preamble.at + head)),
    entries: Buffer.from(bytes.subarray(from, from + entries)),
    history: Buffer.from(bytes.subarray(from + entries)),
  };
}

/** With the right lengths and hashes, as somebody who knows the format would do it. */
function together({ head, entries, history }: Parts): Uint8Array {
  const out = new Writer();
  out.text(MAGIC);
  for (const number of [FORMAT, head.length + 2 * HASH, entries.length, history.length]) out.number(number);
  for (const part of [entries, history]) out.hex(tools.sha256(part));
  out.raw(head);
  out.hex(tools.sha256(out.bytes));
  for (const part of [entries, history]) out.raw(part);
  return out.bytes;
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

const samplesOf = (literal: Literal): string[] =>
  decoded(encoded(literal)).samples.map(({ directory: at, name }) => `${at} ${name}`);

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

  it('takes all of a small seed as samples, and of a large one no more than one of each directory', () => {
    expect(samplesOf(all)).toEqual(['0 a-', '0 b', '1 file-1', '1 file-2', '2 link', '2 \xff\n']);
    const large = Object.fromEntries(
      Array.from({ length: 1000 }, (_, n) => [`part-${n % 10}/${n}`, file({ seconds: n === 555 ? 200 : 100 })]),
    );
    const parts = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`part-${n}`, directory()]));
    expect(samplesOf({ ...parts, ...large })).toHaveLength(10);
    expect(samplesOf({ ...parts, ...large })).toContain('6 555');
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
      expect(() => decoded(bytes).validate()).toThrow(Damaged);
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
    const parts = apart(encoded({ d: directory(), ...literal }));
    const part = Object.keys(literal).some((each) => each.includes('/')) ? parts.entries : parts.head;
    const at = part.indexOf(was, 0, 'latin1');
    expect(at).toBeGreaterThan(-1);
    part.write(is, at, 'latin1');
    expect(() => decoded(together(parts)).validate()).toThrow(Damaged);
  });
});

function checkListing(names: readonly Name[]): void {
  for (const [at, name] of names.entries()) {
    if (/^(|\.|\.\.|[^]*[/\0][^]*)$/.test(name)) throw new Error(`a name that is none: ${JSON.stringify(name)}`);
    if (at > 0 && name <= (names[at - 1] ?? '')) throw new Error('names out of order');
  }
}

function checkAttributes(entry: Entry): void {
  const { mode, uid, gid, seconds, nanoseconds } = entry;
  const checks = [
    mode >= 0 && mode <= 0o7777,
    Math.max(uid, gid) < 2 ** 32,
    Math.abs(seconds) <= 2 ** 40,
    nanoseconds >= 0 && nanoseconds < 1e9,
    entry.kind !== 'file' || Number.isSafeInteger(entry.size),
    entry.kind !== 'link' || /^[^\0]+$/.test(entry.target),
  ];
  if (checks.includes(false)) throw new Error(`an entry that is none: ${JSON.stringify(checks)}`);
}

/** A sieve that asks `passes` with the name and what was shipped, and remembers what it was asked of. */
function sifting(passes: (name: Name) => boolean): { sieve: Sieve; asked: Map<Name, Entry> } {
  const asked = new Map<Name, Entry>();
  const name = Buffer.alloc(256, 0xee);
  const ask = (shipped: Glance, length: number): boolean => {
    const as = name.toString('latin1', 0, length) as Name;
    if (name[length] !== 0) throw new Error('no zero after the name');
    asked.set(as, file({ ...shipped, witness: NOBODY }));
    return passes(as);
  };
  return { sieve: { name, passes: ask }, asked };
}

/** Undefined where it says that it makes no sense. */
function unlessDamaged<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof Damaged) return undefined;
    throw error;
  }
}

/** Whoever sifts a directory has what its listing has, or neither. */
function checkSift(manifest: Manifest): void {
  for (let number = 0; number < manifest.directories; number++) {
    const { sieve, asked } = sifting(() => false);
    const sifted = unlessDamaged(() => manifest.sift(number, sieve));
    if (sifted === undefined) continue;
    const listing = unlessDamaged(() => manifest.list(number));
    const files = listing?.names.filter((_, at) => listing.entries[at]?.kind === 'file');
    if (sifted.left.names.join('/') !== listing?.names.join('/') || [...asked.keys()].join('/') !== files?.join('/'))
      throw new Error(`sifted ${JSON.stringify(sifted.left.names)} of ${JSON.stringify(listing?.names)}`);
  }
}

const PARTS = ['head', 'entries', 'history'] as const;

describe('what no file system has', () => {
  it.each<[string, Literal]>([
    ['a time', { a: link({ seconds: 2 ** 41 }) }],
    ['the time of a directory', { a: directory({ seconds: -(2 ** 41) }) }],
    ['nanoseconds', { a: file({ nanoseconds: 1e9 }) }],
    ['a mode', { a: file({ mode: 0o10000 }) }],
    ['an owner', { a: file({ uid: 2 ** 32 }) }],
    ['a long name', { ['n'.repeat(256)]: file() }],
    ['the long name of a directory', { ['n'.repeat(256)]: directory() }],
    ['a long target', { a: link({ target: 't'.repeat(4096) }) }],
  ])('%s is damage in a manifest', (_, literal) => {
    expect(() => decoded(encoded(literal)).validate()).toThrow(Damaged);
  });
});

describe('any bytes', () => {
  const rounds = 4000;
  const number = firstNumber;
  const random = new Random(number);

  /** Either a manifest that holds what every manifest holds, or `Damaged`. */
  function judge(bytes: Uint8Array): boolean {
    try {
      const manifest = decoded(bytes);
      checkSift(manifest);
      manifest.validate();
      for (const { listing } of manifest.walk()) {
        checkListing(listing.names);
        for (const entry of listing.entries) checkAttributes(entry);
      }
      for (const at of manifest.history.keys()) checkListing([nameOf(at)]);
      return true;
    } catch (error) {
      if (error instanceof Damaged) return false;
      throw new Error(`VOLSEED_TEST_SEED=${number}: ${Buffer.from(bytes).toString('base64')}`, { cause: error });
    }
  }

  const octets = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random.below(256)));

  it('are a manifest or are said not to be, where they are random', () => {
    for (let round = 0; round < rounds; round++) {
      const [head, entries, history] = [octets(random.below(100)), octets(random.below(50)), octets(random.below(50))];
      expect(judge(octets(random.below(200)))).toBe(false);
      judge(together({ head, entries, history }));
    }
  });

  it('are a manifest or are said not to be, where one was changed and its hashes put right', () => {
    let taken = 0;
    for (let round = 0; round < rounds; round++) {
      const parts = apart(sound);
      for (let changes = 1 + random.below(4); changes > 0; changes--) {
        const part = parts[random.pick(PARTS)];
        part[random.below(part.length)] = random.pick([0, 1, 0x7f, 0x80, 0xff, 47, random.below(256)]);
      }
      if (judge(together(parts))) taken++;
    }
    // Changes of hashes, times and sizes leave a manifest; else nothing was put to the test.
    expect(taken).toBeGreaterThan(rounds / 20);
    expect(taken).toBeLessThan(rounds);
  });

  it('are a manifest or are said not to be, where pieces of one were taken out, doubled or cut off', () => {
    expect(judge(together(apart(sound)))).toBe(true);
    for (let round = 0; round < rounds; round++) {
      const parts = apart(sound);
      const which = random.pick(PARTS);
      const was = parts[which];
      const [one, other_, at] = [random.below(was.length), random.below(was.length), random.below(was.length)] as const;
      const [from, to] = [Math.min(one, other_), Math.max(one, other_)];
      const piece = random.chance(50) ? was.subarray(from, to) : octets(3);
      judge(together({ ...parts, [which]: Buffer.concat([was.subarray(0, at), piece, was.subarray(at)]) }));
      judge(together({ ...parts, [which]: Buffer.concat([was.subarray(0, from), was.subarray(to)]) }));
      judge(together({ ...parts, [which]: was.subarray(0, at) }));
      expect(judge(sound.subarray(0, random.below(sound.length)))).toBe(false);
    }
  });

  it('sifted of what goes through, leave the rest, and ask of every file as it was', () => {
    let through = 0;
    for (let round = 0; round < 500; round++) {
      const manifest = decoded(encodeManifest(randomContents(random), tools));
      for (let directories = manifest.directories; directories > 0; directories--) {
        const listing = manifest.list(directories - 1);
        const passing = new Set(listing.names.filter(() => random.chance(70)));
        const { sieve, asked } = sifting((name) => passing.has(name));
        const files = listing.names.filter((_, at) => listing.entries[at]?.kind === 'file');
        const left = listing.names.flatMap((name, at) => (!files.includes(name) || !passing.has(name) ? [at] : []));
        expect(manifest.sift(directories - 1, sieve), `VOLSEED_TEST_SEED=${number}`).toEqual({
          left: {
            names: left.map((at) => listing.names[at]),
            entries: left.map((at) => listing.entries[at]),
            hashes: left.map((at) => listing.hashes[at]),
          },
          passed: files.filter((name) => passing.has(name)).length,
        });
        expect([...asked]).toEqual(files.map((name) => [name, listing.entries[listing.names.indexOf(name)]]));
        through += files.filter((name) => passing.has(name)).length;
      }
    }
    expect(through).toBeGreaterThan(1000);
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
