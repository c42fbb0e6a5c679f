// Random pairs of (seed, volume), the volume derived from the seed so that collisions are the rule, with a bias to all
// that is nasty. One number makes one pair, always the same.
import { directory, fifo, file, nanoseconds, seconds, socket, symlink } from './tree.ts';
import type { Attributes, Entry, Time, Tree } from './tree.ts';

export interface Pair {
  readonly number: number;
  readonly seed: Tree;
  readonly volume: Tree;
  /** What some of the links lead to: a directory beside both, which stands in their targets as OUTSIDE. */
  readonly outside: Tree;
}

/** Stands in link targets for the path of the pair's outside, which is another one each time. */
export const outside = '/OUTSIDE';

type Owner = Required<Pick<Attributes, 'uid' | 'gid'>>;

/** What is particular to the pairs of one suite. */
export interface Flavour {
  readonly seedOwners: readonly Partial<Owner>[];
  readonly volumeOwners: readonly Partial<Owner>[];
  readonly roots: readonly Attributes[];
  /** How many pairs in a hundred have seed entries whose mode closes them to their owner. */
  readonly closedSeeds: number;
  /** The same for the volume. */
  readonly closedVolumes: number;
  /** How many pairs in a hundred have entries of strangers in their volume. */
  readonly strangers: number;
  /** Whether the volume may have something else where the seed has a directory. */
  readonly swapDirectories: boolean;
  /** Whether the roots of seed and volume have attributes of their own. */
  readonly ownRoots: boolean;
  /** How many pairs in a hundred have files of several names (hard links) in their volume; none where nothing is said. */
  readonly linked?: number;
}

const owned = (uid: number, gid = uid): Owner => ({ uid, gid });

/** Run by root: any owner, any mode. */
export const asRoot: Flavour = {
  seedOwners: [owned(0), owned(0), owned(1000), owned(1000, 0), owned(65_534), owned(2_000_000_000)],
  volumeOwners: [owned(0), owned(0), owned(1000), owned(0, 2000), owned(1_000_000_000, 3)],
  roots: [{ mode: 0o755 }, { mode: 0o700 }, { mode: 0o2775, ...owned(0, 2000) }, { mode: 0o1777 }, { mode: 0o555 }],
  closedSeeds: 100,
  closedVolumes: 100,
  strangers: 30,
  swapDirectories: true,
  ownRoots: false,
};

/** Run by an ordinary user, on a volume that is mostly its own, from a seed that is anybody's. */
export const asUser = ({ uid, gid }: Owner): Flavour => ({
  seedOwners: [owned(uid, gid), owned(0), owned(2000), owned(uid, 2000)],
  volumeOwners: [owned(uid, gid), owned(uid, gid), owned(uid, 2000)],
  roots: [
    { mode: 0o755, ...owned(uid, gid) },
    { mode: 0o2775, ...owned(uid, 2000) },
    { mode: 0o777, ...owned(0, 2000) },
  ],
  closedSeeds: 20,
  closedVolumes: 100,
  strangers: 15,
  swapDirectories: true,
  ownRoots: false,
});

/** Run by an ordinary user who can neither make what belongs to others nor look into what is closed. */
export const asMyself: Flavour = {
  closedSeeds: 0,
  closedVolumes: 0,
  swapDirectories: true,
  ownRoots: false,
  seedOwners: [{}],
  volumeOwners: [{}],
  roots: [{ mode: 0o755 }, { mode: 0o700 }, { mode: 0o2775 }],
  strangers: 0,
};

