/** Takes away what runs that died have left: their stages, what they built beside its final name, and the times of directories. */
import type { Directory } from '../core/entry.ts';
import type { Identity } from '../core/identity.ts';
import { codeOf } from '../core/errors.ts';
import { isName, nameOf, parentOf, ROOT, type Name, type RelPath } from '../core/path.ts';
import type { Plan } from '../core/plan.ts';
import type { Anchor } from './anchor.ts';
import { giveBackTime, putBackTime } from './attributes.ts';
import { byHandle, list } from './disk.ts';
import { look, lookAt } from './look.ts';
import { PARTS, STAGE } from './parts.ts';
import type { StateDirectory } from './private.ts';
import { removeTree } from './remove.ts';
import { closeAgain, makeWritable, moveInto, Unlocked } from './writable.ts';

/** In the directory of a run: the names of what it built elsewhere. */
export const BESIDE = 'beside' as Name;
/** And how the directories were whose mtime publishing moves, but which are not the image's to set. */
export const HELD = 'held' as Name;
/** The directory is gone, swapped, or not ours to write in. */
export const OF_THE_DIRECTORY = new Set(['EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'ELOOP']);
const TEMPORARY = /^\..*\.volseed-[0-9a-f]{12}$/s;

/** Removes what runs that died have left in the stage, and beside files. True where there was something. */
export function sweep(state: StateDirectory, volume: Anchor, self: Identity): boolean {
  const anchor = state.anchor.fork();
  try {
    anchor.here();
    if (look(STAGE)?.kind !== 'directory') return false;
    anchor.down(STAGE);
    // What is left of large files is for the plan to tell (parts.ts).
    const runs = list().filter((name) => name !== PARTS);
    for (const run of runs) {
      removeBesides(volume, besidesOf(state, run), self);
      giveBack(state, run, volume, self);
      removeTree(anchor, run);
    }
    return runs.length > 0;
  } finally {
    anchor.close();
  }
}

/** Path, seconds, nanoseconds, mode. */
type Held = readonly [RelPath, number, number, number];

/** For `Stage` to keep while it publishes: what a run that dies could not give back. */
export function noteOf({ directories }: Plan, root: Directory): string {
  const held = [...directories].filter(([path, { managed }]) => !managed && path !== ROOT);
  const all = [[ROOT, root] as const, ...held.map(([path, { wanted }]) => [path, wanted] as const)];
  return JSON.stringify(all.map(([path, { seconds, nanoseconds, mode }]): Held => [path, seconds, nanoseconds, mode]));
}

function heldOf(state: StateDirectory, run: Name): Held[] {
  return noted(state, run, HELD).filter((item): item is Held => {
    if (!Array.isArray(item) || !item.slice(1).every(Number.isSafeInteger)) return false;
    const path: unknown = item[0];
    return path === ROOT || (typeof path === 'string' && path.split('/').every(isName));
  });
}

/**
 * Gives directories back what a run that could not do so noted; the mode, too, where it had been opened for the work.
 * @returns whether all went well.
 */
export function giveBack(state: StateDirectory, run: Name, volume: Anchor, self: Identity): boolean {
  let good = true;
  for (const [path, seconds, nanoseconds, mode] of heldOf(state, run)) {
    try {
      volume.moveTo(path);
      const found = lookAt(volume.descriptor);
      giveBackTime(volume.descriptor, { ...found, seconds, nanoseconds });
      if (!self.privileged && path !== ROOT && found.mode === (mode | 0o700) && found.mode !== mode)
        byHandle.changeMode(volume.descriptor, mode);
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      if (!OF_THE_DIRECTORY.has(codeOf(error) ?? '')) good = false;
    }
  }
  return good;
}

/** State is never trusted as a path: only names that volseed gives are removed, and only by way of real directories. */
function besidesOf(state: StateDirectory, run: Name): RelPath[] {
  return noted(state, run, BESIDE).filter((path): path is RelPath => typeof path === 'string' && isTemporary(path));
}

function noted(state: StateDirectory, run: Name, name: Name): unknown[] {
  try {
    const items: unknown = JSON.parse(Buffer.from(state.read(`stage/${run}/${name}`) ?? '[]').toString('utf8'));
    return Array.isArray(items) ? items : [];
  } catch (error) {
    // A note that cannot be read now is for the next run: what it names would else never be found again.
    if (!(error instanceof SyntaxError)) throw error;
    return [];
  }
}

function isTemporary(path: string): boolean {
  const names = path.split('/');
  return TEMPORARY.test(names.at(-1) ?? '') && names.every((name) => name !== '' && name !== '.' && name !== '..');
}

export function removeBesides(volume: Anchor, paths: readonly RelPath[], self: Identity): void {
  for (const path of paths) {
    try {
      const directory = parentOf(path);
      const closed = moveInto(volume, directory);
      const mode = closed ?? makeWritable(volume, self);
      const before = lookAt(volume.descriptor);
      removeTree(volume, nameOf(path));
      putBackTime(volume.descriptor, before);
      if (mode !== undefined) closeAgain(volume, new Unlocked([[directory, mode]]));
    } catch (error) {
      // Gone, swapped, or not ours any more: a stray file that cannot be removed is no reason not to seed.
      if (!OF_THE_DIRECTORY.has(codeOf(error) ?? '')) throw error;
    }
  }
}
