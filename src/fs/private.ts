/** The state directory: opened from the volume's root without following anything, ours, and closed to everybody else. */
import fs from 'node:fs';
import type { Entry, Witness } from '../core/entry.ts';
import { codeOf, explain, Refused, VolumeError } from '../core/errors.ts';
import { displayText, fromText, ROOT, type Name } from '../core/path.ts';
import type { PrivateDirectory, Sink } from '../core/private.ts';
import { Anchor } from './anchor.ts';
import { putBackTime } from './attributes.ts';
import {
  byHandle,
  close,
  hasProc,
  isMissing,
  makeDirectoryIfMissing,
  NO_HARD_LINKS,
  openHandle,
  readInto,
  write,
} from './disk.ts';
import { look, lookAt } from './look.ts';
import { makingName, patient, patiently, removingOwn } from './patience.ts';
import { randomHex } from './random.ts';
import { removeTree } from './remove.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;

const PIECE = 256 * 1024;
/** Some want only the head. */
const FIRST_PIECE = 8 * 1024;
/** Bytes; no state of ours is larger, and what is cannot be read whole. */
const LARGEST = 1024 ** 3;

export const STATE_NAME = '.volseed';

/** What file systems put at the root of a mount. */
export const OF_THE_FILE_SYSTEM: ReadonlySet<string> = new Set(['lost+found', '.snapshot']);

export class StateDirectory implements PrivateDirectory {
  readonly anchor: Anchor;
  readonly shownAs: string;

  private constructor(anchor: Anchor, shownAs: string) {
    this.anchor = anchor;
    this.shownAs = shownAs;
  }

  /** `.volseed` at the volume's root, or a directory of the operator's choice; made where it is missing. */
  static open(volume: Anchor, chosen: string | undefined): StateDirectory {
    return chosen === undefined ? StateDirectory.#below(volume, STATE_NAME as Name) : StateDirectory.#at(chosen);
  }

  /** The same where it exists, for those who only read: nothing is made, nothing is mended. */
  static look(volume: Anchor | undefined, chosen: string | undefined): StateDirectory | undefined {
    if (chosen !== undefined) return StateDirectory.#lookAt(chosen);
    if (volume === undefined) return undefined;
    volume.moveTo(ROOT);
    return StateDirectory.#existing(volume.fork(), STATE_NAME as Name, `${displayText(volume.root)}/${STATE_NAME}`);
  }

  static lookAtBackups(state: StateDirectory | undefined, chosen: string | undefined): StateDirectory | undefined {
    if (chosen !== undefined) return StateDirectory.#lookAt(chosen);
    if (state === undefined) return undefined;
    return StateDirectory.#existing(state.anchor.fork(), 'backups' as Name, `${state.shownAs}/backups`);
  }

