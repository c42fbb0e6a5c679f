/** Keeps the base true to what a run really did: what failed, or was changed meanwhile, is recorded as it was before. */
import { basedOn, isProven, isSameBased, proofOf, type Base, type Based, type Proof } from './base.ts';
import type { Entry } from './entry.ts';
import type { Makings } from './makings.ts';
import { parentOf, type RelPath } from './path.ts';
import type { Change, Plan, Removal } from './plan.ts';

interface Done {
  readonly change: Change;
  readonly proof: Proof | undefined;
  /** Its number among what is known of files; -1 where nothing is. */
  readonly place: number;
}

export class Recording {
  readonly #changes: Change[] = [];
  /** Where each is among what is known of files; -1 where nothing is. */
  readonly #places: number[] = [];
  #makings: Makings | undefined;
  /** Of files whose ctime has moved since they were made. */
  readonly #placed = new Map<Change, Proof | undefined>();
  readonly #removed = new Set<RelPath>();

  /** @param placed the entry under its own name, where its ctime has moved since it was made. */
  done(change: Change, makings: Makings, placed: Entry | undefined): void {
    this.#makings = makings;
    this.#changes.push(change);
    this.#places.push(makings.find(change));
    if (placed !== undefined) this.#placed.set(change, isAsMade(placed, change) ? proofOf(placed) : undefined);
  }

  removed({ path }: Removal): void {
    this.#removed.add(path);
  }

  /** How many changes were done. */
  get size(): number {
    return this.#changes.length;
  }

  /** Whether anything of it is new. */
  get hasNew(): boolean {
    return this.#changes.some(({ from, verb }) => from === undefined && verb !== 'attributes');
  }

  get isEmpty(): boolean {
    return this.#changes.length === 0 && this.#removed.size === 0;
  }

  /**
   * Brings a base up to date.
   * @param run its id, for what is noted for the first time.
   * @returns whether anything of it has changed.
   */
  apply(base: Base, { changes, removals, basing }: Plan, run: string): boolean {
    let changed = false;
    const set = (path: RelPath, based: Based | undefined): void => {
      const before = base.get(path);
      if (based === undefined) {
        if (before === undefined) return;
        base.delete(path);
      } else {
        if (before !== undefined && isSameBased(before, based)) return;
        base.set(path, since(based, run));
      }
      changed = true;
    };
    if (basing.size > 0) {
      const planned = new Set([...changes, ...removals].map(({ path }) => path));
      const done = new Set(this.#changes.map(({ path }) => path));
      const failed = new Set(changes.filter(({ path }) => !done.has(path)).map(({ from, path }) => from ?? path));
      for (const [path, based] of basing) if (!planned.has(path) && !failed.has(path)) set(path, based);
    }
    for (const path of this.#removed) set(path, undefined);
    for (let at = 0; at < this.#changes.length; at++) {
      const done = this.at(at);
      const { path, from } = done.change;
      if (from !== undefined) continue;
      const sha256 = done.place === -1 ? undefined : this.#makings?.hexAt(done.place);
      const based = seededWith({ ...done, sha256 }, basing.get(path), base.get(path));
      if (based !== undefined) set(path, based);
    }
    return changed;
  }

  /** Of what was done, numbered from 0: what is known of it. */
  at(number: number): Done {
    const change = this.#changes[number];
    if (change === undefined) throw new Error(`nothing was done as number ${number}`);
    const place = this.#places[number] ?? -1;
    const isPlaced = this.#placed.size > 0 && this.#placed.has(change);
    const proof = isPlaced ? this.#placed.get(change) : place === -1 ? undefined : this.#makings?.proofAt(place);
    return { change, proof, place };
  }

  /** Of all that was done or removed. */
  *paths(): Iterable<RelPath> {
    for (const { path } of this.#changes) yield path;
    yield* this.#removed;
  }

  /** What is known of files. */
  get makings(): Makings | undefined {
    return this.#makings;
  }

  /**
   * What there is to record where nothing was known before: by directory, the numbers of what is in it, in byte order.
   */
  fresh(): ReadonlyMap<RelPath, readonly number[]> {
    const directories = new Map<RelPath, number[]>();
    let last: { readonly directory: RelPath; readonly numbers: number[] } | undefined;
    for (const [number, { from, path, verb }] of this.#changes.entries()) {
      if (from !== undefined || verb === 'attributes') continue;
      const directory = parentOf(path);
      if (last?.directory !== directory) {
        const numbers = directories.get(directory) ?? [];
        directories.set(directory, numbers);
        last = { directory, numbers };
      }
      last.numbers.push(number);
    }
    // The plan's order, but for what a rename could not move and came later.
    const inOrder = (a: number, b: number): boolean => this.#pathOf(a) < this.#pathOf(b);
    for (const numbers of directories.values())
      if (!numbers.every((number, at) => at === 0 || inOrder(numbers[at - 1] ?? 0, number)))
        numbers.sort((a, b) => (inOrder(a, b) ? -1 : 1));
    return directories;
  }

  #pathOf(number: number): string {
    return this.#changes[number]?.path ?? '';
  }
}

/**
 * Notes in the base, before anything is touched, what takes two steps: a directory that makes way for a file or link, or the
 * reverse. Killed between the two, the path is missing, and nobody has deleted it.
 * @returns whether anything had to be noted.
 */
export function noteReplacing(base: Base, { changes }: Plan): boolean {
  let noted = false;
  for (const { path, verb, old, new: wanted } of changes) {
    const based = base.get(path);
    if (verb !== 'replace' || based === undefined) continue;
    if ((old?.kind === 'directory') === (wanted.kind === 'directory') || based.replacing === true) continue;
    base.set(path, { ...based, replacing: true });
    noted = true;
  }
  return noted;
}

/** Nobody has written to it between the publishing and the look: that would have moved its mtime. */
function isAsMade(placed: Entry, { verb, new: wanted, old, fix }: Change): boolean {
  const time = verb === 'attributes' && fix?.time !== true ? old : wanted;
  const file = verb === 'attributes' ? old : wanted;
  if (placed.kind !== 'file' || file?.kind !== 'file' || placed.size !== file.size || time === undefined) return false;
  // A time is set by a double, to the microsecond.
  return placed.seconds === time.seconds && Math.abs(placed.nanoseconds - time.nanoseconds) < 1000;
}

/** @param planned what `merge` wants recorded; its attributes are the image's, whatever was given to the file. */
export function seededWith(
  { change, proof, sha256 }: Done & { readonly sha256: string | undefined },
  planned: Based | undefined,
  before: Based | undefined,
): Based | undefined {
  if (change.verb === 'attributes' && planned === undefined) {
    if (before === undefined || change.old === undefined) return undefined;
    const { mode, uid, gid } = change.new;
    const stillProven = isProven(change.old, before.volume);
    return { ...before, mode, uid, gid, volume: stillProven ? proof : before.volume };
  }
  const offer = before?.offer;
  if (planned === undefined) {
    const based = basedOn(change.new, sha256 ?? '', proof);
    return offer === undefined ? based : { ...based, offer };
  }
  const content = planned.kind === 'file' ? (sha256 ?? planned.content) : planned.content;
  // What is corrected and has no proof was edited: it has none afterwards.
  const proven = planned.kind === 'file' && (change.verb !== 'attributes' || planned.volume !== undefined);
  return { ...planned, content, volume: proven ? proof : undefined };
}

function since(based: Based, run: string): Based {
  return based.offer?.since === '' ? { ...based, offer: { ...based.offer, since: run } } : based;
}
