/**
 * Where new content waits until it is published: below `stage/<run>/` in the state directory; or beside its final name, as
 * `.NAME.volseed-XXXXXX`, where a rename from there would cross a file system or lose the group that a directory hands down.
 *
 * Fail: what was staged is removed, or left to the next run's sweep, and the volume is as before.
 */
import { availableParallelism } from 'node:os';
import type { Directory } from '../core/entry.ts';
import { codeOf, explain, VolseedError, VolumeError } from '../core/errors.ts';
import { groupsOf, settleGroups } from '../core/groups.ts';
import { Makings } from '../core/makings.ts';
import { displayText, join, nameOf, parentOf, type Name, type RelPath } from '../core/path.ts';
import { unitsOf, type Change, type Plan, type Problem, type Unit } from '../core/plan.ts';
import { LONG, type Progress } from '../core/progress.ts';
import type { Pulse } from '../core/pulse.ts';
import type { Anchor } from './anchor.ts';
import { Builder, isLate, type Job } from './build.ts';
import { SMALL, type Birth, type Source } from './copy.ts';
import { Crew, MANY } from './crew.ts';
import { byHandle, close, createFile, hasProc, makeDirectory, removeFile } from './disk.ts';
import { look, lookAt, proofAt } from './look.ts';
import { openToFlush, type Opener } from './flush.ts';
import { isTransient, removingOwn } from './patience.ts';
import { withWritable } from './writable.ts';
import type { StateDirectory } from './private.ts';
import { Parents } from './parents.ts';
import { Parts, PARTS, STAGE } from './parts.ts';
import { randomHex } from './random.ts';
import { removeTree } from './remove.ts';
import { BESIDE, giveBack, HELD, noteOf, OF_THE_DIRECTORY, removeBesides } from './sweep.ts';
import type { Identity } from '../core/identity.ts';

/** One unit, ready to be moved into place. */
export interface Staged {
  readonly unit: Unit;
  /** A path that rename takes while the unit's own directory is the working directory. */
  readonly from: string;
  /** The same as a path below the stage's root, or, beside, below the volume's. */
  readonly place: RelPath;
  /** Whether `from` is in the state directory, where what it replaces may be put away for a moment. */
  readonly aside: boolean;
  /** A directory that its owner may not write cannot be moved: it gets its mode once it is in place. */
  readonly lateMode: boolean;
}

export interface Site {
  readonly source: Source;
  readonly volume: Anchor;
  readonly state: StateDirectory;
  readonly self: Identity;
  readonly pulse: Pulse;
  readonly problem: (problem: Problem) => void;
  readonly proving?: 'small' | 'all' | undefined;
  readonly progress?: Progress | undefined;
  /** How many threads copy small files: 1 or 2; undefined for as many as there is work and processors for. */
  readonly threads?: number | undefined;
}

export class Stage {
  readonly #site: Site;
  readonly #run: Name;
  /** The run's directory; it never moves. */
  readonly #place: Anchor;
  /** The same, for going to and fro in it. */
  readonly #walker: Anchor;
  readonly #birth: Birth;
  readonly #parts: Parts;
  readonly #device: bigint;
  /** Names of temporary files beside their final names, so that the next run finds them if this one dies. */
  readonly #besides: RelPath[] = [];
  #serial = 0;
  #holds = false;
  /** What is known of each file that was built, where that is asked for. */
  readonly made = new Makings();

