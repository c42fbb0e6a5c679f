/**
 * Large files while they are copied, in `stage/parts/`, where a run that was interrupted leaves them to the next. Each is named
 * after its path alone: what is in it is believed as far as it is byte for byte the source's, which is looked at, and no further.
 * So it makes no difference what became of source or part meanwhile, on this boot or another one.
 */
import fs from 'node:fs';
import { codeOf } from '../core/errors.ts';
import type { Name, RelPath } from '../core/path.ts';
import type { Plan } from '../core/plan.ts';
import { LONG } from '../core/progress.ts';
import type { Anchor } from './anchor.ts';
import {
  changeMode,
  close,
  createFile,
  list,
  makeDirectory,
  NO_HARD_LINKS,
  openHandle,
  removeDirectory,
  rename,
  toArgument,
} from './disk.ts';
import { look } from './look.ts';
import type { StateDirectory } from './private.ts';
import { removeTree } from './remove.ts';

/** In the state directory: what is being built. */
export const STAGE = 'stage' as Name;
/** In the stage, beside the directories of runs. */
export const PARTS = 'parts' as Name;

export interface Part {
  readonly name: Name;
  readonly descriptor: number;
  /** Bytes; 0 where there was none. */
  readonly size: number;
}

export class Parts {
  /** The stage, as an anchor of its own, which is in the parts' directory once there is one. */
  readonly #anchor: Anchor;
  readonly #owner: { readonly uid: number; readonly gid: number };
  #open = false;

  constructor(stage: Anchor, owner: { readonly uid: number; readonly gid: number }) {
    this.#anchor = stage;
    this.#owner = owner;
  }

  /** What an interrupted run has left of a file, or a new one. */
  take(path: RelPath): Part {
    this.#enter();
    const name = nameOfPart(path);
    const found = look(name);
    if (found?.kind === 'file' && found.witness.links === 1 && this.#isOurs(found)) {
      const { O_NOFOLLOW, O_NONBLOCK, O_RDWR } = fs.constants;
      try {
        const descriptor = fs.openSync(toArgument(name), O_RDWR | O_NOFOLLOW | O_NONBLOCK);
        try {
          // Interrupted at the very end it has the mode of the file that it is to be.
          changeMode(descriptor, 0o600);
        } catch (error) {
          close(descriptor);
          throw error;
        }
        return { name, descriptor, size: found.size };
      } catch (error) {
        if (codeOf(error) !== 'EACCES') throw error;
      }
    }
    removeTree(this.#anchor, name);
    return { name, descriptor: createFile(name, 0o600), size: 0 };
  }

  /** Gives a part that is complete its name in the stage, where the caller is to lead; it is also kept here, where it can be. */
  place({ name }: Part, enterStage: () => void, to: Name): void {
    const from = `${this.#anchor.path}/${name}`;
    enterStage();
    try {
      fs.linkSync(toArgument(from), toArgument(to));
    } catch (error) {
      if (!NO_HARD_LINKS.has(codeOf(error) ?? '')) throw error;
      rename(from, to);
    }
  }

  /** Takes the second name off a file that was placed. What its inode then is, is told: its ctime has moved. */
  settle(path: RelPath, told: (handle: number) => void): void {
    this.#enter();
    const name = nameOfPart(path);
    if (look(name) === undefined) return;
    const handle = openHandle(name);
    try {
      fs.unlinkSync(toArgument(name));
      told(handle);
    } finally {
      close(handle);
    }
  }

  remove({ name }: Part): void {
    this.#enter();
    removeTree(this.#anchor, name);
  }

  close(): void {
    this.#anchor.close();
  }

  #enter(): void {
    this.#anchor.here();
    if (this.#open) return;
    if (look(PARTS)?.kind !== 'directory') {
      removeTree(this.#anchor, PARTS);
      makeDirectory(PARTS, 0o700);
    }
    this.#anchor.down(PARTS);
    this.#open = true;
  }

  #isOurs({ uid, gid }: { readonly uid: number; readonly gid: number }): boolean {
    return uid === this.#owner.uid && gid === this.#owner.gid;
  }
}

/** Removes the parts that a plan has no use for. Returns how many bytes of the disk the others hold. */
export function keepParts(state: StateDirectory, { changes }: Plan): number {
  const anchor = enterParts(state);
  if (anchor === undefined) return 0;
  try {
    const long = changes.filter(
      ({ verb, new: entry }) => verb !== 'attributes' && entry.kind === 'file' && entry.size >= LONG,
    );
    const wanted = new Set(long.map(({ path }) => nameOfPart(path)));
    let held = 0;
    let kept = 0;
    for (const name of list()) {
      const stat = wanted.has(name) ? fs.lstatSync(toArgument(name)) : undefined;
      if (stat?.isFile() === true && stat.nlink === 1) {
        held += stat.blocks * 512;
        kept++;
      } else removeTree(anchor, name);
    }
    anchor.up();
    if (kept === 0) removeDirectory(PARTS);
    return held;
  } finally {
    anchor.close();
  }
}

function enterParts(state: StateDirectory): Anchor | undefined {
  const anchor = state.anchor.fork();
  try {
    for (const name of [STAGE, PARTS]) {
      anchor.here();
      if (look(name)?.kind !== 'directory') {
        anchor.close();
        return undefined;
      }
      anchor.down(name);
    }
    return anchor;
  } catch (error) {
    anchor.close();
    throw error;
  }
}

function nameOfPart(path: RelPath): Name {
  return process.getBuiltinModule('node:crypto').hash('sha256', path, 'hex') as Name;
}
