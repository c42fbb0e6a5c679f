// The promise: the volume after `volseed sync` is, entry for entry, what `rsync -avu SEED/ VOLUME/` would have left.
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isRoot, suite } from '../support/prerequisites.ts';
import { asMyself, asRoot, numberOfPairs, pair } from '../support/random.ts';
import {
  agree,
  doNothing,
  itemized,
  judge,
  notAtFirst,
  rsync,
  syncByManifest,
  volseed,
  withManifest,
} from '../support/rsync.ts';
import type { Program } from '../support/rsync.ts';
import { changes, differences, snapshot } from '../support/snapshot.ts';
import { build, directory, fifo, file, scratch, socket, symlink, tree } from '../support/tree.ts';
import type { Entry } from '../support/tree.ts';
import { volseed as runVolseed } from '../support/volseed.ts';
import type { Result } from '../support/volseed.ts';

type Literal = Readonly<Record<string, Entry>>;

/** What a sync of these leaves, as differences from what it has to leave. */
function seeding(seed: Literal, volume: Literal, expected: Literal): Result & { readonly differences: string[] } {
  using place = scratch();
  const [source, target, wanted] = [join(place.path, 'seed'), join(place.path, 'volume'), join(place.path, 'expected')];
  build(source, tree(seed));
  build(target, tree(volume));
  build(wanted, tree(expected));
  const before = snapshot(target);
  const started = BigInt(Date.now()) * 1_000_000n;
  const result = runVolseed(['sync', '--source', source, '--target', target]);
  return { ...result, differences: differences(snapshot(wanted), snapshot(target), { before, started }) };
}

describe('a file of the image', () => {
  const shipped = { 'tables/t2.csv': file('image', { mtime: 200, mode: 0o640 }) };

  it('is created where the volume lacks it', () => {
    expect(seeding(shipped, {}, shipped)).toMatchObject({ code: 0, differences: [] });
  });

  it('is left alone where the volume has it from the same second and of the same size', () => {
    const volume = { 'tables/t2.csv': file('IMAGE', { mtime: '200.7', mode: 0o640 }) };
    expect(seeding(shipped, volume, volume)).toMatchObject({ code: 0, differences: [] });
  });

  it('replaces the one in the volume where the one of the image is newer', () => {
    const volume = { 'tables/t2.csv': file('old', { mtime: 199, mode: 0o600 }) };
    expect(seeding(shipped, volume, shipped)).toMatchObject({ code: 0, differences: [] });
  });

  it('does not replace a newer one in the volume, nor correct its mode', () => {
    const volume = { 'tables/t2.csv': file('image', { mtime: 201, mode: 0o600 }) };
    expect(seeding(shipped, volume, volume)).toMatchObject({ code: 0, differences: [] });
  });

  it('does not replace one that a user has edited since', () => {
    const volume = { 'tables/t2.csv': file('edited by a user', { mtime: 1_700_000_000 }) };
    expect(seeding(shipped, volume, volume)).toMatchObject({ code: 0, differences: [] });
  });

  it('replaces one from the same second if the size differs', () => {
    const volume = { 'tables/t2.csv': file('longer than that', { mtime: '200.9', mode: 0o640 }) };
    expect(seeding(shipped, volume, shipped)).toMatchObject({ code: 0, differences: [] });
  });

  it('gives one from the same second and of the same size its mode, and nothing else', () => {
    const volume = { 'tables/t2.csv': file('IMAGE', { mtime: '200.5', mode: 0o666 }) };
    const expected = { 'tables/t2.csv': file('IMAGE', { mtime: '200.5', mode: 0o640 }) };
    expect(seeding(shipped, volume, expected)).toMatchObject({ code: 0, differences: [] });
  });

  it('keeps its second where its fraction of a second is the last before the next', () => {
    const seed = { last: file('1', { mtime: '1600000000.999999999' }), old: file('1', { mtime: '-0.000000001' }) };
    expect(seeding(seed, {}, seed)).toMatchObject({ code: 0, differences: [] });
    expect(seeding(seed, seed, seed)).toMatchObject({ code: 0, differences: [] });
  });
});