  private constructor(site: Site, run: string) {
    this.#site = site;
    this.#run = run as Name;
    this.#place = site.state.anchor.fork();
    this.#place.here();
    const found = look(STAGE);
    // Whoever owns it could swap what is in it.
    if (found?.kind !== 'directory' || found.uid !== site.self.uid) {
      removeTree(this.#place, STAGE);
      makeDirectory(STAGE, 0o700);
    }
    this.#place.down(STAGE);
    const room = this.#place.fork();
    // With the set-group-id bit, which it has where the state directory once had it, it would hand its group down.
    byHandle.changeMode(this.#place.descriptor, 0o700);
    makeDirectory(this.#run, 0o700);
    this.#place.down(this.#run);
    this.#walker = this.#place.fork();
    this.#birth = probe();
    this.#parts = new Parts(room, this.#birth);
    this.#device = lookAt(this.#place.descriptor).witness.device;
  }

  static open(site: Site, run: string): Stage {
    return new Stage(site, run);
  }

  /** Builds everything a plan wants built. Throws what ends the staging as a whole (no space, an I/O error, a signal). */
  async fill(plan: Plan): Promise<Staged[]> {
    const staged: Staged[] = [];
    const parents = new Parents(this.#site, plan, this.#isOurs);
    const crew = this.#crewFor(plan);
    const builder = this.#builderAt(this.#walker, this.#birth, this.#parts, crew);
    try {
      for (const unit of unitsOf(plan.changes)) {
        const parent = this.#attempt(unit, () => parents.of(unit.top.path));
        if (parent === undefined) continue;
        const settled = settleGroups(unit, parent, this.#birth.gid, this.#isOurs);
        const movable = parent.witness.device === this.#device && this.#mayGive(settled);
        staged.push(...(movable ? await this.#aside(builder, settled) : await this.#beside(unit)));
      }
      await builder.complete();
    } catch (error) {
      if (error instanceof VolseedError || codeOf(error) === undefined) throw error;
      throw this.#asBefore(error);
    } finally {
      await builder.abandon();
      await crew?.end();
    }
    return staged.flatMap((item) => withoutFailed(item, builder));
  }

  /** Builds units beside their final names, though the stage seemed to be on the same file system. */
  async fillBeside(units: readonly Unit[]): Promise<Staged[]> {
    const staged: Staged[] = [];
    this.made.restart();
    for (const unit of units) staged.push(...(await this.#beside(unit)));
    return staged;
  }

  /** What was built, to be flushed before it is published. */
  written(staged: readonly Staged[]): Opener[] {
    return staged.flatMap(({ unit, place, aside }) => {
      const anchor = aside ? this.#walker : this.#site.volume;
      return [unit.top, ...unit.below]
        .filter(({ new: { kind } }) => kind !== 'link')
        .map(({ path }) => () => {
          const built = `${place}${path.slice(unit.top.path.length)}` as RelPath;
          anchor.moveTo(parentOf(built));
          return openToFlush(nameOf(built));
        });
    });
  }

  /** To be called before anything is published: if this run dies, the next gives the directories back what they had. */
  hold(plan: Plan, root: Directory): void {
    try {
      this.#site.state.replace(`stage/${this.#run}/${HELD}`, Buffer.from(noteOf(plan, root)), false);
      this.#holds = true;
    } catch (error) {
      throw this.#asBefore(error);
    }
  }

  /** To be called once all is published, and the directories have what they had. */
  release(): void {
    this.#holds = false;
  }

  #asBefore(error: unknown): VolumeError {
    const volume = displayText(this.#site.volume.root);
    const message = `new content could not be staged for ${volume}: ${explain(error)}; the volume is as before`;
    return new VolumeError(message, { cause: error });
  }

  /** What was built, in bytes. */
  bytes(staged: readonly Staged[]): number {
    const changes = staged.flatMap(({ unit: { top, below } }) => [top, ...below]);
    return changes.reduce((sum, { new: entry }) => sum + (entry.kind === 'file' ? entry.size : 0), 0);
  }

  /** Once all of it is on the disk: from here on a large file has one name, and what is published is complete. */
  settle(staged: readonly Staged[]): void {
    for (const { unit, aside } of staged) {
      for (const change of aside ? [unit.top, ...unit.below] : []) {
        const { path, new: entry } = change;
        if (entry.kind !== 'file' || entry.size < LONG) continue;
        this.#parts.settle(path, (handle) => {
          const { inode, changed } = proofAt(handle);
          this.made.correct(change, inode, changed);
        });
      }
    }
  }

  /** Removes all that is left of it; after a signal, which leaves a second and no more, that is for the next run's sweep. */
  [Symbol.dispose](): void {
    this.#walker.close();
    this.#place.close();
    this.#parts.close();
    if (this.#site.pulse.ended) return;
    try {
      this.#removeAll();
    } catch (error) {
      // What is published is published: the next run's sweep is better placed to say what is wrong here.
      if (codeOf(error) === undefined) throw error;
    }
  }

  #removeAll(): void {
    const { state, volume, self } = this.#site;
    this.#removeBesides();
    if (this.#holds && !giveBack(state, this.#run, volume, self)) return;
    const anchor = this.#site.state.anchor.fork();
    try {
      anchor.down(STAGE);
      removeTree(anchor, this.#run);
      removeTree(anchor, PARTS);
    } finally {
      anchor.close();
    }
  }

  /** A new directory of its own, for what the stage is to be filled from. */
  room(name: Name): Anchor {
    const anchor = this.#place.fork();
    anchor.here();
    makeDirectory(name, 0o700);
    anchor.down(name);
    return anchor;
  }

  /** A name to put away what is being replaced. */
  get trash(): string {
    return `${this.#place.path}/old-${++this.#serial}`;
  }

  #mayGive(unit: Unit): boolean {
    return [...groupsOf(unit)].every((gid) => gid === this.#birth.gid || this.#isOurs(gid));
  }

  readonly #isOurs = (gid: number): boolean => this.#site.self.privileged || this.#site.self.groups.has(gid);

  /** One, or none where not even its directories could be made. */
  async #aside(builder: Builder, unit: Unit): Promise<Staged[]> {
    const name = String(++this.#serial) as Name;
    try {
      await builder.add(unit, name);
    } catch (error) {
      if (!isTransient(error)) throw error;
      return this.#failed(unit, error);
    }
    const place = name as string as RelPath;
    return [{ unit, from: `${this.#place.path}/${name}`, place, aside: true, lateMode: this.#isLate(unit.top) }];
  }

  #failed({ top }: Unit, error: unknown): Staged[] {
    this.#site.problem({ path: top.path, kind: 'failed', message: `cannot be written: ${explain(error)}` });
    return [];
  }

  /** One, or none where its own directory cannot be worked in: that is a problem of the path, and the rest goes on. */
  async #beside(unit: Unit): Promise<Staged[]> {
    const { volume, self } = this.#site;
    const directory = parentOf(unit.top.path);
    // The longest name that a file system takes is 255 bytes.
    const name = `.${nameOf(unit.top.path).slice(0, 200)}.volseed-${randomHex(6)}` as Name;
    const place = join(directory, name);
    this.#note(place);
    const item = { unit, from: name, place, aside: false, lateMode: this.#isLate(unit.top) };
    try {
      volume.moveTo(directory);
      const built: Staged[] = [];
      await withWritable(volume, directory, self, async () => {
        built.push(...(await this.#buildIn(volume, item, name)));
      });
      return built;
    } catch (error) {
      if (!OF_THE_DIRECTORY.has(codeOf(error) ?? '') && !isTransient(error)) throw error;
      return this.#failed(unit, error);
    }
  }

  async #buildIn(volume: Anchor, item: Staged, name: Name): Promise<Staged[]> {
    const place = volume.fork();
    const builder = this.#builderAt(place, { ...this.#birth, certain: false });
    try {
      await builder.add(item.unit, name);
      await builder.complete();
      return withoutFailed(item, builder);
    } finally {
      await builder.abandon();
      place.close();
    }
  }

  /** Undefined where one thread is enough, or there is nothing for another one. */
  #crewFor({ changes }: Plan): Crew<Job> | undefined {
    const { source, threads } = this.#site;
    const fits = hasProc && source.directory !== undefined && threads !== 1;
    if (!fits || (threads === undefined && (!isMany(changes) || availableParallelism() < 2))) return undefined;
    return Crew.start(this.#birth, threads === 2);
  }

  #builderAt(place: Anchor, birth: Birth, parts?: Parts, crew?: Crew<Job>): Builder {
    const { source, pulse, problem, progress, self, proving } = this.#site;
    const known = { source, place, birth, pulse, parts, problem, progress, crew, proving, made: this.made };
    return new Builder({ ...known, privileged: self.privileged });
  }

  #attempt<T>(unit: Unit, action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (!OF_THE_DIRECTORY.has(codeOf(error) ?? '') && !isTransient(error)) throw error;
      this.#failed(unit, error);
      return undefined;
    }
  }

  #note(path: RelPath): void {
    this.#besides.push(path);
    this.#site.state.replace(`stage/${this.#run}/${BESIDE}`, Buffer.from(JSON.stringify(this.#besides)), false);
  }

  #removeBesides(): void {
    removeBesides(this.#site.volume, this.#besides, this.#site.self);
  }

  #isLate({ new: entry }: Change): boolean {
    return entry.kind === 'directory' && isLate(entry, this.#site.self.privileged);
  }
}

/** Whether there are so many small files that another thread is worth its start. */
function isMany(changes: readonly Change[]): boolean {
  if (changes.length < MANY) return false;
  return changes.filter(isSmall).length >= MANY;
}

function isSmall({ verb, new: entry }: Change): boolean {
  return verb !== 'attributes' && entry.kind === 'file' && entry.size <= SMALL;
}

/** A unit without what could not be built; none where that is its top. */
function withoutFailed(item: Staged, builder: Builder): Staged[] {
  const { top, below } = item.unit;
  if (builder.failed(top)) return [];
  return [{ ...item, unit: { top, below: below.filter((change) => !builder.failed(change)) } }];
}

function probe(): Birth {
  const name = 'probe' as Name;
  const descriptor = createFile(name, 0o777);
  try {
    const { uid, gid, mode } = lookAt(descriptor);
    return { uid, gid, certain: mode === 0o777 };
  } finally {
    close(descriptor);
    removingOwn(() => removeFile(name));
  }
}
