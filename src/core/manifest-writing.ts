/** Makes a manifest's bytes (core/manifest.ts has the format). The same tree and history, the same bytes. */
import type { Attributes, Directory, Entry } from './entry.ts';
import { FORMAT, HASH, LONGEST_PATH, MAGIC, type Tools } from './manifest.ts';
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

const CODES: Readonly<Record<Exclude<Entry['kind'], 'directory'>, number>> = { file: 0, link: 1, other: 2 };

export function encodeManifest({ version, root, recorded, history }: Contents, { sha256 }: Tools): Uint8Array {
  const tables = new Tables();
  const below = Map.groupBy(recorded, ({ path }) => parentOf(path));
  tables.directory(ROOT, root, 0, below);
  const out = new Writer();
  out.text(MAGIC);
  out.number(FORMAT);
  const text = version === undefined ? undefined : fromText(version);
  out.number(text === undefined ? 0 : text.length + 1);
  out.text(text ?? '');
  writeTotals(out, recorded);
  const sections = [tables.directories(), tables.blocks, encodeHistory(pastOf(recorded, history))];
  for (const { length } of sections) out.number(length);
  for (const { bytes } of sections) out.raw(bytes);
  const digest = sha256(out.bytes);
  out.hex(digest);
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
  #number = 0;
  #seconds = 0;

  /** The directory, and all below it. */
  directory(path: RelPath, entry: Directory, depth: number, below: ReadonlyMap<RelPath, readonly Recorded[]>): void {
    const here = (below.get(path) ?? []).toSorted((a, b) => byName(nameOf(a.path), nameOf(b.path)));
    const others = here.filter(({ entry: { kind } }) => kind !== 'directory');
    const name = nameOf(path);
    const block = this.#block(others, entry);
    this.#number++;
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

  directories(): Writer {
    const section = new Writer();
    section.number(this.#names.length);
    section.raw(this.#names.bytes);
    section.number(this.#attributes.size);
    for (const { attributes } of this.#attributes.values())
      for (const number of [attributes.mode, attributes.uid, attributes.gid]) section.number(number);
    section.number(this.#number);
    section.raw(this.#records.bytes);
    return section;
  }

  #block(entries: readonly Recorded[], before: Attributes): Writer {
    const [heap, hashes, records, block] = [new Writer(), new Writer(), new Writer(), new Writer()];
    let last = '';
    let time: Pick<Attributes, 'seconds' | 'nanoseconds'> = before;
    for (const { path, entry, sha256 } of entries) {
      if (entry.kind === 'directory') continue;
      const name = nameOf(path);
      const same = time.seconds === entry.seconds && time.nanoseconds === entry.nanoseconds;
      records.number((this.#index(entry) * 4 + CODES[entry.kind]) * 2 + (same ? 1 : 0));
      const shared = sharedLength(last, name);
      const end = sharedEnd(last.slice(shared), name.slice(shared));
      const own = name.slice(shared, name.length - end);
      heap.text(own);
      for (const number of [shared, end, own.length]) records.number(number);
      if (!same) writeTime(records, entry, time.seconds);
      time = entry;
      if (entry.kind === 'file') {
        records.number(entry.size);
        if (sha256?.length !== 2 * HASH) throw new Error(`no hash of ${path}`);
        hashes.hex(sha256);
      }
      if (entry.kind === 'link') {
        records.number(entry.target.length);
        heap.text(entry.target);
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