  static #lookAt(path: string): StateDirectory | undefined {
    try {
      return new StateDirectory(Anchor.open(path), displayText(path));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw new VolumeError(`${displayText(path)} cannot be opened: ${explain(error)}`, { cause: error });
    }
  }

  static #existing(anchor: Anchor, name: Name, shownAs: string): StateDirectory | undefined {
    try {
      anchor.here();
      const found = look(name);
      if (found !== undefined) {
        refuseForeign(found, shownAs);
        anchor.down(name);
        // It may have been swapped since the look.
        refuseForeign(lookAt(anchor.descriptor), shownAs);
        return new StateDirectory(anchor, shownAs);
      }
    } catch (error) {
      anchor.close();
      throw error;
    }
    anchor.close();
    return undefined;
  }

  /** `backups` in the state directory, or a directory that the operator answers for; made where it is missing. */
  static backups(state: StateDirectory, chosen: string | undefined): StateDirectory {
    if (chosen === undefined) {
      const inside = state.anchor.fork();
      try {
        return StateDirectory.#below(inside, 'backups' as Name, state.shownAs);
      } finally {
        inside.close();
      }
    }
    try {
      fs.mkdirSync(chosen, { recursive: true, mode: 0o700 });
      return new StateDirectory(Anchor.open(chosen), displayText(chosen));
    } catch (error) {
      throw new VolumeError(`the backup directory ${displayText(chosen)} cannot be used: ${explain(error)}`, {
        cause: error,
      });
    }
  }

  static #below(volume: Anchor, name: Name, parent = displayText(volume.root)): StateDirectory {
    const shownAs = `${parent}/${displayText(name)}`;
    volume.moveTo(ROOT);
    const anchor = volume.fork();
    try {
      anchor.here();
      const before = lookAt(anchor.descriptor);
      if (createIfMissing(name, shownAs, volume.root)) putBackTime(anchor.descriptor, before);
      const { inode, device } = secure(name, shownAs);
      anchor.down(name);
      const entered = lookAt(anchor.descriptor).witness;
      if (entered.inode !== inode || entered.device !== device) {
        throw new Refused(
          `${shownAs} was swapped while it was opened; see who else writes to the volume, and run again`,
        );
      }
      return new StateDirectory(anchor, shownAs);
    } catch (error) {
      anchor.close();
      throw error;
    }
  }

  /** Its parent is trusted; itself is checked like any other. */
  static #at(path: string): StateDirectory {
    const cut = path.lastIndexOf('/');
    const parent = path.slice(0, cut) || '/';
    let anchor: Anchor;
    try {
      fs.mkdirSync(parent, { recursive: true, mode: 0o755 });
      anchor = Anchor.open(parent);
    } catch (error) {
      throw new VolumeError(
        `the state directory ${displayText(path)} cannot be made: ${explain(error)}; see --state-dir`,
        {
          cause: error,
        },
      );
    }
    try {
      return StateDirectory.#below(anchor, fromText(path.slice(cut + 1)) as Name);
    } finally {
      anchor.close();
    }
  }

  get path(): string {
    return this.anchor.path;
  }

  [Symbol.dispose](): void {
    this.anchor.close();
  }

  read(name: string): Uint8Array | undefined {
    try {
      return patiently(() => readWhole(`${this.path}/${name}`));
    } catch (error) {
      if (isMissing(error) || codeOf(error) === 'ELOOP' || codeOf(error) === 'ENXIO') return undefined;
      throw error;
    }
  }

  create(name: string, content: Uint8Array): void {
    const descriptor = createAt(`${this.path}/${name}`);
    try {
      write(descriptor, content, 0, content.length);
    } catch (error) {
      this.remove(name);
      throw error;
    } finally {
      fs.closeSync(descriptor);
    }
  }

  sink(name: string): Sink {
    const descriptor = createAt(`${this.path}/${name}`);
    return {
      write: (bytes) => write(descriptor, bytes, 0, bytes.length),
      close: () => fs.closeSync(descriptor),
    };
  }

  *pieces(name: string): Iterable<Uint8Array> {
    const descriptor = openToRead(`${this.path}/${name}`);
    try {
      if (lookAt(descriptor).kind !== 'file')
        throw new Refused(`${this.shownAs}/${displayText(name)} is not a regular file; move it away`);
      for (let size = FIRST_PIECE; ; size = PIECE) {
        const buffer = new Uint8Array(size);
        const count = readInto(descriptor, buffer, 0, size);
        if (count > 0) yield buffer.subarray(0, count);
        if (count < size) return;
      }
    } finally {
      fs.closeSync(descriptor);
    }
  }

  token(bytes: number): string {
    return randomHex(bytes);
  }

  replace(name: string, content: Uint8Array, durable: boolean): void {
    const temporary = `${name}.${randomHex(8)}`;
    this.create(temporary, content);
    this.rename(temporary, name, durable);
  }

  rename(from: string, to: string, durable: boolean): void {
    if (durable) {
      const descriptor = patiently(() => fs.openSync(`${this.path}/${from}`, O_WRONLY | O_NOFOLLOW));
      try {
        fs.fdatasyncSync(descriptor);
      } finally {
        fs.closeSync(descriptor);
      }
    }
    try {
      renamePrivately(`${this.path}/${from}`, `${this.path}/${to}`);
    } catch (error) {
      // Whatever has the name is not ours: only a directory cannot be replaced by a rename.
      if (codeOf(error) !== 'EISDIR') throw error;
      this.remove(to);
      renamePrivately(`${this.path}/${from}`, `${this.path}/${to}`);
    }
  }

  remove(name: string): void {
    try {
      removingOwn(() => fs.unlinkSync(`${this.path}/${name}`));
    } catch (error) {
      if (isMissing(error)) return;
      // Whatever has the name is not ours: EISDIR on Linux, EPERM by POSIX.
      if (!['EISDIR', 'EPERM'].includes(codeOf(error) ?? '')) throw error;
      // It may be somebody's who swaps what is in it: rm by path would be led astray.
      const anchor = this.anchor.fork();
      try {
        removeTree(anchor, fromText(name) as Name);
      } finally {
        anchor.close();
      }
    }
  }

  link(name: string, other: string): boolean {
    try {
      patiently(() => fs.linkSync(`${this.path}/${name}`, `${this.path}/${other}`));
      return true;
    } catch (error) {
      // Nobody can guess the name: it was made by a try of ours whose answer was lost.
      if (codeOf(error) === 'EEXIST') return true;
      if (NO_HARD_LINKS.has(codeOf(error) ?? '')) return false;
      throw error;
    }
  }

  exists(name: string): boolean {
    return statOf(`${this.path}/${name}`) !== undefined;
  }

  holdsFile(name: string): boolean {
    return statOf(`${this.path}/${name}`)?.isFile() === true;
  }

  holdsEmptyFile(name: string): boolean {
    const stat = statOf(`${this.path}/${name}`);
    return stat?.isFile() === true && stat.size === 0;
  }

  holdsOpen(name: string): boolean {
    if (!hasProc) return true;
    const { dev, ino } = patiently(() => fs.lstatSync(`${this.path}/${name}`, { bigint: true }));
    return patiently(() => fs.readdirSync('/proc/self/fd')).some((descriptor) => {
      const stat = statOfDescriptor(Number(descriptor));
      return stat?.dev === dev && stat.ino === ino;
    });
  }

  names(): string[] {
    return patiently(() => fs.readdirSync(this.path));
  }
}