/** The number of the first pair: VOLSEED_TEST_SEED, else another one each time. A failure names that of its pair. */
export const firstNumber = Number(process.env['VOLSEED_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000_000));

/** How many pairs: VOLSEED_ORACLE_PAIRS, or so many that all suites together take about a minute on two cores. */
export const numberOfPairs = Number(process.env['VOLSEED_ORACLE_PAIRS'] ?? 200);

/** Mulberry32: small, and good enough to shuffle cards. */
export class Random {
  #state: number;

  constructor(number: number) {
    this.#state = number | 0;
    // Neighbouring numbers begin alike.
    for (let i = 0; i < 4; i++) this.below(2);
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    const picked = list[this.below(list.length)];
    if (picked === undefined) throw new RangeError('nothing to pick from');
    return picked;
  }
}

const longName = 'L'.repeat(255);

const plainNames = ['a', 'b', 'c', 'd', 'a.b', 'a-', 'A', '0', '10', 'x.csv'];
// Each of these broke a program once: options, globs, quoting, escapes, prototypes, decoding, normal forms, length.
const nastyNames = [
  ['-', '-rf', '--delete', '*', '?', '[a]', '{a,b}', '!a', '#', '~', '%s', '$HOME', '`id`', '&', ';', ':', 'a:b'],
  ['\n', 'new\nline', 'tab\t', '\r', ' ', ' before', 'after ', "it's", '"', '\\', 'back\\slash', '\\n', '\\#012'],
  ['\x01', '\x1b[31m', '\x7f', '\xff', '\xfe', 'caf\xe9', 'caf\xc3\xa9', 'cafe\xcc\x81', '\xe2\x80\xa8', '\xc3'],
  ['...', '..a', '.hidden', '.a', '.rsync-filter', '.gitignore', '__proto__', 'constructor', 'toString', 'null'],
  [longName, `${longName.slice(1)}\xff`, `.${longName.slice(1)}`, 'a.volseed-new', 'a~', '.a.swp'],
].flat();
// At the root of a volume these are not ordinary names.
const namesBelow = ['lost+found', '.snapshot', '..data', '..2020_01_01', '.volseed', '.volseed-manifest'];

const fileModes = [0o644, 0o600, 0o640, 0o755, 0o666, 0o444, 0o4755, 0o2755, 0o6711, 0o1644, 0o2644, 0o4644, 0o7777];
const closedFileModes = [0, 0o111, 0o200, 0o4000];
const directoryModes = [0o755, 0o700, 0o775, 0o2775, 0o2755, 0o1777, 0o3777, 0o4755, 0o7755];
const readOnlyDirectoryModes = [0o555, 0o2555, 0o500, 0o1555];
const closedDirectoryModes = [0, 0o111, 0o311, 0o644, 0o2000, 0o200];

const insteadOfDirectory = ['file', 'symlink', 'symlink', 'symlink', 'symlink', 'fifo', 'socket'] as const;
const insteadOfOther = ['file', 'symlink', 'symlink', 'empty', 'full', 'fifo', 'socket'] as const;

const base = 1_600_000_000;
const ordinaryTimes: Time[] = [base, base, base + 1, base - 1, base + 3600, base - 86_400 * 400];
const oddTimes = [
  [`${base}.5`, `${base}.999999999`, `${base}.000000001`, `${base}.123456789`, `${base - 1}.999999999`],
  [0, '0.5', '0.000000001', -1, '-0.5', '-0.000000001', '-1.5', '-1.999999999', -86_400 * 3650, '-315619200.25'],
  [2 ** 31 - 1, 2 ** 31, `${2 ** 31}.999999999`, 2 ** 32, `${2 ** 32}.75`, 5_000_000_000, '5000000000.999999999'],
].flat();
const second = 1_000_000_000n;
const steps = [second, -second, 1n, -1n, second / 2n, -second / 2n, 1000n, second * 86_400n, -second * 86_400n * 365n];

/** Rounded down, also before 1970. */
function wholeSecond(time: Time): bigint {
  const exact = nanoseconds(time);
  return (exact - (((exact % second) + second) % second)) / second;
}

/** The pair of a number. */
export function pair(number: number, flavour: Flavour): Pair {
  return new Maker(new Random(number), flavour).make(number);
}

class Maker {
  readonly #seed = new Map<string, Entry>();
  readonly #volume = new Map<string, Entry>();
  readonly #outside = new Map<string, Entry>();
  readonly #flavour: Flavour;
  readonly #random: Random;
  readonly #names: readonly string[];
  readonly #closedSeed: boolean;
  readonly #closedVolume: boolean;
  readonly #strangers: boolean;
  readonly #modes: boolean;

  constructor(random: Random, flavour: Flavour) {
    this.#random = random;
    this.#flavour = flavour;
    // A few names for each pair, so that those in the links are often there.
    this.#names = Array.from({ length: 10 }, () => random.pick(random.chance(60) ? nastyNames : plainNames));
    this.#closedSeed = random.chance(flavour.closedSeeds);
    this.#closedVolume = random.chance(flavour.closedVolumes);
    this.#strangers = random.chance(flavour.strangers);
    this.#modes = random.chance(80);
  }

  make(number: number): Pair {
    this.#makeRoots();
    this.#makeOutside();
    this.#fill('.', 0, true);
    if (this.#random.chance(this.#flavour.linked ?? 0)) this.#link();
    return { number, seed: this.#seed, volume: this.#volume, outside: this.#outside };
  }

  #makeRoots(): void {
    const root = directory({ mtime: base, ...this.#random.pick(this.#flavour.roots) });
    this.#seed.set('.', this.#flavour.ownRoots ? directory({ ...this.#seedAttributes('directory') }) : root);
    this.#volume.set('.', root);
  }

  #makeOutside(): void {
    const some = [...new Set(this.#names.slice(0, 3))];
    for (const parent of ['', 'dir/']) {
      if (parent !== '') this.#outside.set('dir', directory({ mtime: base, ...this.#volumeOwner() }));
      for (const name of some.filter((one) => one !== 'dir' || parent !== '')) {
        this.#outside.set(parent + name, file('outside', { mtime: base - 1000, ...this.#volumeOwner() }));
      }
    }
  }

  /** The entries of one directory: of the seed, and what became of them in the volume if that has the directory. */
  #fill(path: string, depth: number, inVolume: boolean): void {
    const random = this.#random;
    const names = new Set(
      Array.from({ length: depth === 0 ? 2 + random.below(6) : random.below(5) }, () => this.#name(depth)),
    );
    for (const name of names) {
      const at = path === '.' ? name : `${path}/${name}`;
      this.#both(at, depth, inVolume);
    }
    if (!inVolume) return;
    for (let extras = random.chance(50) ? 1 + random.below(2) : 0; extras > 0; extras--) {
      const name = this.#name(depth);
      if (!names.has(name)) this.#only(path === '.' ? name : `${path}/${name}`, depth);
      names.add(name);
    }
  }

  #name(depth: number): string {
    const random = this.#random;
    return depth > 0 && random.chance(12) ? random.pick(namesBelow) : random.pick(this.#names);
  }

  #both(path: string, depth: number, inVolume: boolean): void {
    const entry = this.#seedEntry(depth);
    this.#seed.set(path, entry);
    if (inVolume && !this.#volume.has(path)) this.#derive(path, depth, entry);
    if (entry.type === 'directory') this.#fill(path, depth + 1, this.#volume.get(path)?.type === 'directory');
  }

  /** What became of an entry of the seed in the volume. */
  #derive(path: string, depth: number, entry: Entry): void {
    const fate = this.#random.below(100);
    const maySwap = entry.type !== 'directory' || this.#flavour.swapDirectories;
    if (fate >= 40) this.#volume.set(path, this.#mutated(entry));
    else if (fate >= 15 && maySwap) this.#swap(path, depth);
  }

  #seedEntry(depth: number): Entry {
    const random = this.#random;
    if (depth < 3 && random.chance(30)) return directory(this.#seedAttributes('directory'));
    if (random.chance(25)) return symlink(random.pick(this.#targets()), this.#seedAttributes('symlink'));
    return file(this.#content(), this.#seedAttributes('file'));
  }

  /** The same type of entry, each of its properties kept or not. */
  #mutated(entry: Entry): Entry {
    const random = this.#random;
    const attributes = this.#volumeAttributes(entry.type, entry);
    if (random.chance(25) || entry.type === 'directory') return { ...entry, ...attributes };
    if (entry.type === 'symlink')
      return { ...entry, ...attributes, target: random.pick([entry.target, ...this.#targets()]) };
    if (entry.type !== 'file') return { ...entry, ...attributes };
    const sameSize = entry.content.replaceAll(/[^]/gu, 'v');
    return {
      ...entry,
      ...attributes,
      content: random.pick([entry.content, sameSize, `${sameSize}v`, this.#content()]),
    };
  }

  /** Something in the volume whatever is in the seed; below a directory also entries that the seed may have. */
  #swap(path: string, depth: number): void {
    const random = this.#random;
    const replacesDirectory = this.#seed.get(path)?.type === 'directory';
    const type = random.pick(replacesDirectory ? insteadOfDirectory : insteadOfOther);
    if (type === 'file') this.#volume.set(path, file(this.#content(), this.#volumeAttributes('file')));
    else if (type === 'symlink') {
      const targets = replacesDirectory ? this.#directories() : this.#targets();
      this.#volume.set(path, symlink(random.pick(targets), this.#volumeAttributes('symlink')));
    } else if (type === 'fifo') this.#volume.set(path, fifo(this.#volumeAttributes('fifo')));
    else if (type === 'socket')
      this.#volume.set(path, random.chance(30) ? socket(this.#volumeAttributes('socket')) : fifo());
    else {
      this.#volume.set(path, directory(this.#volumeAttributes('directory')));
      if (type === 'full') this.#only(`${path}/${this.#name(depth + 1)}`, depth + 1);
    }
  }

  #only(path: string, depth: number): void {
    if (this.#volume.has(path)) return;
    if (depth < 4) this.#swap(path, depth);
    else this.#volume.set(path, file());
  }

  /**
   * Makes files of the volume names of one another. Not where the seed has one of the same second and size: of that rsync corrects
   * mode and owner under all names, and volseed does not (docs/newer.md).
   */
  #link(): void {
    const random = this.#random;
    const fits = (path: string, entry: Entry): boolean => {
      const seed = this.#seed.get(path);
      if (seed?.type !== 'file' || entry.type !== 'file' || seed.content.length !== entry.content.length) return true;
      return wholeSecond(seed.mtime ?? base) !== wholeSecond(entry.mtime ?? base);
    };
    const files = [...this.#volume].filter(([path, entry]) => entry.type === 'file' && fits(path, entry));
    for (const [inode, [path]] of files.entries()) {
      const entry = this.#volume.get(path);
      if (entry?.type !== 'file' || entry.inode !== undefined) continue;
      const others = files.filter(([other]) => other !== path && random.chance(60) && fits(other, entry));
      for (const [other] of [[path] as const, ...others]) this.#volume.set(other, { ...entry, inode });
    }
  }

  #content(): string {
    const random = this.#random;
    // Around the sizes at which programs change the way they copy.
    if (random.chance(3))
      return 's'.repeat(random.pick([4096, 65_535, 65_536, 65_537, 262_143, 262_144, 262_145, 300_000]));
    return random.pick(['', 's', 't', 'ss', 'st', '\0', '\xff\xfe', 'line\n', 's'.repeat(700)]);
  }

  #targets(): string[] {
    const near = [...this.#names.slice(0, 4), '.', '..', './a', 'a/b', '../a', 'nowhere', ' ', 'x'.repeat(300)];
    const beyond = [outside, `${outside}/dir`, `${outside}/${this.#names[0]}`, `${outside}/nowhere`];
    return [...near, ...beyond, ...beyond, '/nowhere/at/all'];
  }

  /** Where a link leads to a directory, most of the time: nothing may be written through it. */
  #directories(): string[] {
    const near = [...this.#volume].filter(([path, { type }]) => type === 'directory' && !path.includes('/'));
    const all = ['.', '..', ...near.map(([path]) => path), outside, `${outside}/dir`];
    return [...all, ...all, ...this.#targets()];
  }

  #seedAttributes(type: Entry['type']): Attributes {
    const random = this.#random;
    const mtime = random.pick(random.chance(60) ? ordinaryTimes : oddTimes);
    return { mtime, ...this.#mode(type, this.#closedSeed), ...random.pick(this.#flavour.seedOwners) };
  }

  #volumeAttributes(type: Entry['type'], like?: Entry): Attributes {
    const random = this.#random;
    const own = { ...this.#mode(type, this.#closedVolume), ...this.#volumeOwner() };
    if (like === undefined) return { mtime: random.pick(random.chance(60) ? ordinaryTimes : oddTimes), ...own };
    const mtime = random.chance(40) ? like.mtime : this.#moved(like.mtime ?? base);
    const { mode, uid, gid } = like;
    const owner = random.chance(60) && this.#flavour.volumeOwners.some((one) => one.uid === uid && one.gid === gid);
    return {
      ...own,
      ...(mtime === undefined ? {} : { mtime }),
      ...(random.chance(60) && mode !== undefined ? { mode } : {}),
      ...(owner && uid !== undefined && gid !== undefined ? { uid, gid } : {}),
    };
  }

  #moved(time: Time): Time {
    const random = this.#random;
    const exact = nanoseconds(time);
    if (random.chance(70)) return seconds(exact + random.pick(steps));
    if (random.chance(50))
      return `${exact < 0n ? '-' : ''}${String(time).replace('-', '').split('.')[0]}${random.pick(['', '.5', '.999999999'])}`;
    return random.pick([...ordinaryTimes, ...oddTimes]);
  }

  #mode(type: Entry['type'], closed: boolean): Pick<Attributes, 'mode'> {
    const random = this.#random;
    if (type === 'symlink') return {};
    if (!this.#modes || random.chance(40)) return { mode: type === 'directory' ? 0o755 : 0o644 };
    if (type === 'directory') {
      if (closed && random.chance(25)) return { mode: random.pick(closedDirectoryModes) };
      return { mode: random.pick(random.chance(25) ? readOnlyDirectoryModes : directoryModes) };
    }
    return { mode: random.pick(closed && random.chance(25) ? closedFileModes : fileModes) };
  }

  #volumeOwner(): Partial<Owner> {
    const random = this.#random;
    return random.pick(this.#strangers && random.chance(30) ? this.#flavour.seedOwners : this.#flavour.volumeOwners);
  }
}
