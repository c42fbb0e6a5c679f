/** Gathers decisions into a plan while the trees are walked. */
import { LEAVE, type Directory, type Entry } from './entry.ts';
import type { ModeChange } from './chmod.ts';
import type { Identity } from './identity.ts';
import { isBelow, ROOT, type RelPath } from './path.ts';
import type { Change, Holder, Kept, Plan, Problem } from './plan.ts';
import type { Policy } from './policy.ts';
import { decide, needsContent, type Decision, type Terms } from './reconcile.ts';
import { select, type Selected, type Selection } from './selection.ts';

export interface Rules {
  readonly policy: Policy;
  readonly selection: Selection;
  readonly checksum: boolean;
  readonly chmod: ModeChange | undefined;
  /** What is not set stays as in the seed. */
  readonly owner: { readonly uid: number | undefined; readonly gid: number | undefined };
  readonly self: Identity;
}

interface Pair {
  readonly path: RelPath;
  readonly seed: Entry;
  readonly volume: Entry | undefined;
}

type Wanted = Change['new'];

export class Planning {
  readonly #rules: Rules;
  readonly #terms: Terms;
  readonly #changes: Change[] = [];
  readonly #kept: Kept[] = [];
  readonly #problems: Problem[] = [];
  readonly #directories = new Map<RelPath, Holder>();
  #same = 0;
  /** The directories above, each with what was said of it; one that is not selected itself is made only for what is below. */
  readonly #above: { path: RelPath; selected: Selected; pending: Change | undefined; holder: Holder | undefined }[];

