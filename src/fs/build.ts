/** Builds new content under a temporary name, complete with all its attributes: files, links, and directories with all below. */
import { LEAVE, SET_GID, type Directory, type File } from '../core/entry.ts';
import { codeOf, explain } from '../core/errors.ts';
import { nameOf, parentOf, ROOT, type Name, type RelPath } from '../core/path.ts';
import type { Change, Problem, Unit } from '../core/plan.ts';
import type { Proof } from '../core/base.ts';
import type { Fix } from '../core/reconcile.ts';
import type { Makings } from '../core/makings.ts';
import type { Progress } from '../core/progress.ts';
import type { Pulse } from '../core/pulse.ts';
import { ONE_NAME } from '../core/words.ts';
import type { Anchor } from './anchor.ts';
import { ALL_ATTRIBUTES, applyToBuilt, settleNewDirectory } from './attributes.ts';
import { copyLarge, readSmall, SMALL, takeBack, writeSmall, type Birth, type Source } from './copy.ts';
import type { Crew } from './crew.ts';
import { close, isMissing, makeDirectory, makeLink, openDirectory, removeFile } from './disk.ts';
import { rawHashOf } from './hash.ts';
import type { Parts } from './parts.ts';
import { isTransient, removingOwn } from './patience.ts';
import { SeedChanged } from './seed.ts';
import { IN_ONE_GO } from './transfer.ts';
import { BATCH_FILES, type Place } from './shared.ts';
import { UnderWay } from './under-way.ts';

export interface Workshop {
  readonly source: Source;
  /** The directory that units are built in, as an anchor of its own. */
  readonly place: Anchor;
  readonly birth: Birth;
  readonly privileged: boolean;
  readonly pulse: Pulse;
  readonly problem: (problem: Problem) => void;
  /** Which files are hashed as they are written: what is in memory anyway, or all. Where undefined nothing is noted at all. */
  readonly proving: 'small' | 'all' | undefined;
  /** Where large files are while they are copied; undefined where that is in `place`. */
  readonly parts: Parts | undefined;
  readonly progress: Progress | undefined;
  /** A second thread for small files; undefined where there is none. */
  readonly crew: Crew<Job> | undefined;
  /** What is known of each file that was built. */
  readonly made: Makings;
}

/** What reading the seed may come to, and writing to the stage, where nobody else works, does not. */
const SEED_SIDE = new Set(['EACCES', 'ELOOP', 'ENOENT', 'ENOTDIR', 'EPERM', 'ENXIO']);
const BATCH_BYTES = 4 * 1024 * 1024;

/** What symlink(2) says where there are none: FAT in the kernel, exFAT over FUSE, some network file systems. */
const NO_SYMBOLIC_LINKS = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

export interface Job {
  readonly change: Change;
  /** Its number among what is known of files; -1 where nothing is to be. */
  readonly number: number;
  readonly entry: File;
  /** The directory of the stage, and the name in it. */
  readonly directory: RelPath;
  readonly name: Name;
}

export class Builder {
  readonly #shop: Workshop;
  readonly #failed = new Set<RelPath>();
  #batch: Job[] = [];
  #bytes = 0;
  #buffer: Uint8Array | undefined;
  readonly #unfinished: { readonly top: Change; readonly below: readonly Change[]; readonly name: Name }[] = [];

  /** What is being written. */
  #writing: Change | undefined;
  readonly #underWay: UnderWay;