describe('what is in the way', () => {
  const later = { mtime: 2_000_000_000 };

  it.each([
    ['a link', symlink('elsewhere', later)],
    ['a dangling absolute link', symlink('/nowhere/at/all', later)],
    ['a FIFO', fifo(later)],
    ['a socket', socket(later)],
    ['an empty directory', directory(later)],
  ])('%s, however new, gives way to a file of the image', (_, inTheWay) => {
    const seed = { entry: file('image', { mtime: 100 }) };
    const result = seeding(
      seed,
      { entry: inTheWay, elsewhere: file('untouched') },
      { ...seed, elsewhere: file('untouched') },
    );
    expect(result).toMatchObject({ code: 0, differences: [] });
  });

  it('a file in the volume, however new, gives way to a directory or a link of the image', () => {
    const seed = { directory: directory(), 'directory/file': file('1'), link: symlink('directory') };
    const volume = { directory: file('newer', later), link: file('newer', later) };
    expect(seeding(seed, volume, seed)).toMatchObject({ code: 0, differences: [] });
  });

  it('a link to a directory becomes the real directory of the image, and what it led to is untouched', () => {
    const seed = { 'data/a': file('image', { mtime: 2_000_000_000 }), 'data/b': file('image') };
    const users = { 'users/a': file('users', { mtime: 100 }) };
    const result = seeding(seed, { data: symlink('users'), ...users }, { ...seed, ...users });
    expect(result).toMatchObject({ code: 0, differences: [] });
  });

  it.each([
    ['file', file('image')],
    ['link', symlink('b')],
  ])('a directory with something in it stays where the image has a %s, is named, and the run ends 23', (_, entry) => {
    const seed = { 'in the way': entry, 'the rest': file('2') };
    const users = { 'in the way': directory({ mode: 0o700, mtime: 5 }), 'in the way/users': file('users') };
    const result = seeding(seed, users, { ...users, 'the rest': file('2') });
    expect(result).toMatchObject({ code: 23, differences: [] });
    expect(result.stderr).toContain('in the way');
  });
});

it('a FIFO and a socket in the seed are named in a warning and passed over', () => {
  const others = { 'd/file': file('1'), link: symlink('d') };
  const result = seeding({ ...others, 'd/a-fifo': fifo(), 'a-socket': socket() }, {}, others);
  expect(result).toMatchObject({ code: 0, differences: [] });
  expect(result.stderr).toContain('d/a-fifo');
  expect(result.stderr).toContain('a-socket');
});

const timeout = 300_000 + numberOfPairs * 1000;
const flavour = isRoot() ? asRoot : asMyself;
const half = Math.ceil(numberOfPairs / 2);
const fewer = Math.ceil(numberOfPairs / 6);

suite('on random pairs of seed and volume', ['rsync'], () => {
  it(
    'sync leaves, entry for entry, what rsync -avu leaves, and rsync asked afterwards wants nothing',
    async () => {
      const contract = { oracle: rsync(), program: volseed('sync'), asked: itemized() };
      expect(await agree(numberOfPairs, flavour, contract)).toMatchObject({ pairs: numberOfPairs });
    },
    timeout,
  );

  it(
    'a second sync changes nothing, not an inode, not a time',
    async () => {
      const contract = { oracle: rsync(), program: syncTwice };
      expect(await agree(fewer, flavour, contract)).toMatchObject({ pairs: fewer });
    },
    timeout,
  );

  it(
    'plan touches nothing, and leaves no .volseed',
    async () => {
      const contract = { oracle: doNothing, program: planOnly };
      expect(await agree(fewer, flavour, contract)).toMatchObject({ pairs: fewer });
    },
    timeout,
  );
});

suite('on random pairs among many files, which the C library looks at', ['rsync'], () => {
  it(
    'sync leaves, entry for entry, what rsync -avu leaves, and rsync asked afterwards wants nothing',
    async () => {
      const contract = { oracle: rsync(), program: notAtFirst(volseed('sync')), asked: itemized(), crowded: true };
      expect(await agree(half, flavour, contract)).toMatchObject({ pairs: half });
    },
    timeout,
  );

  it(
    'sync by a manifest leaves it, too',
    async () => {
      const oracle = rsync(['--exclude=/.volseed-manifest']);
      const contract = { prepare: withManifest, oracle, program: notAtFirst(syncByManifest), crowded: true };
      expect(await agree(half, flavour, contract)).toMatchObject({ pairs: half });
    },
    timeout,
  );

  it(
    'a second sync changes nothing, not an inode, not a time',
    async () => {
      const contract = { oracle: rsync(), program: syncTwice, crowded: true };
      expect(await agree(fewer, flavour, contract)).toMatchObject({ pairs: fewer });
    },
    timeout,
  );
});

