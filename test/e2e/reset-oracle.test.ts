// The promises: after a reset every path of the seed that was selected is the seed's and nothing else was touched; after
// `restore --last` the volume is as it was before.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isRoot, ordinary, suite } from '../support/prerequisites.ts';
import { changesBy } from '../support/probe.ts';
import { asMyself, asRoot, firstNumber, type Flavour, numberOfPairs, pair, Random } from '../support/random.ts';
import { differences, snapshot, type Snapshot } from '../support/snapshot.ts';
import { ancestors, build, bytes, quote, scratch, type Tree } from '../support/tree.ts';
import { volseed, type Options, type Result } from '../support/volseed.ts';

const pairs = Math.ceil(numberOfPairs / 5);

interface Who {
  readonly flavour: Flavour;
  readonly as: Options;
}

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

const none = { before: new Map(), started: 1n << 80n };

/** What a directory that is only made for something below it needs: those above a selected path that the volume has not. */
function needed(path: string, before: Snapshot): string[] {
  return ancestors(path).filter((above) => before.get(above)?.type !== 'directory');
}

function expected(seed: Snapshot, before: Snapshot, selected: ReadonlySet<string>): Snapshot {
  const taken = new Set([...selected, ...[...selected].flatMap((path) => needed(path, before))]);
  const chosen = new Map([...seed].filter(([path]) => taken.has(path)));
  const rest = [...before].filter(([path]) => !chosen.has(path) && !isInTheWay(path, chosen));
  return new Map([...rest, ...chosen].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

// ---- what patterns select, by their own small rules ----

const asText = (path: string): string => Buffer.from(path, 'latin1').toString('utf8');

/** `*` and `?` within a name, dot files included; `**` for any number of levels, none among them. */
function matches([first, ...rest]: readonly string[], names: readonly string[]): boolean {
  if (first === undefined) return names.length === 0;
  const [name, ...below] = names;
  if (first === '**') return matches(rest, names) || (name !== undefined && matches([first, ...rest], below));
  const literal = first.replaceAll(/[.+^${}()|[\]\\]/gu, String.raw`\$&`);
  const one = new RegExp(`^${literal.replaceAll('*', '[^]*').replaceAll('?', '[^]')}$`);
  return name !== undefined && one.test(name) && matches(rest, below);
}

/** A path that exists, or else a glob; a directory means all below it. */
function selectedBy(pattern: string, paths: readonly string[]): string[] {
  const isIt = (path: string): boolean => asText(path) === pattern;
  const byGlob = (path: string): boolean => matches(pattern.split('/'), asText(path).split('/'));
  const tops = new Set(paths.filter(paths.some(isIt) ? isIt : byGlob));
  return paths.filter((path) => [path, ...ancestors(path)].some((at) => tops.has(at)));
}

/** One to four patterns: paths that exist, directories, globs; rarely one that selects nothing. */
function patternsOf(random: Random, seed: Snapshot): string[] {
  const paths = [...seed.keys()].filter((path) => bytes(asText(path)) === path);
  const names = [...new Set(paths.flatMap((path) => path.split('/')))].filter((name) => /^[\w.-]+$/.test(name));
  const directories = paths.filter((path) => /^[\w./-]+$/.test(path) && seed.get(path)?.type === 'directory');
  const plainGlobs = ['*', '*', '**/*.csv', '*.csv', '?', '**/?', '.*', '**/.*', '*/*', 'a*'];
  const namedGlobs = names.flatMap((name) => [`*/${name}`, `**/${name}`, `${name}*`, `**/${name}/*`]);
  const below = directories.flatMap((path) => [`${path}/**`, `${path}/*`, `${path}/**/?`]);
  const kinds = [paths, directories, namedGlobs, below, plainGlobs];
  const choices = kinds.filter((kind) => kind.length > 0);
  return Array.from({ length: 1 + random.below(4) }, () => {
    if (random.chance(3)) return random.pick(['nowhere', 'nowhere/**', '**/nowhere?']);
    return asText(random.pick(random.pick(choices)));
  });
}

/** The same pattern as somebody else might write it. */
function written(random: Random, pattern: string, target: string): string {
  return random.pick([
    pattern,
    pattern,
    `./${pattern}`,
    `${pattern}/`,
    `${target}/${pattern}`,
    `${target}//${pattern}`,
  ]);
}

interface Ask {
  readonly args: readonly string[];
  readonly selected: ReadonlySet<string>;
  /** Whether one of the patterns selects nothing. */
  readonly isWrong: boolean;
}

function askFor(random: Random, seed: Snapshot, target: string): Ask {
  const paths = [...seed.keys()];
  if (random.chance(30)) return { args: ['--yes', '--all'], selected: new Set(paths), isWrong: false };
  const patterns = patternsOf(random, seed);
  const all = patterns.map((pattern) => selectedBy(pattern, paths));
  return {
    args: ['--', ...patterns.map((pattern) => written(random, pattern, target))],
    selected: new Set(all.flat()),
    isWrong: all.some((selected) => selected.length === 0),
  };
}

function ways(number: number, { flavour, as }: Who): string[] {
  using place = scratch();
  const [source, target] = [join(place.path, 'seed'), join(place.path, 'volume')];
  const made = pair(number, flavour);
  build(source, plain(made.seed));
  build(target, plain(made.volume));
  const seed = new Map([...snapshot(source)].filter(([path]) => path !== '.volseed-manifest'));
  const before = snapshot(target);
  const { args, selected, isWrong } = askFor(new Random(number), seed, target);
  const asked = (faults: string[]): string[] => faults.map((fault) => `${quote(args.join(' '))}: ${fault}`);
  const run = (): Result => volseed(['reset', '--source', source, '--target', target, ...args], as);
  if (isWrong) {
    const { result, changed } = changesBy(place.path, run);
    return asked([...(result.code === 2 ? [] : [`reset ended with ${result.code}`]), ...changed]);
  }
  const reset = run();
  const after = snapshot(target);
  const wanted = expected(seed, before, selected);
  const faults = [...problems('reset', reset), ...differences(wanted, after, none).map((line) => `reset: ${line}`)];
  if (!reset.stdout.includes('Backed up')) return asked(faults);
  const undone = volseed(['restore', '--last', '--target', target], as);
  faults.push(...problems('restore', undone));
  // What somebody else owned is his own who brings it back, where he is not root.
  const isOwn = (line: string): boolean => as.uid !== undefined && line.includes(`id ${as.uid}, expected `);
  const unlike = differences(before, snapshot(target), none).filter((line) => !isOwn(line));
  faults.push(...unlike.map((line) => `restore: ${line}`));
  const redone = volseed(['restore', '--last', '--target', target], as);
  faults.push(...problems('second restore', redone));
  faults.push(...differences(after, snapshot(target), none).map((line) => `second restore: ${line}`));
  return asked(faults);
}

function problems(what: string, { code, stderr }: { readonly code: number; readonly stderr: string }): string[] {
  return code === 0 ? [] : [`${what} ended with ${code}: ${quote(stderr)}`];
}

/** What is not as it should be, at the first of so many pairs where something is not. */
function firstFault(who: Who): readonly [seed: number, faults: readonly string[]] | undefined {
  for (let number = firstNumber; number < firstNumber + pairs; number++) {
    const faults = ways(number, who);
    if (faults.length > 0) return [number, faults];
  }
  return undefined;
}

it(
  'reset makes every path that its patterns select the seed’s and touches no other; restore --last brings back what was; and once more undoes that',
  () => {
    const who = { flavour: isRoot() ? { ...asRoot, strangers: 0 } : asMyself, as: {} };
    expect({ 'VOLSEED_TEST_SEED and faults': firstFault(who) }).toEqual({ 'VOLSEED_TEST_SEED and faults': undefined });
  },
  60_000 + pairs * 5000,
);

it(
  'a reset does the same to a volume whose files have several names',
  () => {
    const flavour = { ...(isRoot() ? { ...asRoot, strangers: 0 } : asMyself), linked: 100 };
    expect({ 'VOLSEED_TEST_SEED and faults': firstFault({ flavour, as: {} }) }).toEqual({
      'VOLSEED_TEST_SEED and faults': undefined,
    });
  },
  60_000 + pairs * 5000,
);

suite('an ordinary user’s reset', ['root', 'a checkout that other users can read'], () => {
  const roots = [{ mode: 0o755, ...ordinary }];
  const flavour = { ...asMyself, seedOwners: [ordinary], volumeOwners: [ordinary], roots };

  it(
    'opens what is closed to its owner, closes it again, and does the same',
    () => {
      const who = { flavour, as: ordinary };
      expect({ 'VOLSEED_TEST_SEED and faults': firstFault(who) }).toEqual({
        'VOLSEED_TEST_SEED and faults': undefined,
      });
    },
    60_000 + pairs * 5000,
  );
});
