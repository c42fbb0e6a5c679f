/** The head of a manifest: what opening reads, and all that the directories cost. */
import { NOBODY, type Directory, type Entry } from './entry.ts';
import {
  FORMAT,
  HASH,
  LATEST,
  LONGEST_NAME,
  LONGEST_VERSION,
  MAGIC,
  ownedAt,
  readEntry,
  readHash,
  readTime,
  Texts,
  type Owned,
  type Source,
  type Tools,
  type Totals,
} from './manifest-format.ts';
import { Damaged, Reader, toHex, unzigzag } from './octets.ts';
import { toText, type Name } from './path.ts';

/** A part that is not read until it is needed. */
export interface Part {
  readonly from: number;
  readonly length: number;
  readonly sha256: string;
}

/** A directory; its number is its place in the order of the manifest, the root's 0. */
export interface Level {
  readonly name: Name;
  /** The number of the directory that it is in; the root's own is 0. */
  readonly parent: number;
  readonly entry: Directory;
  /** How many entries that are no directories. */
  readonly entries: number;
  readonly files: number;
  /** Its block in the entries. */
  readonly from: number;
  readonly to: number;
  /** Numbers of the directories in it, in byte order of their names; undefined for none. */
  children: number[] | undefined;
}

/** An entry to be compared with the seed. */
export interface Sample {
  /** The number of its directory. */
  readonly directory: number;
  readonly name: Name;
  readonly entry: Entry;
}

export interface Head {
  readonly digest: string;
  readonly entries: Part;
  readonly history: Part;
  readonly version: string | undefined;
  readonly totals: Totals;
  readonly owners: readonly Owned[];
  readonly levels: readonly Level[];
  readonly samples: readonly Sample[];
}

/** The format and three lengths. */
const LONGEST_PREAMBLE = 32;
/** A record of an entry is its code and three lengths, at the least. */
const LEAST_RECORD = 4;

/** Throws `Damaged`. */
export function readHead(source: Source, tools: Tools): Head {
  const { start, end, lengths } = readPreamble(source, tools);
  const bytes = source.read(0, end + HASH);
  const digest = tools.sha256(bytes.subarray(0, end));
  if (bytes.length < end + HASH || digest !== toHex(bytes, end, bytes.length))
    throw new Damaged('is cut off or damaged');
  const body = new Reader(bytes, start, end);
  const from = end + HASH;
  const entries: Part = { from, length: lengths.entries, sha256: readHash(bytes, body) };
  const history: Part = { from: from + lengths.entries, length: lengths.history, sha256: readHash(bytes, body) };
  const texts = new Texts(bytes, body, tools);
  const version = readVersion(body, texts);
  const totals = readTotals(body);
  const owners = readOwners(body);
  const levels = readLevels(body, texts, owners, lengths.entries);
  const samples = readSamples(body, texts, owners, levels.length);
  body.finish();
  texts.finish();
  return { digest, entries, history, version, totals, owners, levels, samples };
}

function readPreamble({ length, read }: Source, { latin1 }: Tools) {
  const bytes = read(0, MAGIC.length + LONGEST_PREAMBLE);
  if (bytes.length < MAGIC.length || latin1(bytes.subarray(0, MAGIC.length)) !== MAGIC)
    throw new Damaged('is not a manifest');
  const preamble = new Reader(bytes, MAGIC.length, bytes.length);
  if (preamble.number() !== FORMAT) throw new Damaged('is of a later version of volseed');
  const [head, entries, history] = [preamble.number(), preamble.number(), preamble.number()] as const;
  const end = preamble.at + head;
  if (end + HASH + entries + history !== length) throw new Damaged('is cut off or damaged');
  return { start: preamble.at, end, lengths: { entries, history } };
}

function readVersion(body: Reader, texts: Texts): string | undefined {
  const length = body.number(LONGEST_VERSION + 1);
  return length === 0 ? undefined : toText(texts.next(length - 1));
}

function readTotals(body: Reader): Totals {
  const [files, bytes] = [body.number(), body.number()];
  return { files, bytes, oldest: unzigzag(body.number(2 * LATEST)), newest: unzigzag(body.number(2 * LATEST)) };
}

function readOwners(body: Reader): Owned[] {
  const owners: Owned[] = [];
  for (let left = body.number(body.end); left > 0; left--)
    owners.push({ mode: body.number(0o7777), uid: body.number(2 ** 32 - 1), gid: body.number(2 ** 32 - 1) });
  return owners;
}

function readLevels(body: Reader, texts: Texts, owners: readonly Owned[], blocks: number): Level[] {
  const levels: Level[] = [];
  /** The numbers of the directories above the next one, and of itself. */
  const chain: number[] = [];
  let [seconds, from] = [0, 0];
  for (let left = body.number(body.end); left > 0; left--) {
    const depth = body.number();
    const name = texts.next(body.number(LONGEST_NAME)) as Name;
    const owned = ownedAt(owners, body.number());
    const time = readTime(body, seconds);
    seconds = time.seconds;
    const [entries, files, length] = [body.number(), body.number(), body.number()] as const;
    if (entries * LEAST_RECORD > length || files > entries) throw new Damaged('has an impossible number of entries');
    const parent = levels.length === 0 ? 0 : parentOf(levels, chain, depth);
    const entry: Directory = { kind: 'directory', ...owned, ...time, witness: NOBODY };
    const level = { name, parent, entry, entries, files, from, to: from + length, children: undefined };
    if (levels.length > 0) addChild(levels, level, texts);
    else if (depth !== 0 || name !== '') throw new Damaged('has no root');
    chain.length = depth;
    chain.push(levels.length);
    levels.push(level);
    from = level.to;
  }
  if (levels.length === 0) throw new Damaged('has no root');
  if (from !== blocks) throw new Damaged('has entries that belong to nothing');
  return levels;
}

function parentOf(levels: readonly Level[], chain: readonly number[], depth: number): number {
  const parent = depth > 0 ? chain[depth - 1] : undefined;
  if (parent === undefined || levels[parent] === undefined) throw new Damaged('has a directory in nothing');
  return parent;
}

function addChild(levels: readonly Level[], { name, parent }: Level, texts: Texts): void {
  texts.checkName(name);
  const above = levels[parent] as Level;
  const before = above.children === undefined ? '' : (levels[above.children.at(-1) ?? 0]?.name ?? '');
  if (name <= before) throw new Damaged('has names out of order');
  (above.children ??= []).push(levels.length);
}

function readSamples(body: Reader, texts: Texts, owners: readonly Owned[], directories: number): Sample[] {
  const samples: Sample[] = [];
  let directory = 0;
  for (let left = body.number(body.end); left > 0; left--) {
    directory += body.number(directories - 1 - directory);
    const name = texts.next(body.number(LONGEST_NAME));
    texts.checkName(name);
    const code = body.number();
    samples.push({ directory, name, entry: readEntry(code, readTime(body, 0), owners, body, texts) });
  }
  return samples;
}
