/** The directories that new content goes into, as they will be when it arrives: whose group it gets turns on that. */
import { LEAVE, SET_GID, type Entry } from '../core/entry.ts';
import type { Identity } from '../core/identity.ts';
import { parentOf, type RelPath } from '../core/path.ts';
import type { Change, Plan } from '../core/plan.ts';
import type { Anchor } from './anchor.ts';
import { lookAt } from './look.ts';

export interface Whereabouts {
  readonly volume: Anchor;
  readonly self: Identity;
}

export class Parents {
  readonly #at: Whereabouts;
  readonly #isOurs: (gid: number) => boolean;
  readonly #corrected: ReadonlyMap<RelPath, Change>;
  #last: { readonly path: RelPath; readonly entry: Entry } | undefined;

  constructor(at: Whereabouts, plan: Plan, isOurs: (gid: number) => boolean) {
    this.#at = at;
    this.#isOurs = isOurs;
    this.#corrected = new Map(
      plan.changes.filter(({ verb }) => verb === 'attributes').map((change) => [change.path, change]),
    );
  }

  of(path: RelPath): Entry {
    const directory = parentOf(path);
    if (this.#last?.path !== directory) this.#last = { path: directory, entry: this.#lookAhead(directory) };
    return this.#last.entry;
  }

  #lookAhead(directory: RelPath): Entry {
    const { volume, self } = this.#at;
    volume.moveTo(directory);
    const found = lookAt(volume.descriptor);
    // Whose directory it is not can neither correct it nor open it for the work.
    if (!self.privileged && found.uid !== self.uid) return found;
    const change = this.#corrected.get(directory);
    const gid = change === undefined || change.new.gid === LEAVE ? found.gid : change.new.gid;
    const mode = change?.fix?.mode === true ? change.new.mode : found.mode;
    const touched = mode !== found.mode || (!self.privileged && (mode & 0o700) !== 0o700);
    return { ...found, gid, mode: touched && !this.#isOurs(gid) ? mode & ~SET_GID : mode };
  }
}