const statOf = patient((path: string) => fs.lstatSync(path, { throwIfNoEntry: false }));
const openToRead = patient((path: string) => fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));

function readWhole(path: string): Uint8Array | undefined {
  const descriptor = openToRead(path);
  try {
    const found = lookAt(descriptor);
    return found.kind === 'file' && found.size <= LARGEST ? fs.readFileSync(descriptor) : undefined;
  } finally {
    fs.closeSync(descriptor);
  }
}

function createAt(path: string): number {
  const create = (): number => fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    return create();
  } catch (error) {
    return makingName(create, error);
  }
}

/** Nobody else has the names, as long as the lock is ours: where a repetition finds the first one gone, it was moved. */
function renamePrivately(from: string, to: string): void {
  patiently((repeated) => {
    try {
      fs.renameSync(from, to);
    } catch (error) {
      if (!repeated || !isMissing(error)) throw error;
    }
  });
}

/** Undefined for the descriptor that listed the others, closed since. */
function statOfDescriptor(descriptor: number): fs.BigIntStats | undefined {
  try {
    return fs.fstatSync(descriptor, { bigint: true });
  } catch {
    return undefined;
  }
}

function createIfMissing(name: Name, shownAs: string, root: string): boolean {
  try {
    return makeDirectoryIfMissing(name, 0o700);
  } catch (error) {
    const denied = codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM';
    const way = denied ? wayOut(root) : 'mend that, or choose another place with --state-dir';
    throw new VolumeError(`cannot create ${shownAs}: ${explain(error)}; ${way}`, { cause: error });
  }
}

function wayOut(root: string): string {
  const { uid, gid, mode } = fs.statSync(root);
  const owner = `${displayText(root)} belongs to ${uid}:${gid} with mode ${(mode & 0o7777).toString(8)}`;
  const self = `this process runs as uid ${process.geteuid?.()}, gid ${process.getegid?.()}`;
  return `${self}, and ${owner}: run as its owner, give it to this user (chown, or fsGroup in Kubernetes), or set --state-dir`;
}

/** Ours and closed to others. The group that Kubernetes' fsGroup gives to everything in a volume is taken off again. */
function secure(name: Name, shownAs: string): Witness {
  let handle: number;
  try {
    handle = openHandle(name);
  } catch (error) {
    throw new VolumeError(`cannot open ${shownAs}: ${explain(error)}`, { cause: error });
  }
  try {
    const found = lookAt(handle);
    refuseForeign(found, shownAs);
    if (found.mode !== 0o700) byHandle.changeMode(handle, 0o700);
    return found.witness;
  } finally {
    close(handle);
  }
}

function refuseForeign(found: Entry, shownAs: string): void {
  const self = process.geteuid?.() ?? 0;
  if (found.kind !== 'directory') {
    throw new Refused(`${shownAs} is not a directory; move it away, or choose another place with --state-dir`);
  }
  if (found.uid !== self) {
    throw new Refused(
      `${shownAs} belongs to uid ${found.uid}, and this process runs as uid ${self}: what another user can write cannot be ` +
        `trusted as state; run as that user, remove it (its history is lost, no data), or set --state-dir`,
    );
  }
}
