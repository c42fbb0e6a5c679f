/** Makes a manifest's bytes (manifest-format.ts has the format). The same tree and history, the same bytes. */
import type { Attributes, Directory, Entry } from './entry.ts';
import { FORMAT, HASH, KINDS, LONGEST_PATH, MAGIC, type Time, type Tools } from './manifest-format.ts';
import { Writer, zigzag } from './octets.ts';
import { byName, fromText, join, nameOf, parentOf, ROOT, type RelPath } from './path.ts';

/** One path of a seed. */
export interface Recorded {
  readonly path: RelPath;
  readonly entry: Entry;
  /** Of a file's content, in hex. */
  readonly sha256: string | undefined;
}

export interface Contents {
  /** The image's; text. */
  readonly version: string | undefined;
  readonly root: Directory;
  /** Every path below the root, in any order. */
  readonly recorded: readonly Recorded[];
  /** SHA-256s in hex of what was shipped before, by path. */
  readonly history: ReadonlyMap<RelPath, ReadonlySet<string>>;
}

/** So many entries are put among the samples; of a seed that has no more of them, all. */
const SAMPLES = 256;

export function encodeManifest({ version, root, recorded, history }: Contents, { sha256 }: Tools): Uint8Array {
  const tables = new Tables();
  tables.directory(
    ROOT,
    // Whole seconds: the writing moves the root's time, and it cannot be put back to the nanosecond.
    { ...root, nanoseconds: 0 },
    0,
    Map.groupBy(recorded, ({ path }) => parentOf(path)),
  );
  const past = encodeHistory(pastOf(recorded, history));
  const head = new Writer();
  for (const { bytes } of [tables.blocks, past]) head.hex(sha256(bytes));
  tables.writeTo(head, version, recorded);
  const out = new Writer();
  out.text(MAGIC);
  for (const number of [FORMAT, head.length, tables.blocks.length, past.length]) out.number(number);
  out.raw(head.bytes);
  out.hex(sha256(out.bytes));
  for (const { bytes } of [tables.blocks, past]) out.raw(bytes);
  return out.bytes.slice();
}

/** What was shipped before and is not shipped now, by path, both in byte order; without what no manifest could be asked for. */
export function pastOf(
  recorded: readonly Pick<Recorded, 'path' | 'sha256'>[],
  history: Contents['history'],
): [RelPath, string[]][] {
  const current = new Map(recorded.map(({ path, sha256 }) => [path, sha256]));
  return [...history]
    .map(([path, hashes]): [RelPath, string[]] => [
      path,
      [...hashes].filter((hash) => hash !== current.get(path)).toSorted(byName),
    ])
    .filter(([path, hashes]) => hashes.length > 0 && path.length <= LONGEST_PATH)
    .toSorted(([a], [b]) => byName(a, b));
}

class Tables {
  readonly blocks = new Writer();
  readonly #records = new Writer();
  readonly #names = new Writer();
  readonly #attributes = new Map<string, { readonly index: number; readonly attributes: Attributes }>();
  /** Of each directory, what is in it besides directories. */
  readonly #others: (readonly Recorded[])[] = [];
  #seconds = 0;

