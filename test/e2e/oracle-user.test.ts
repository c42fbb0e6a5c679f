// The same promise for an ordinary user: what it cannot set it leaves, and says so exactly when rsync does.
import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { isRoot, ordinary, suite } from '../support/prerequisites.ts';
import { asMyself, asUser, numberOfPairs } from '../support/random.ts';
import { agree, itemized, rsync, volseed, withManifest } from '../support/rsync.ts';
import type { Around } from '../support/rsync.ts';
import type { Seen, Snapshot } from '../support/snapshot.ts';

const ownUid = isRoot() ? ordinary.uid : process.getuid?.();
const fewer = Math.ceil(numberOfPairs / 4);
const timeout = 300_000 + numberOfPairs * 1000;
const programs = { oracle: rsync(), program: volseed('sync'), asked: itemized(), promised: withoutLitter };

suite('as an ordinary user, on random pairs', ['rsync', 'a checkout that other users can read'], () => {
  it(
    'sync leaves what rsync -avu leaves, and ends 23 where rsync does',
    async () => {
      const contract = isRoot() ? { ...programs, as: ordinary } : programs;
      const tally = await agree(numberOfPairs, isRoot() ? asUser(ordinary) : asMyself, contract);
      expect(tally).toMatchObject({ pairs: numberOfPairs });
    },
    timeout,
  );
});

suite(
  'as an ordinary user, from a seed with a manifest',
  ['rsync', 'root', 'a checkout that other users can read'],
  () => {
    it(
      'sync leaves what rsync -avu leaves, also where some of the seed is closed to that user',
      async () => {
        const byManifest = { prepare: withManifest, oracle: rsync(['--exclude=/.volseed-manifest']) };
        const asked = itemized(['--exclude=/*/.volseed-manifest']);
        const contract = { ...programs, ...byManifest, asked, as: ordinary };
        expect(await agree(fewer, asUser(ordinary), contract)).toMatchObject({ pairs: fewer });
      },
      timeout,
    );
  },
);

suite('as a member of the group of the volume', ['rsync', 'root', 'a checkout that other users can read'], () => {
  it(
    'sync leaves what rsync -avu leaves, as a Pod with an fsGroup needs it',
    async () => {
      const contract = { ...programs, as: { ...ordinary, group: 2000 } };
      expect(await agree(fewer, asUser(ordinary), contract)).toMatchObject({ pairs: fewer });
    },
    timeout,
  );
});

/**
 * What rsync would leave if it looked before it leapt. It clears the way for a file before it knows that it cannot read
 * that file, and then puts the directory's time back to the whole second; it opens a directory to its owner, or an entry that it is about to remove, and when it then fails it does
 * not close them again; and it takes the set-group-id bit from a directory by opening and closing it, also for nothing.
 */
function withoutLitter(left: Snapshot, { before, seed, found }: Around): Snapshot {
  const removed = [...before].filter(([path]) => !left.has(path) && seed.get(path)?.type === 'file');
  const cleared = new Set(removed.map(([path]) => dirname(path)));
  const kept = [...left].map(([path, entry]): [string, Seen] => {
    const [was, is] = [before.get(path), found.get(path)];
    const mode = modeWithoutLitter(entry, was, seed.get(path), is);
    // A temporary file in somebody else's directory moves a time that cannot be put back, whatever becomes of the file.
    const isForeign = was?.type === 'directory' && was.uid !== ownUid && is?.mtime === was.mtime;
    const time = cleared.has(path) ? timeWithoutLitter(entry, was, is) : entry.mtime;
    const mtime = isForeign ? was.mtime : time;
    return [path, { ...entry, mode, mtime }];
  });
  return new Map([...kept, ...removed]);
}

/** Where something else in the directory was changed, its time is put back by volseed, too. */
function timeWithoutLitter(left: Seen, before?: Seen, found?: Seen): bigint {
  const untouched = before !== undefined && found?.mtime === before.mtime && second(before) === second(left);
  return untouched ? before.mtime : left.mtime;
}

function second({ mtime }: Seen): bigint {
  return mtime - (((mtime % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n);
}

function modeWithoutLitter(left: Seen, before?: Seen, shipped?: Seen, found?: Seen): number {
  if (shipped === undefined) return left.mode;
  if (shipped.type !== left.type) {
    // It stands where the seed has something else, and could not be removed.
    const opened = before !== undefined && (left.mode | 0o2000) === (before.mode | 0o2200);
    return opened ? before.mode : left.mode;
  }
  if (left.type !== 'directory') return left.mode;
  const unreadable = (shipped.mode & 0o500) !== 0o500 && left.mode === (shipped.mode | 0o700);
  const lostGroupBit = before?.mode === shipped.mode && left.mode === (shipped.mode & ~0o2000);
  return unreadable || (lostGroupBit && found?.mode === shipped.mode) ? shipped.mode : left.mode;
}
