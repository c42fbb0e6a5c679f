// Ten images in a row, and what users do in between: the volume is what an independent model says after every step.
// Many histories are lived through by one volume, each in a directory of its own, so that a step of all takes two runs.
import { chmodSync, rmSync, utimesSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  flat,
  isDirectory,
  type Leaf,
  literal,
  merge,
  type Merging,
  NEW,
  type Node,
  overlay,
  type Path,
  seen,
  unlike,
} from '../support/merge-model.ts';
import { type Ground, ground } from '../support/probe.ts';
import { firstNumber, Random } from '../support/random.ts';
import { changes, type Snapshot, snapshot } from '../support/snapshot.ts';
import { build, directory, type Entry, file, tree } from '../support/tree.ts';
import { volseed } from '../support/volseed.ts';

/** How many histories: VOLSEED_TEST_HISTORIES, shared by the volumes below. */
const HISTORIES = Number(process.env['VOLSEED_TEST_HISTORIES'] ?? 64);
const IMAGES = 10;

const volumes: readonly Merging[] = [
  { onConflict: 'new', restoreDeleted: false, prune: false },
  { onConflict: 'new', restoreDeleted: false, prune: true },
  { onConflict: 'new', restoreDeleted: true, prune: true },
  { onConflict: 'keep', restoreDeleted: false, prune: true },
  { onConflict: 'replace', restoreDeleted: false, prune: true },
];
const flags = ({ onConflict, restoreDeleted, prune }: Merging): string[] => [
  '--policy',
  'merge',
  '--on-conflict',
  onConflict,
  ...(restoreDeleted ? ['--restore-deleted'] : []),
  ...(prune ? ['--prune'] : []),
];

const NAMES = ['a', 'b', 'c', 'd'];
const byUsers = (what: string | undefined): boolean => what?.slice(5).startsWith('user') === true;

/** One history: what the image ships, what the volume should have, and the story so far. */
class History {
  readonly name: string;
  readonly story: string[] = [];
  /** Paths to which users took an image's version themselves. */
  readonly accepted = new Set<string>();
  readonly #random: Random;
  readonly #images: Node[] = [];
  #path: Path = { base: undefined, volume: {}, beside: undefined };
  #versions = 0;
  #edits = 0;

  constructor(name: string, number: number) {
    this.name = name;
    this.#random = new Random(number);
  }

  get image(): Node {
    return this.#images.at(-1);
  }

  get volume(): Node {
    return this.#path.volume;
  }

  /** The next image: another version of the last one, or the one before that. */
  ship(): void {
    const [before, last = {}] = [this.#images.at(-2), this.image];
    const isBack = before !== undefined && this.#random.chance(20);
    this.#images.push(isBack ? before : this.#versionOf(last, 0));
    this.story.push(`image ${JSON.stringify(this.image)}`);
  }

  /** The image before this one. */
  rollBack(): void {
    this.#images.push(this.#images.at(-2));
    this.story.push(`image ${JSON.stringify(this.image)}`);
  }

  #versionOf(node: Node, depth: number): Node {
    const random = this.#random;
    if (isDirectory(node) && (depth === 0 || random.chance(92))) {
      const next = NAMES.map((name): [string, Node] => {
        return [name, random.chance(60) ? this.#versionOf(node[name], depth + 1) : node[name]];
      });
      return Object.fromEntries(next.filter(([, one]) => one !== undefined));
    }
    if (node !== undefined && random.chance(50)) return node;
    if (random.chance(20)) return undefined;
    return depth < 3 && random.chance(30) ? this.#versionOf({}, depth + 1) : this.#leaf('x'.repeat(++this.#versions));
  }

  /** Of the image's contents no two have the same size, so that newer can tell them apart. */
  #leaf(holds: string): Leaf {
    return this.#random.chance(20) ? `link ${holds}` : `file ${holds}`;
  }

  /** What users do before the next run, in the volume too. */
  use(place: string): void {
    for (let left = this.#random.below(4); left > 0; left--) {
      const [path, node] = this.#edit();
      this.story.push(`user ${path} := ${JSON.stringify(node)}`);
      this.#path = { ...this.#path, volume: put(this.volume, path.split('/'), node) };
      rmSync(join(place, path), { recursive: true, force: true });
      const made = literal(node, path).map(([where, entry]): [string, Entry] => {
        return [where, entry.type === 'file' && byUsers(`file ${entry.content}`) ? { ...entry, mtime: 1.6e9 } : entry];
      });
      for (const [where, entry] of made) build(join(place, dirname(where)), new Map([[basename(where), entry]]));
    }
    this.#attributes(place);
  }