  constructor(shop: Workshop) {
    const ownerRefused = (): void => {
      if (this.#writing !== undefined) this.#ownerRefused(this.#writing);
    };
    this.#shop = { ...shop, birth: { ...shop.birth, ownerRefused } };
    this.#underWay = new UnderWay(shop.pulse);
  }

  /** Adds a unit under a name; its small files may wait for `flush`. */
  async add({ top, below }: Unit, name: Name): Promise<void> {
    await this.#build(top, ROOT, name);
    if (top.new.kind !== 'directory') return;
    for (const change of below) {
      const place = `${name}${change.path.slice(top.path.length)}` as RelPath;
      await this.#build(change, parentOf(place), nameOf(place));
    }
    await this.flush();
    // What has still to be copied would move the times of directories.
    if (this.#shop.crew === undefined && this.#underWay.isEmpty) this.#finishDirectories(top, below, name);
    else this.#unfinished.push({ top, below, name });
  }

  /** To be called once all units were added. */
  async complete(): Promise<void> {
    await this.flush();
    await this.#shop.crew?.finish(this.#shop.pulse, this.#told);
    await this.#underWay.finish();
    for (const { top, below, name } of this.#unfinished.splice(0)) {
      try {
        this.#finishDirectories(top, below, name);
      } catch (error) {
        if (!isTransient(error)) throw error;
        this.#failed.add(top.path);
        this.#shop.problem({ path: top.path, kind: 'failed', message: `cannot be written: ${explain(error)}` });
      }
    }
  }

  /** Ends what is under way. To be called, once nothing more is added, before what it works in is closed. */
  async abandon(): Promise<void> {
    await this.#underWay.abandon();
  }

  /** Whether a change could not be staged. */
  failed(change: Change): boolean {
    return this.#failed.has(change.path);
  }

  async #build(change: Change, directory: RelPath, name: Name): Promise<void> {
    const { pulse, place } = this.#shop;
    if (pulse.due()) await pulse.beat();
    const entry = change.new;
    if (entry.kind === 'file') return this.#file({ change, entry, directory, name, number: this.#numberOf(change) });
    place.moveTo(directory);
    if (entry.kind === 'directory') {
      if (!this.#unlessTaken(change, () => makeDirectory(name, 0o700))) return;
      // Born in a directory that hands its group down, it would hand it on, and is not always to.
      settleNewDirectory(name, 0o700 | (entry.mode & SET_GID));
    } else {
      const { target } = entry;
      this.#attempt(change, { change, directory, name }, () => {
        if (this.#link(change, target, name)) this.#attributes(change, name, ALL_ATTRIBUTES);
      });
    }
  }

  async #file(job: Job): Promise<void> {
    if (job.entry.size > SMALL) return this.#large(job);
    const last = this.#batch.at(-1);
    const elsewhere =
      last !== undefined &&
      (last.directory !== job.directory || parentOf(last.change.path) !== parentOf(job.change.path));
    if (elsewhere || this.#bytes + job.entry.size > BATCH_BYTES || this.#batch.length === BATCH_FILES)
      await this.flush();
    this.#batch.push(job);
    this.#bytes += job.entry.size;
  }

  /** Returns while it is under way, where it goes by pieces: the next file can begin beside it. */
  async #large(job: Job): Promise<void> {
    if (job.entry.size <= IN_ONE_GO) return await this.#copyLarge(job);
    await this.#underWay.begin(() => this.#copyLarge(job));
  }

  async #copyLarge({ change, entry, directory, name, number }: Job): Promise<void> {
    const { source, place, parts, progress, proving, made } = this.#shop;
    try {
      const bound = {
        enterStage: () => place.moveTo(directory),
        to: name,
        as: change.path,
        birth: { ...this.#shop.birth, ownerRefused: () => this.#ownerRefused(change) },
        pulse: this.#underWay.pulse,
        parts,
        progress,
        hashing: proving === 'all',
      };
      const copied = await copyLarge(source, change.from ?? change.path, entry, bound);
      if (proving !== undefined) made.set(number, copied);
    } catch (error) {
      this.#fail(change, error);
    }
  }

  /** Writes what waits, or hands it to the second thread. */
  async flush(): Promise<void> {
    this.#underWay.throwIfEnded();
    const { crew, pulse } = this.#shop;
    const batch = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    crew?.collect(this.#told);
    const isOurs = crew === undefined || batch.length < crew.worthwhile || !crew.isFree;
    if (isOurs || !this.#handOver(crew, batch)) this.#copy(batch);
    if (pulse.due()) await pulse.beat();
  }

  /** False where its files do not lie in one directory of the seed, or that cannot be opened: whoever copies them tells of it. */
  #handOver(crew: Crew<Job>, batch: readonly Job[]): boolean {
    const { source, place, proving } = this.#shop;
    const [first] = batch;
    if (first === undefined) return true;
    // What is offered beside a conflict has another name, and may one day have another directory.
    const isAstray = ({ change: { from, path } }: Job): boolean =>
      from !== undefined && parentOf(from) !== parentOf(path);
    if (batch.some(isAstray)) return false;
    let seed: number | undefined;
    try {
      seed = source.directory?.(first.change.from ?? first.change.path);
      if (seed === undefined) return false;
      const files = batch.map((job) => {
        const from = job.change.from ?? job.change.path;
        const known = proving === undefined ? undefined : source.hash?.(from);
        if (known !== undefined) this.#shop.made.setHash(job.number, known);
        const hashing = proving !== undefined && known === undefined;
        return { job, from: nameOf(from), to: job.name, entry: job.entry, hashing };
      });
      place.moveTo(first.directory);
      crew.take({ seed, stage: openDirectory('.'), proving: proving !== undefined, files });
      return true;
    } catch (error) {
      if (seed !== undefined) close(seed);
      if (codeOf(error) === undefined && !(error instanceof SeedChanged)) throw error;
      return false;
    }
  }

  readonly #told = (job: Job, from: Place | undefined, at: number, mayBeThere: boolean): void => {
    const { made, proving } = this.#shop;
    if (from === undefined) {
      // Else it would be in its own way, and be published as it is.
      if (mayBeThere) this.#takeBack(job, new Error('the second thread could not finish it'));
      return this.#copy([job]);
    }
    if (proving === undefined) return;
    const { inode, changed } = from.proofAt(at);
    made.setProof(job.number, inode, changed);
    if (from.isHashed(at)) made.setHash(job.number, from.hashes, at * 32);
  };