  /** The directory, and all below it. */
  directory(path: RelPath, entry: Directory, depth: number, below: ReadonlyMap<RelPath, readonly Recorded[]>): void {
    const here = (below.get(path) ?? []).toSorted((a, b) => byName(nameOf(a.path), nameOf(b.path)));
    const others = here.filter(({ entry: { kind } }) => kind !== 'directory');
    const name = nameOf(path);
    const block = this.#block(others, entry);
    this.#others.push(others);
    this.#names.text(name);
    for (const number of [depth, name.length, this.#index(entry)]) this.#records.number(number);
    writeTime(this.#records, entry, this.#seconds);
    this.#seconds = entry.seconds;
    const files = others.filter(({ entry: { kind } }) => kind === 'file').length;
    for (const number of [others.length, files, block.length]) this.#records.number(number);
    this.blocks.raw(block.bytes);
    for (const each of here)
      if (each.entry.kind === 'directory') this.directory(join(path, nameOf(each.path)), each.entry, depth + 1, below);
  }

  /** All of the head but the hashes of what follows it. */
  writeTo(head: Writer, version: string | undefined, recorded: readonly Recorded[]): void {
    const text = version === undefined ? undefined : fromText(version);
    const records = new Writer();
    this.#writeSamples(records);
    const names = new Writer();
    names.text(text ?? '');
    names.raw(this.#names.bytes);
    head.number(names.length);
    head.raw(names.bytes);
    head.number(text === undefined ? 0 : text.length + 1);
    writeTotals(head, recorded);
    head.number(this.#attributes.size);
    for (const { attributes } of this.#attributes.values())
      for (const number of [attributes.mode, attributes.uid, attributes.gid]) head.number(number);
    head.number(this.#others.length);
    head.raw(this.#records.bytes);
    head.raw(records.bytes);
  }

  /** After the names of the directories come those of the samples. */
  #writeSamples(to: Writer): void {
    const samples = samplesOf(this.#others);
    to.number(samples.length);
    let before = 0;
    for (const { directory, path, entry } of samples) {
      const name = nameOf(path);
      this.#names.text(name);
      for (const number of [directory - before, name.length, this.#code(entry)]) to.number(number);
      writeTime(to, entry, 0);
      this.#writeOwn(to, this.#names, entry);
      before = directory;
    }
  }

  #code(entry: Entry): number {
    return this.#index(entry) * 4 + KINDS.findIndex((kind) => kind === entry.kind);
  }

  /** What only a file has, or a link. */
  #writeOwn(records: Writer, heap: Writer, entry: Entry): void {
    if (entry.kind === 'file') records.number(entry.size);
    if (entry.kind !== 'link') return;
    records.number(entry.target.length);
    heap.text(entry.target);
  }

  #block(entries: readonly Recorded[], before: Attributes): Writer {
    const [heap, hashes, records, block] = [new Writer(), new Writer(), new Writer(), new Writer()];
    let last = '';
    let time: Time = before;
    for (const { path, entry, sha256 } of entries) {
      const name = nameOf(path);
      const same = time.seconds === entry.seconds && time.nanoseconds === entry.nanoseconds;
      records.number(this.#code(entry) * 2 + (same ? 1 : 0));
      const shared = sharedLength(last, name);
      const end = sharedEnd(last.slice(shared), name.slice(shared));
      const own = name.slice(shared, name.length - end);
      heap.text(own);
      for (const number of [shared, end, own.length]) records.number(number);
      if (!same) writeTime(records, entry, time.seconds);
      time = entry;
      this.#writeOwn(records, heap, entry);
      if (entry.kind === 'file') {
        if (sha256?.length !== 2 * HASH) throw new Error(`no hash of ${path}`);
        hashes.hex(sha256);
      }
      last = name;
    }
    block.number(heap.length);
    for (const { bytes } of [heap, hashes, records]) block.raw(bytes);
    return block;
  }

  #index({ mode, uid, gid, ...rest }: Attributes): number {
    const key = `${mode} ${uid} ${gid}`;
    const found = this.#attributes.get(key);
    if (found !== undefined) return found.index;
    const index = this.#attributes.size;
    this.#attributes.set(key, { index, attributes: { mode, uid, gid, ...rest } });
    return index;
  }
}

function encodeHistory(past: readonly [RelPath, readonly string[]][]): Writer {
  const [section, heap, hashes, records] = [new Writer(), new Writer(), new Writer(), new Writer()];
  let last = '';
  let number = 0;
  for (const [path, versions] of past) {
    const shared = sharedLength(last, path);
    heap.text(path.slice(shared));
    for (const value of [shared, path.length - shared, versions.length]) records.number(value);
    for (const version of versions) hashes.hex(version);
    number += versions.length;
    last = path;
  }
  section.number(heap.length);
  section.raw(heap.bytes);
  section.number(number);
  for (const { bytes } of [hashes, records]) section.raw(bytes);
  return section;
}

function writeTotals(out: Writer, recorded: readonly Recorded[]): void {
  let [files, bytes] = [0, 0];
  let [oldest, newest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { entry } of recorded) {
    if (entry.kind !== 'file') continue;
    files++;
    bytes += entry.size;
    oldest = Math.min(oldest, entry.seconds);
    newest = Math.max(newest, entry.seconds);
  }
  for (const number of [files, bytes, ...(files === 0 ? [0, 0] : [zigzag(oldest), zigzag(newest)])]) out.number(number);
}

function writeTime(to: Writer, { seconds, nanoseconds }: Attributes, before: number): void {
  to.number(zigzag(seconds - before) * 2 + (nanoseconds === 0 ? 0 : 1));
  if (nanoseconds !== 0) to.number(nanoseconds);
}

/** All where there are not too many; else the newest of so many directories, evenly spread: what changed last changes again. */
function samplesOf(directories: readonly (readonly Recorded[])[]): (Recorded & { readonly directory: number })[] {
  // A socket is no part of an image, whatever was there when it was built.
  const all = directories.map((others, directory) =>
    others.filter(({ entry }) => entry.kind !== 'other').map((each) => ({ ...each, directory })),
  );
  const filled = all.filter(({ length }) => length > 0);
  if (filled.reduce((sum, { length }) => sum + length, 0) <= SAMPLES) return filled.flat();
  const step = Math.max(filled.length / SAMPLES, 1);
  return Array.from(
    { length: Math.min(filled.length, SAMPLES) },
    (_, at) => filled[Math.floor(at * step)] ?? [],
  ).flatMap((others) => others.toSorted((a, b) => b.entry.seconds - a.entry.seconds).slice(0, 1));
}

function sharedEnd(a: string, b: string): number {
  let length = 0;
  while (length < Math.min(a.length, b.length) && a.at(-1 - length) === b.at(-1 - length)) length++;
  return length;
}

function sharedLength(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}