  /** @param root the seed's root where the volume's is to become like it, else undefined. */
  constructor(rules: Rules, root: { seed: Directory; volume: Directory } | undefined) {
    this.#rules = rules;
    this.#terms = {
      policy: rules.policy,
      checksum: rules.checksum,
      keepsGroup: (gid) => rules.self.privileged || rules.self.groups.has(gid),
    };
    const selected = rules.selection.include === undefined ? 'in' : 'below';
    this.#above = [{ path: ROOT, selected, pending: undefined, holder: undefined }];
    if (root !== undefined) this.#addRoot(root.seed, root.volume);
  }

  asksContent({ path, seed, volume }: Pair): boolean {
    return this.#selected(path) === 'in' && needsContent(seed, volume, this.#terms);
  }

  /** @returns how to go on below a directory. */
  visit({ path, seed, volume }: Pair, sameContent: boolean): 'both' | 'seed' | 'skip' {
    const selected = this.#selected(path);
    if (selected === 'out') return 'skip';
    if (seed.kind === 'other') {
      this.#problems.push({
        path,
        message: 'is a FIFO, socket or device in the seed; passed over',
        kind: 'passed over',
      });
      return 'skip';
    }
    const wanted = this.#wanted(seed);
    if (selected === 'below') return this.#passThrough(path, wanted, volume);
    const decision = decide(wanted, volume, this.#terms, sameContent);
    this.#take(path, wanted, volume, decision);
    if (wanted.kind !== 'directory' || decision.verb === 'blocked' || decision.verb === 'none') return 'skip';
    const isDirectory = volume?.kind === 'directory';
    if (decision.verb === 'keep' && !isDirectory) return 'skip';
    this.#above.push({ path, selected, pending: undefined, holder: this.#holder(wanted, volume) });
    return isDirectory ? 'both' : 'seed';
  }

  problem(problem: Problem): void {
    this.#problems.push(problem);
  }

  plan(): Plan {
    return {
      changes: this.#changes,
      kept: this.#kept,
      problems: this.#problems,
      same: this.#same,
      directories: this.#directories,
    };
  }

  /** A directory that is not selected itself: left alone where it is, made where something below it is seeded. */
  #passThrough(path: RelPath, wanted: Wanted, volume: Entry | undefined): 'both' | 'seed' | 'skip' {
    if (wanted.kind !== 'directory') return 'skip';
    const exists = volume?.kind === 'directory';
    const decision = exists ? undefined : decide(wanted, volume, this.#terms, false);
    const change =
      decision?.verb === 'create' || decision?.verb === 'replace'
        ? toChange(path, wanted, volume, decision)
        : undefined;
    if (!exists && change === undefined) return 'skip';
    this.#above.push({
      path,
      selected: 'below',
      pending: change,
      holder: exists ? { wanted: volume, managed: false } : { wanted, managed: true },
    });
    return exists ? 'both' : 'seed';
  }

  #take(path: RelPath, wanted: Wanted, volume: Entry | undefined, decision: Decision): void {
    switch (decision.verb) {
      case 'same':
        this.#same++;
        return;
      case 'keep':
        this.#kept.push({ path, reason: decision.reason });
        return;
      case 'blocked':
        this.#problems.push({ path, kind: 'blocked', message: BLOCKED });
        return;
      case 'none':
        return;
      default:
        this.#makeWay(path);
        this.#changes.push(toChange(path, wanted, volume, decision));
    }
  }

  /** Directories that were waiting for something to be seeded below them come first. */
  #makeWay(path: RelPath): void {
    this.#leaveUntil(path);
    for (const above of this.#above) {
      if (above.pending !== undefined) this.#changes.push(above.pending);
      above.pending = undefined;
    }
    const parent = this.#above.at(-1);
    if (parent?.holder !== undefined) this.#directories.set(parent.path, parent.holder);
  }

  #selected(path: RelPath): Selected {
    this.#leaveUntil(path);
    return select(this.#rules.selection, path, this.#above.at(-1)?.selected ?? 'in');
  }

  #leaveUntil(path: RelPath): void {
    while (this.#above.length > 1 && !isBelow(path, this.#above.at(-1)?.path ?? ROOT)) this.#above.pop();
  }

  /** Under `missing` a directory that exists is not to change at all, not even in its mtime. */
  #holder(wanted: Directory, volume: Entry | undefined): Holder {
    if (this.#rules.policy === 'missing' && volume?.kind === 'directory') return { wanted: volume, managed: false };
    return { wanted, managed: true };
  }

  #addRoot(seed: Directory, volume: Directory): void {
    const wanted = this.#wanted(seed) as Directory;
    const decision = decide(wanted, volume, { ...this.#terms, policy: 'newer' }, false);
    if (decision.verb === 'attributes') {
      this.#changes.push({
        path: ROOT,
        verb: 'attributes',
        old: volume,
        new: wanted,
        reason: decision.reason,
        fix: decision.fix,
      });
    }
    this.#directories.set(ROOT, { wanted, managed: true });
    const root = this.#above[0];
    if (root !== undefined) root.holder = { wanted, managed: true };
  }

  #wanted(seed: Entry): Wanted {
    const { owner, chmod, self } = this.#rules;
    const gid = owner.gid ?? seed.gid;
    const attributes = {
      uid: self.privileged ? (owner.uid ?? seed.uid) : LEAVE,
      gid: self.privileged || self.groups.has(gid) ? gid : LEAVE,
      mode: chmod === undefined || seed.kind === 'link' ? seed.mode : chmod(seed.mode, seed.kind === 'directory'),
    };
    return { ...(seed as Wanted), ...attributes };
  }
}

const BLOCKED =
  'a directory with something in it stands where the seed has none, and stays; move it away, or exclude the path, and run again';

function toChange(path: RelPath, wanted: Wanted, volume: Entry | undefined, decision: Decision): Change {
  if (decision.verb !== 'create' && decision.verb !== 'replace' && decision.verb !== 'attributes')
    throw new Error(decision.verb);
  const { verb, reason } = decision;
  return { path, verb, old: volume, new: wanted, reason, ...(decision.verb === 'attributes' && { fix: decision.fix }) };
}