  /** Reads all in the seed's directory, then writes all in the stage's. */
  #copy(batch: readonly Job[]): void {
    const [first] = batch;
    if (first === undefined) return;
    const { source, place, birth, proving, made } = this.#shop;
    const buffer = (this.#buffer ??= new Uint8Array(BATCH_BYTES + SMALL));

    let offset = 0;
    const read: { job: Job; offset: number; known: string | undefined }[] = [];
    for (const job of batch) {
      try {
        const known = readSmall(source, job.change.from ?? job.change.path, job.entry, buffer, offset);
        read.push({ job, offset, known });
        offset += job.entry.size;
      } catch (error) {
        this.#fail(job.change, error);
      }
    }
    let isThere = false;
    for (const { job, offset: at, known } of read) {
      this.#writing = job.change;
      this.#attempt(job.change, job, () => {
        if (!isThere) place.moveTo(first.directory);
        isThere = true;
        let proof: Proof | undefined;
        const write = (): void => {
          proof = writeSmall(job.name, job.entry, birth, buffer, at, proving !== undefined);
        };
        if (!this.#unlessTaken(job.change, write) || proof === undefined) return;
        made.setProof(job.number, proof.inode, proof.changed);
        made.setHash(job.number, known ?? rawHashOf(buffer.subarray(at, at + job.entry.size)));
      });
    }
  }

  #numberOf(change: Change): number {
    return this.#shop.proving === undefined ? -1 : this.#shop.made.add(change);
  }

  /** Deepest first, because filling a directory moves its mtime and a mode may close it. */
  #finishDirectories(top: Change, below: readonly Change[], name: Name): void {
    const { place } = this.#shop;
    for (const change of [top, ...below].toReversed()) {
      if (change.new.kind !== 'directory') continue;
      const path = `${name}${change.path.slice(top.path.length)}` as RelPath;
      place.moveTo(parentOf(path));
      const late = change === top && isLate(change.new, this.#shop.privileged);
      this.#attributes(change, nameOf(path), { ...ALL_ATTRIBUTES, mode: !late });
    }
  }

  /** What patience did not help against is that path's problem, too; what was begun of it is taken away. */
  #attempt({ path }: Change, where: Pick<Job, 'change' | 'directory' | 'name'>, action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!isTransient(error)) throw error;
      this.#takeBack(where, error);
      this.#failed.add(path);
      this.#shop.problem({ path, kind: 'failed', message: `cannot be written: ${explain(error)}` });
    }
  }

  /** Throws `Leftover`. */
  #takeBack({ change, directory, name }: Pick<Job, 'change' | 'directory' | 'name'>, reason: unknown): void {
    takeBack(change.path, reason, () => {
      this.#shop.place.moveTo(directory);
      removingOwn(() => removeFile(name));
    });
  }

  /** The stage is ours alone: what has the name there is another path of the seed, and the name is one for this file system. */
  #unlessTaken(change: Change, create: () => void): boolean {
    try {
      create();
      return true;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      this.#fail(change, error);
      return false;
    }
  }

  /** False where the file system has no such thing, which is the problem of this path and not of the others. */
  #link(change: Change, target: string, name: Name): boolean {
    try {
      return this.#unlessTaken(change, () => makeLink(name, target));
    } catch (error) {
      if (!NO_SYMBOLIC_LINKS.has(codeOf(error) ?? '')) throw error;
      this.#failed.add(change.path);
      const message = `cannot be made: the volume's file system has no symbolic links (${explain(error)})`;
      this.#shop.problem({ path: change.path, kind: 'failed', message });
      return false;
    }
  }

  /** Without its owner where the file system holds none: as much as can be, and a problem of this path. */
  #attributes(change: Change, name: Name, fix: Fix): void {
    try {
      applyToBuilt(name, change.new, fix);
    } catch (error) {
      if (!fix.owner || codeOf(error) !== 'EPERM') throw error;
      this.#ownerRefused(change);
      applyToBuilt(name, change.new, { ...fix, owner: false });
    }
  }

  #ownerRefused({ path, new: { uid, gid } }: Change): void {
    const message = `its owner cannot be set to ${nameOwner(uid)}:${nameOwner(gid)}: ${explain({ code: 'EPERM' })}; --chown can ask for the one that the volume has`;
    this.#shop.problem({ path, kind: 'failed', message });
  }

  /** What went wrong on the seed's side is that path's problem; what went wrong on the stage's ends the staging. */
  #fail(change: Change, error: unknown): void {
    if (codeOf(error) === 'EEXIST') {
      this.#failed.add(change.path);
      return this.#shop.problem({ path: change.path, kind: 'failed', message: ONE_NAME });
    }
    const seedSide = error instanceof SeedChanged || SEED_SIDE.has(codeOf(error) ?? '') || isTransient(error);
    if (!seedSide) throw error;
    this.#failed.add(change.path);
    if (isMissing(error))
      return this.#shop.problem({ path: change.path, kind: 'vanished', message: 'vanished from the seed' });
    const message = error instanceof SeedChanged ? error.message : `cannot be read in the seed: ${explain(error)}`;
    this.#shop.problem({ path: change.path, kind: 'failed', message });
  }
}

function nameOwner(id: number): string {
  return id === LEAVE ? '' : String(id);
}

export function isLate(directory: Directory, privileged: boolean): boolean {
  return !privileged && (directory.mode & 0o300) !== 0o300;
}
