// The promises: after `reset --all` every path of the seed is the seed's and nothing else was touched; after `restore --last`
// the volume is as it was before.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isRoot } from '../support/prerequisites.ts';
import { asMyself, asRoot, firstNumber, numberOfPairs, pair, Random } from '../support/random.ts';
import { differences, snapshot, type Snapshot } from '../support/snapshot.ts';
import { build, quote, scratch, type Tree } from '../support/tree.ts';
import { volseed } from '../support/volseed.ts';

const flavour = isRoot() ? { ...asRoot, strangers: 0 } : asMyself;
const pairs = Math.ceil(numberOfPairs / 5);

const SPECIAL = new Set(['fifo', 'socket']);

/** Special files cannot be brought back, and those of the seed are passed over. */
function plain(entries: Tree): Tree {
  return new Map([...entries].filter(([, { type }]) => !SPECIAL.has(type)));
}

/** Whether a path lies below one of the seed that is no directory there: it is in the way. */
function isInTheWay(path: string, seed: Snapshot): boolean {
  for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
    const above = seed.get(path.slice(0, cut));
    if (above !== undefined && above.type !== 'directory') return true;
  }
  return false;
}

const isSelected = (path: string, top: string): boolean => path === top || path.startsWith(`${top}/`);
const none = { before: new Map(), started: 1n << 80n };

function expected(seed: Snapshot, before: Snapshot, selected: (path: string) => boolean): Snapshot {
  const chosen = new Map([...seed].filter(([path]) => selected(path)));
  const rest = [...before].filter(([path]) => !chosen.has(path) && !isInTheWay(path, chosen));
  return new Map([...rest, ...chosen].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function ways(number: number): string[] {
  using place = scratch();
  const [source, target] = [join(place.path, 'seed'), join(place.path, 'volume')];
  const made = pair(number, flavour);
  build(source, plain(made.seed));
  build(target, plain(made.volume));
  const seed = new Map([...snapshot(source)].filter(([path]) => path !== '.volseed-manifest'));
  const before = snapshot(target);
  const tops = [...new Set([...seed.keys()].map((path) => path.split('/')[0] ?? ''))].filter((top) =>
    /^[\w.-]+$/.test(top),
  );
  const random = new Random(number);
  const one = tops.length > 0 && random.chance(40) ? random.pick(tops) : undefined;
  const selection = one === undefined ? ['--all'] : [`--`, one];
  const reset = volseed(['reset', '--yes', '--source', source, '--target', target, ...selection]);
  const after = snapshot(target);
  const wanted = expected(seed, before, (path) => one === undefined || isSelected(path, one));
  const faults = [...problems('reset', reset), ...differences(wanted, after, none).map((line) => `reset: ${line}`)];
  if (!reset.stdout.includes('Backed up')) return faults;
  const undone = volseed(['restore', '--last', '--target', target]);
  faults.push(...problems('restore', undone));
  faults.push(...differences(before, snapshot(target), none).map((line) => `restore: ${line}`));
  const redone = volseed(['restore', '--last', '--target', target]);
  faults.push(...problems('second restore', redone));
  faults.push(...differences(after, snapshot(target), none).map((line) => `second restore: ${line}`));
  return faults;
}

function problems(what: string, { code, stderr }: { readonly code: number; readonly stderr: string }): string[] {
  return code === 0 ? [] : [`${what} ended with ${code}: ${quote(stderr)}`];
}

it(
  'reset makes every selected path the seed’s and touches no other; restore --last brings back what was; and once more undoes that',
  () => {
    for (let number = firstNumber; number < firstNumber + pairs; number++) {
      expect({ VOLSEED_TEST_SEED: number, faults: ways(number) }).toEqual({ VOLSEED_TEST_SEED: number, faults: [] });
    }
  },
  60_000 + pairs * 5000,
);