suite('on random pairs with files of several names in the volume', ['rsync'], () => {
  const linked = { ...flavour, linked: 100 };

  it(
    'sync leaves, entry for entry, what rsync -avu leaves, and rsync asked afterwards wants nothing',
    async () => {
      const contract = { oracle: rsync(), program: volseed('sync'), asked: itemized() };
      expect(await agree(half, linked, contract)).toMatchObject({ pairs: half });
    },
    timeout,
  );

  it(
    'a second sync changes nothing, not an inode, not a time',
    async () => {
      const contract = { oracle: rsync(), program: syncTwice };
      expect(await agree(fewer, linked, contract)).toMatchObject({ pairs: fewer });
    },
    timeout,
  );
});

suite('on random pairs, with two threads', ['rsync'], () => {
  const two = volseed('sync', ['--threads', '2']);

  it(
    'sync leaves, entry for entry, what rsync -avu leaves',
    async () => {
      const contract = { oracle: rsync(), program: two, asked: itemized() };
      expect(await agree(fewer, flavour, contract)).toMatchObject({ pairs: fewer });
    },
    timeout,
  );

  it(
    'sync by a manifest leaves it, too',
    async () => {
      const oracle = rsync(['--exclude=/.volseed-manifest']);
      const contract = { prepare: withManifest, oracle, program: two };
      expect(await agree(fewer, flavour, contract)).toMatchObject({ pairs: fewer });
    },
    timeout,
  );
});

suite('on random pairs whose seed has a manifest', ['rsync'], () => {
  const oracle = rsync(['--exclude=/.volseed-manifest']);
  const asked = itemized(['--exclude=/*/.volseed-manifest']);

  it(
    'sync goes by it, and leaves, entry for entry, what rsync -avu leaves',
    async () => {
      const contract = { prepare: withManifest, oracle, program: syncByManifest, asked };
      expect(await agree(numberOfPairs, flavour, contract)).toMatchObject({ pairs: numberOfPairs });
    },
    timeout,
  );

  it(
    'a second sync changes nothing, not an inode, not a time',
    async () => {
      const contract = { prepare: withManifest, oracle, program: syncTwice };
      expect(await agree(fewer, flavour, contract)).toMatchObject({ pairs: fewer });
    },
    timeout,
  );
});

const syncTwice: Program = async (...args) => {
  await volseed('sync')(...args);
  return ifUnchanged(args[1], async () => volseed('sync')(...args));
};

const planOnly: Program = async (...args) => {
  const result = await ifUnchanged(args[1], async () => volseed('plan')(...args));
  // It may say with its exit code what sync would end with.
  return result.code === 23 ? { ...result, code: 0 } : result;
};

/** What the program ends with if it changes nothing in the volume, else a failure that says what it changed. */
async function ifUnchanged(volume: string, program: () => Promise<Result>): Promise<Result> {
  // The state may change, but not come into being.
  const scope = { root: true, state: !fs.existsSync(join(volume, '.volseed')) };
  const before = snapshot(volume, scope);
  const result = await program();
  const changed = changes(before, snapshot(volume, scope));
  return changed.length === 0 ? result : { ...result, code: 1, stderr: changed.join('\n') };
}

suite('the comparison itself', ['rsync'], () => {
  // Always the same ones, so that none of these is noticed, or missed, by luck.
  const dozens = Array.from({ length: 8 }, (_, dozen) =>
    Array.from({ length: 12 }, (__, index) => pair(dozen * 12 + index, flavour)),
  );

  it('finds no fault with rsync', async () => {
    const verdicts = await judge(dozens.flat(), { oracle: rsync(), program: rsync(), asked: itemized() });
    expect(verdicts.flatMap(({ faults }) => faults)).toEqual([]);
  });

  it.each([
    ['loses modes', rsync(['--no-perms'])],
    ['loses times', rsync(['--no-times'])],
    ['loses the times of directories', rsync(['--omit-dir-times'])],
    ['loses links', rsync(['--no-links'])],
    ['follows links to directories in the volume', rsync(['--keep-dirlinks'])],
    ['overwrites newer files', rsync([], ['-av'])],
    ['keeps every file that exists', rsync(['--ignore-existing'])],
    ['looks at contents', rsync(['--checksum'])],
    ['looks at sizes alone', rsync(['--size-only'])],
    ['rounds times', rsync(['--modify-window=1'])],
    ['removes directories that are in the way', rsync(['--force'])],
    ['removes what the seed does not have', rsync(['--delete'])],
  ])('notices a program that %s', async (_, program) => {
    for (const pairs of dozens) {
      // oxlint-disable-next-line no-await-in-loop -- the first dozen is mostly enough
      const verdicts = await judge(pairs, { oracle: rsync(), program });
      if (verdicts.some(({ faults }) => faults.length > 0)) return;
    }
    expect.fail('it was not noticed');
  });
});
