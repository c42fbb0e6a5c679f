/** Takes away what runs that died have left: their stages, and what they built beside its final name. */
import type { Identity } from '../core/identity.ts';
import { codeOf } from '../core/errors.ts';
import { nameOf, parentOf, type Name, type RelPath } from '../core/path.ts';
import type { Anchor } from './anchor.ts';
import { putBackTime } from './attributes.ts';
import { list, look, lookAt } from './disk.ts';
import { PARTS, STAGE } from './parts.ts';
import type { StateDirectory } from './private.ts';
import { removeTree } from './remove.ts';
import { closeAgain, makeWritable, moveInto, Unlocked } from './writable.ts';

/** In the directory of a run: the names of what it built elsewhere. */
export const BESIDE = 'beside' as Name;
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
      removeTree(anchor, run);
    }
    return runs.length > 0;
  } finally {
    anchor.close();
  }
}

/** State is never trusted as a path: only names that volseed gives are removed, and only by way of real directories. */
function besidesOf(state: StateDirectory, run: Name): RelPath[] {
  try {
    const paths: unknown = JSON.parse(Buffer.from(state.read(`stage/${run}/${BESIDE}`) ?? '[]').toString('utf8'));
    if (!Array.isArray(paths)) return [];
    return paths.filter((path): path is RelPath => typeof path === 'string' && isTemporary(path));
  } catch {
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
