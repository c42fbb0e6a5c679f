/**
 * A tree reached the safe way, which is also the fast one: each directory is opened from its parent (O_DIRECTORY|O_NOFOLLOW),
 * becomes the working directory through its descriptor, and its entries are reached by bare names. Whoever moves or swaps
 * directories meanwhile can send us nowhere: what was true when the directory was opened is true when it is used.
 *
 * The working directory belongs to the process, so one anchor at a time has it; `here` is cheap where it has it already.
 */
import fs from 'node:fs';
import type { Directory } from '../core/entry.ts';
import { Refused } from '../core/errors.ts';
import { namesOf, toText, type Name, type RelPath } from '../core/path.ts';
import { AS_DIRECTORY, AS_HANDLE, close, descriptorPath, hasProc, openDirectory } from './disk.ts';
import { changeDirectoryAtOnce, lookAt, openAtOnce } from './look.ts';
import { isTransient, patient } from './patience.ts';

interface Level {
  readonly name: Name | '';
  /** -1 where it was closed to stay below OPEN_AT_MOST; `..` leads back to it, and its identity is checked. */
  descriptor: number;
  readonly device: bigint;
  readonly inode: bigint;
}

/** Descriptors one anchor holds, so that a tree deeper than the limit on open files can be walked. */
const OPEN_AT_MOST = 64;

let owner: Anchor | undefined;

const changeDirectoryByPath = patient((path: string): void => process.chdir(path));

/**
 * Only where there is a /proc. Node does not notice that the working directory is another one: until `restore`, nobody may resolve a
 * relative path.
 */
function changeDirectory(descriptor: number): void {
  if (!changeDirectoryAtOnce(descriptor)) changeDirectoryByPath(descriptorPath(descriptor));
}

const openTrusted = patient((path: string): number => fs.openSync(path, AS_HANDLE | fs.constants.O_DIRECTORY));

export class Anchor {
  /** The path it was opened by, for people. */
  readonly root: string;
  readonly #levels: Level[] = [];

  private constructor(descriptor: number, root: string) {
    this.root = root;
    this.#levels.push(levelOf('', descriptor));
  }

  /** Opens a tree at a path that is trusted, links and all. Throws the kernel's error where it is no directory. */
  static open(root: string): Anchor {
    return new Anchor(openTrusted(root), root);
  }

  /** A second anchor, whose root is the directory that this one is in. */
  fork(): Anchor {
    return new Anchor(openTrusted(`${this.path}/.`), this.#named);
  }

  /** A path to the directory this anchor is in that no one can divert; for what cannot be reached by a bare name. */
  get path(): string {
    return hasProc ? descriptorPath(this.descriptor) : this.#named;
  }

  get #named(): string {
    return [this.root, ...this.#levels.slice(1).map(({ name }) => toText(name))].join('/');
  }

  /** The directory's own descriptor (O_PATH). */
  get descriptor(): number {
    return this.#level(this.#levels.length - 1).descriptor;
  }

  get descriptorOfRoot(): number {
    return this.#level(0).descriptor;
  }

  /** Makes the directory this anchor is in the working directory. */
  here(): void {
    if (owner === this) return;
    if (hasProc) {
      changeDirectory(this.descriptor);
    } else {
      process.chdir(this.root);
      for (const level of this.#levels) changeTo(level);
    }
    // oxlint-disable-next-line typescript/no-this-alias -- whose the working directory is
    owner = this;
  }

  /** Goes into a directory; the error is the kernel's where there is none, or it may not be entered. */
  down(name: Name): void {
    const level = levelOf(name, this.#open(name));
    try {
      changeTo(level);
    } catch (error) {
      close(level.descriptor);
      throw error;
    }
    this.#levels.push(level);
    // oxlint-disable-next-line typescript/no-this-alias -- whose the working directory is
    owner = this;
    const far = this.#levels.length - OPEN_AT_MOST;
    if (far > 0) this.#forget(far);
  }

  /** From elsewhere by way of the descriptor: to change the working directory twice would take three times as long. */
  #open(name: Name): number {
    const opened = hasProc ? openAtOnce(this.descriptor, name, AS_DIRECTORY) : undefined;
    if (opened !== undefined) return opened;
    if (owner !== this && hasProc) return openDirectory(`${descriptorPath(this.descriptor)}/${name}` as Name);
    this.here();
    return openDirectory(name);
  }

  up(): void {
    this.#leave();
    this.here();
  }

  #leave(): void {
    if (this.#levels.length < 2) throw new Error('already at the root');
    const level = this.#level(this.#levels.length - 1);
    const parent = this.#level(this.#levels.length - 2);
    if (parent.descriptor === -1) this.#reopen(parent);
    this.#levels.pop();
    close(level.descriptor);
    if (owner === this) owner = undefined;
  }

  /** Goes to a directory of the tree, by way of the nearest that the way there shares with where it is. */
  moveTo(path: RelPath): void {
    try {
      this.#goTo(path);
    } catch (error) {
      if (!isTransient(error)) throw error;
      // A handle that has gone stale stays so: the directories are looked up once more, from the root on.
      while (this.#levels.length > 1) this.#leave();
      this.#goTo(path);
    }
  }

  #goTo(path: RelPath): void {
    const names = namesOf(path);
    let shared = 0;
    while (shared < names.length && this.#levels[shared + 1]?.name === names[shared]) shared++;
    while (this.#levels.length - 1 > shared) this.#leave();
    for (const name of names.slice(shared)) this.down(name);
    this.here();
  }

  close(): void {
    for (const { descriptor } of this.#levels) if (descriptor !== -1) close(descriptor);
    this.#levels.length = 0;
    if (owner === this) owner = undefined;
  }

  #level(at: number): Level {
    const level = this.#levels[at];
    if (level === undefined) throw new Error('the anchor is closed');
    return level;
  }

  /** Closes the descriptor of a level far up; never that of the root. */
  #forget(at: number): void {
    const level = this.#level(at);
    if (level.descriptor === -1) return;
    close(level.descriptor);
    level.descriptor = -1;
  }

  #reopen(parent: Level): void {
    owner = undefined;
    this.here();
    const descriptor = openDirectory('..');
    const found = levelOf(parent.name, descriptor);
    if (found.device !== parent.device || found.inode !== parent.inode) {
      close(descriptor);
      throw new Refused('a directory was moved while volseed worked below it; run again once nobody moves directories');
    }
    parent.descriptor = descriptor;
  }
}

/** The directory that a process's relative paths start from, kept so that the service finds it as it was. */
export class WorkingDirectory {
  readonly #path: string;

  constructor() {
    // A descriptor reaches it even where its path is gone or may not be looked up.
    this.#path = hasProc ? descriptorPath(openDirectory('.')) : process.cwd();
  }

  restore(): void {
    owner = undefined;
    process.chdir(this.#path);
  }
}

/** The way into one level from the one above, which is the working directory. */
function changeTo(level: Level): void {
  owner = undefined;
  if (hasProc) return changeDirectory(level.descriptor);
  if (level.name !== '') process.chdir(toText(level.name));
  const found = levelOf(level.name, openDirectory('.'));
  close(found.descriptor);
  if (found.device !== level.device || found.inode !== level.inode) {
    throw new Refused('a directory was swapped while volseed worked, and there is no /proc to hold on to it');
  }
}

/** Closes the descriptor where it cannot be looked at. */
function levelOf(name: Name | '', descriptor: number): Level {
  try {
    const { device, inode } = (lookAt(descriptor) as Directory).witness;
    return { name, descriptor, device, inode };
  } catch (error) {
    close(descriptor);
    throw error;
  }
}
