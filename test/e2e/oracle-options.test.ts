// Options that rsync has too leave what rsync leaves with them.
import { expect, it } from 'vitest';
import { isRoot, suite } from '../support/prerequisites.ts';
import { asMyself, asRoot, numberOfPairs, outside } from '../support/random.ts';
import { agree, doNothing, itemized, judge, rsync, volseed } from '../support/rsync.ts';
import type { Around, Contract } from '../support/rsync.ts';
import type { Snapshot } from '../support/snapshot.ts';
import { ancestors, directory, file, symlink, tree } from '../support/tree.ts';
import type { Entry } from '../support/tree.ts';

const timeout = 300_000 + numberOfPairs * 1000;
const flavour = isRoot() ? asRoot : asMyself;
const some = Math.ceil(numberOfPairs / 6);
const few = Math.ceil(numberOfPairs / 20);

/** An option that rsync and volseed share by name and meaning. */
const shared = (...options: string[]): Contract => ({
  oracle: rsync(options),
  program: volseed('sync', options),
  asked: itemized(options),
});

suite('on random pairs', ['rsync'], () => {
  it(
    'sync --checksum leaves what rsync -avuc leaves',
    async () => {
      expect(await agree(some, flavour, shared('--checksum'))).toMatchObject({ pairs: some });
    },
    timeout,
  );

  it.each([
    'D2775,F664',
    'Dg+s,ug+w,Fo-w,+X',
    'a=rX,u+w',
    'u=rwX,go=',
    'F-x,D+x',
    'go-w',
    'D755,F644',
    'ug=rw,o=,D+X',
    'a-st',
    'u+s,Dg+s,+t',
    '0750',
  ])(
    'sync --chmod=%s leaves what rsync leaves with it',
    async (modes) => {
      expect(await agree(few, flavour, shared(`--chmod=${modes}`))).toMatchObject({ pairs: few });
    },
    timeout,
  );

  it(
    'sync --root-attrs gives the root the attributes of the seed, as rsync does',
    async () => {
      const contract = { ...shared(), program: volseed('sync', ['--root-attrs']), root: true };
      expect(await agree(some, { ...flavour, ownRoots: true }, contract)).toMatchObject({ pairs: some });
    },
    timeout,
  );

  it(
    'sync leaves the root of the volume as it is, whatever that of the seed is like',
    async () => {
      const contract = { oracle: rsync(), program: volseed('sync'), root: true, promised: keepRoot };
      expect(await agree(some, { ...flavour, ownRoots: true }, contract)).toMatchObject({ pairs: some });
    },
    timeout,
  );

  it(
    'sync --policy missing adds what rsync --ignore-existing adds, and touches nothing that exists',
    async () => {
      const contract = {
        oracle: rsync(['--ignore-existing'], ['-a']),
        program: volseed('sync', ['--policy', 'missing']),
        promised: keepExisting,
      };
      // Where something else stands for a directory of the seed, rsync follows links, or stumbles over what is missing.
      const pairs = { ...flavour, swapDirectories: false };
      expect(await agree(some, pairs, contract)).toMatchObject({ pairs: some });
    },
    timeout,
  );
});

it.each([
  ['a file', file('mine')],
  ['a link to a directory', symlink(`${outside}/dir`)],
  ['a link to nothing', symlink('nowhere')],
])('sync --policy missing leaves %s where the seed has a directory, and nothing goes through it', async (_, mine) => {
  const seed = tree({ 'd/a': file('image'), 'd/e/b': file('image'), link: symlink('d') });
  const volume = tree({ d: mine, link: directory() });
  const contract = { oracle: doNothing, program: volseed('sync', ['--policy', 'missing']) };
  const pairs = [{ number: 0, seed, volume, outside: tree({ 'dir/a': file('outside') }) }];
  expect(await judge(pairs, contract)).toMatchObject([{ faults: [] }]);
});

const sizes = [0, 1, 65_535, 65_536, 65_537, 262_143, 262_144, 262_145, 1_000_000, 5_000_000];

function literal(prefix: string, make: (size: number) => Entry): Record<string, Entry> {
  return Object.fromEntries(sizes.map((size) => [`${prefix}${size} bytes`, make(size)]));
}

function shipped(size: number): Entry {
  return file('x'.repeat(size), { mode: 0o6755, uid: 7, gid: 8 });
}

suite('as root, whatever the size of a file', ['rsync', 'root'], () => {
  it.each(['no option', '--chown=1234:4321', '--chown=0:0', '--chmod=D2750,Fg+w,o-x', '--chown=7:0 --chmod=F0640'])(
    'sync gives it the owner and the mode that rsync gives it with %s',
    async (line) => {
      const options = line === 'no option' ? [] : line.split(' ');
      const seed = tree({ ...literal('', shipped), ...literal('new/', shipped) });
      const volume = tree(literal('', () => file('old', { mtime: 1 })));
      const verdicts = await judge([{ number: 0, seed, volume, outside: new Map() }], shared(...options));
      expect(verdicts).toMatchObject([{ code: 0, faults: [] }]);
    },
  );
});

suite('as root, on random pairs', ['rsync', 'root'], () => {
  it.each(['1234:4321', '0:0', '65534:1000'])(
    'sync --chown=%s leaves what rsync leaves with it',
    async (owner) => {
      expect(await agree(few, asRoot, shared(`--chown=${owner}`))).toMatchObject({ pairs: few });
    },
    timeout,
  );
});

/** What was there stays as it was; a directory that something was added to may have a new time. */
function keepExisting(left: Snapshot, { before }: Around): Snapshot {
  const added = new Set([...left.keys()].filter((path) => !before.has(path)).map((path) => ancestors(path).at(-1)));
  return new Map(
    [...left].map(([path, entry]) => [path, { ...(before.get(path) ?? entry), mayBeNow: added.has(path) }]),
  );
}

function keepRoot(left: Snapshot, { before }: Around): Snapshot {
  return new Map([...left].map(([path, entry]) => [path, path === '.' ? (before.get(path) ?? entry) : entry]));
}