  /** What is no edit: a mode, and a time that makes nothing newer. */
  #attributes(place: string): void {
    const files = flat(this.volume, '').filter(([, what]) => what.startsWith('file'));
    if (files.length === 0) return;
    const [[closed], [touched, holds]] = [this.#random.pick(files), this.#random.pick(files)];
    if (this.#random.chance(50)) chmodSync(join(place, closed), 0o600);
    if (this.#random.chance(50) && !byUsers(holds)) utimesSync(join(place, touched), 1e9, 1e9);
  }

  /** Some path, and what is to be there. */
  #edit(): [string, Node] {
    const random = this.#random;
    const there = flat(this.volume, '');
    const besides = there.filter(([path]) => path.endsWith(NEW));
    if (there.length === 0 || random.chance(25)) return [this.#someName(there), this.#made()];
    const [path] = random.pick(besides.length > 0 && random.chance(40) ? besides : there);
    const before = path.slice(0, -NEW.length);
    switch (random.below(5)) {
      case 0:
        return [path, this.#made()];
      case 1:
        return [path, this.#leaf(`user ${++this.#edits}`)];
      case 2:
        return [path, this.#basedOn(path)];
      case 3:
        if (!path.endsWith(NEW)) return [path, undefined];
        this.accepted.add(`${this.name}/${before}`);
        return [before, at(this.volume, path.split('/'))];
      default:
        return [path, undefined];
    }
  }

  #someName(there: readonly [string, string][]): string {
    const directories = there.filter(([, what]) => what === 'directory').map(([path]) => `${path}/`);
    return this.#random.pick(['', ...directories]) + this.#random.pick([...NAMES, ...NAMES, `a${NEW}`]);
  }

  #made(): Node {
    const leaf = this.#leaf(`user ${++this.#edits}`);
    return this.#random.chance(30) ? { [this.#random.pick(NAMES)]: leaf } : leaf;
  }

  /** What a path was seeded with, so that an edit is taken back; where that is not known, what it has. */
  #basedOn(path: string): Node {
    const base = path.split('/').reduce<Path['base']>((above, name) => above?.below[name], this.#path.base);
    return base === undefined || base.is === 'directory' ? at(this.volume, path.split('/')) : base.is;
  }

  merge(how: Merging): void {
    this.#path = merge(this.#path, this.image, how);
    this.story.push('merge');
  }

  /** @returns whether a directory of the users' was in the way. */
  overlay(policy: Other): boolean {
    let blocked = false;
    const wins = (seed: Node, volume: Node): boolean => {
      if (policy === 'reset') return true;
      if (policy === 'missing') return false;
      const isFull = isDirectory(volume) && Object.keys(volume).length > 0;
      blocked ||= isFull;
      return !isFull && (policy === 'always' || !isNewer(seed, volume));
    };
    this.#path = { ...this.#path, ...overlay(this.#path, this.image, wins) };
    this.story.push(policy);
    return blocked;
  }
}

type Other = 'newer' | 'missing' | 'always' | 'reset';

/** What users wrote is newer than any image; that is asked of files only. */
function isNewer(seed: Node, volume: Node): boolean {
  const areFiles = [seed, volume].every((node) => typeof node === 'string' && node.startsWith('file'));
  return areFiles && byUsers(volume as string);
}

function at(node: Node, [name = '', ...rest]: readonly string[]): Node {
  const below = isDirectory(node) ? node[name] : undefined;
  return rest.length === 0 ? below : at(below, rest);
}

function put(node: Node, [name = '', ...rest]: readonly string[], value: Node): Node {
  const { [name]: old, ...others } = isDirectory(node) ? node : {};
  const below = rest.length === 0 ? value : put(old, rest, value);
  return below === undefined ? others : { ...others, [name]: below };
}

/** All histories of one volume, and the volume. What they find wrong is told, a line each. */
class Lives {
  readonly #on: Ground = ground({ anchor: file() });
  readonly #histories: readonly History[];
  readonly #how: Merging;

  constructor(histories: readonly History[], how: Merging) {
    this.#histories = histories;
    this.#how = how;
  }

  ship(next: (history: History) => void): void {
    rmSync(this.#on.seed, { recursive: true });
    this.#histories.forEach((history) => next(history));
    const shipped = this.#histories.flatMap(({ name, image }) => [[name, directory()], ...literal(image, name)]);
    build(this.#on.seed, tree({ anchor: file(), ...Object.fromEntries(shipped) }));
  }

  use(): void {
    for (const history of this.#histories) history.use(join(this.#on.volume, history.name));
  }

  other(policy: Other): string[] {
    const blocked = this.#histories.filter((history) => history.overlay(policy));
    const args = policy === 'reset' ? ['reset', '--all', '--yes'] : ['sync', '--policy', policy];
    const { code } = volseed([...args, ...this.#on.where]);
    const ended = code === (blocked.length > 0 ? 23 : 0) ? [] : [`${policy} ended with ${code}`];
    return [...ended, ...this.#unlikeModel()];
  }

  merge(): string[] {
    const before = snapshot(this.#on.volume);
    for (const history of this.#histories) history.merge(this.#how);
    const first = this.#sync();
    const after = snapshot(this.#on.volume);
    const faults = [...first, ...this.#unlikeModel(), ...this.#brokenPromises(before, after)];
    const { code } = volseed(['plan', '--exit-code', ...this.#on.where, ...flags(this.#how)]);
    const planned = code === 0 ? [] : [`plan after merge ended with ${code}`];
    return [...faults, ...planned, ...this.#sync(), ...changes(after, snapshot(this.#on.volume))];
  }

  #sync(): string[] {
    const { code, stderr } = volseed(['sync', ...this.#on.where, ...flags(this.#how)]);
    const said = stderr.split('\n').filter((line) => line !== '' && !isExpected(line));
    return code === 0 ? said : [`merge ended with ${code}`, ...said];
  }

  #unlikeModel(): string[] {
    const expected = new Map<string, string>([['anchor', 'file ']]);
    for (const { name, volume } of this.#histories)
      for (const [path, what] of flat({ [name]: volume }, '')) expected.set(path, what);
    const wrong = unlike(expected, seen(snapshot(this.#on.volume)));
    const story = this.#histories.find(({ name }) => wrong[0]?.startsWith(`${name}/`))?.story ?? [];
    return [...wrong, ...story];
  }

  /** Without the model: no edit is lost, all else that is there is the image's, and no mode is changed, for no image changes one. */
  #brokenPromises(before: Snapshot, after: Snapshot): string[] {
    const [was, now] = [seen(before), seen(after)];
    const accepted = new Set(this.#histories.flatMap((history) => [...history.accepted]));
    const image = this.#histories.flatMap(({ name, image: node }) => flat({ [name]: node }, ''));
    const unlikeImage = image.filter(([path, what]) => {
      const is = now.get(path);
      const isFree = is === undefined || is === 'directory' || byUsers(is) || accepted.has(path);
      return !isFree && is !== what;
    });
    const faults = unlikeImage.map(([path, what]) => `${path}: ${now.get(path)}, the image has ${what}`);
    if (this.#how.onConflict === 'replace') return faults;
    const lost = [...was].filter(([path, what]) => byUsers(what) && now.get(path) !== what);
    const changed = [...after].filter(([path, { type, mode }]) => {
      const old = before.get(path);
      return type === 'file' && old?.type === 'file' && old.mode !== mode && !path.endsWith(NEW);
    });
    return [
      ...faults,
      ...lost.map(([path, what]) => `${path}: ${what} is lost`),
      ...changed.map(([path]) => `${path}: mode`),
    ];
  }
}

/** A conflict is warned of, and a name that is taken; nothing else happens that would be. */
function isExpected(line: string): boolean {
  return line.includes(NEW) || line.includes(': conflict: ');
}

const NONE = ['none', 'none'] as const;

describe('ten images in a row, and what users do in between', () => {
  it.each(volumes)(
    'merge: on a conflict $onConflict, restoreDeleted $restoreDeleted, prune $prune',
    (how) => {
      const number = firstNumber + volumes.indexOf(how);
      const random = new Random(number);
      const count = Math.ceil(HISTORIES / volumes.length);
      const histories = Array.from({ length: count }, (_, n) => new History(`h${n}`, number * 1000 + n));
      const lives = new Lives(histories, how);
      const policies = (['newer', 'missing', 'always', 'reset'] as const).flatMap((other) => [other, ...NONE]);
      for (let step = 1; step <= IMAGES; step++) {
        lives.ship((history) => history.ship());
        lives.use();
        const other = random.pick(policies);
        const faults = [...(other === 'none' ? [] : lives.other(other)), ...lives.merge()];
        expect({ VOLSEED_TEST_SEED: firstNumber, step, faults }).toMatchObject({ faults: [] });
      }
      lives.ship((history) => history.rollBack());
      expect({ VOLSEED_TEST_SEED: firstNumber, faults: lives.merge() }).toMatchObject({ faults: [] });
    },
    600_000,
  );
});
