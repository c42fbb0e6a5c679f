/** Gathers decisions into a plan while the trees are walked. */
import { LEAVE, type Directory, type Entry } from './entry.ts';
import { Draft, isRemoval, unplacedBeside } from './draft.ts';
import { isBelow, parentOf, ROOT, type Name, type RelPath } from './path.ts';
import type { Change, Holder, Plan, Problem, Removal } from './plan.ts';
import type { Policy } from './policy.ts';
import { decide, needsContent, type Decision, type KeptReason, type Terms } from './reconcile.ts';
import { Merging, type MergeSettings, type PathFacts, type Step } from './merging.ts';
import type { Question } from './merge.ts';
import type { Rules } from './rulebook.ts';
import { both, select, type Selected } from './selection.ts';
import { sparing, type Spares } from './sparing.ts';

interface Pair {
  readonly path: RelPath;
  readonly seed: Entry;
  readonly volume: Entry | undefined;
}

type Wanted = Change['new'];

interface Level {
  readonly path: RelPath;
  readonly selected: Selected;
  readonly reset: Selected;
  pending: Change | undefined;
  readonly holder: Holder | undefined;
}

export class Planning {
  readonly #rules: Rules;
  readonly #terms: Terms;
  readonly #resetTerms: Terms;
  readonly #merging: Merging | undefined;
  readonly #draft = new Draft();
  /** What was offered beside paths that the image has dropped. */
  readonly #withdrawn = new Set<RelPath>();
  /** The directories above, each with what was said of it; one that is not selected itself is made only for what is below. */
  readonly #above: Level[];

  /** @param root the seed's root where the volume's is to become like it, else undefined. */
  constructor(rules: Rules, root: { seed: Directory; volume: Directory } | undefined) {
    this.#rules = rules;
    this.#merging = rules.merging && new Merging(rules.merging);
    this.#terms = {
      policy: rules.policy === 'merge' ? 'missing' : rules.policy,
      checksum: rules.checksum,
      keepsGroup: (gid, owner) => rules.self.privileged || rules.self.groups.has(gid) || owner !== rules.self.uid,
    };
    this.#resetTerms = { ...this.#terms, policy: 'reset' };
    const selected = rules.selection.include === undefined ? 'in' : 'below';
    const reset = rules.reset === undefined ? 'out' : rules.reset.include === undefined ? 'in' : 'below';
    this.#above = [{ path: ROOT, selected, reset: both(selected, reset), pending: undefined, holder: undefined }];
    if (root !== undefined) this.#addRoot(root.seed, root.volume);
  }

  /** Told with each directory, what spares its files a visit; they are counted instead. */
  spares(directory: RelPath): Spares | undefined {
    const isSame = sparing(this.#rules, directory);
    const asksProof = this.#rules.policy === 'merge';
    return isSame && { isSame, asksProof, count: (same) => (this.#draft.same += same) };
  }

  asksContent({ path, seed, volume }: Pair): boolean {
    const { selected, reset } = this.#selected(path);
    if (this.#mergingAt(path, reset, seed) !== undefined) return false;
    return selected === 'in' && needsContent(seed, volume, this.#termsFor(path, reset, seed));
  }

  /** What has to be read before a visit under `merge`; asked until there is nothing left to ask. */
  asks({ path, seed, volume }: Pair, facts: PathFacts): Question | 'beside' | 'hash to adopt' | undefined {
    const { selected, reset } = this.#selected(path);
    const merging = this.#mergingAt(path, reset, seed);
    if (selected !== 'in' || seed.kind === 'other') return undefined;
    if (seed.kind === 'directory' && seed.implied === true) return undefined;
    if (merging === undefined) {
      const adopts = this.#adopts(path, volume) && seed.kind === 'file' && facts.seedHash === undefined;
      return adopts ? 'hash to adopt' : undefined;
    }
    return merging.asks({ path, seed: this.#wanted(path, seed), volume }, facts, this.#mergeTerms(path, seed));
  }

  /** @returns how to go on below a directory; clear: what the volume has there is to go, and is asked for with `extra`. */
  visit({ path, seed, volume }: Pair, sameContent: boolean, facts: PathFacts = {}): 'both' | 'seed' | 'skip' | 'clear' {
    const { selected, reset } = this.#selected(path);
    if (selected === 'out') return 'skip';
    if (seed.kind === 'other') {
      this.#draft.problems.push({
        path,
        message: 'is a FIFO, socket or device in the seed; passed over',
        kind: 'passed over',
      });
      return 'skip';
    }
    const wanted = this.#wanted(path, seed);
    if (selected === 'below' || (wanted.kind === 'directory' && wanted.implied === true))
      return this.#passThrough(path, wanted, volume, { selected, reset });
    const merging = this.#mergingAt(path, reset, seed);
    if (merging !== undefined) return this.#merge(merging, { path, wanted, volume, facts, selected, reset });
    const terms = this.#termsFor(path, reset, seed);
    const decision = decide(wanted, volume, terms, sameContent);
    const leaves = decision.verb === 'same' || decision.verb === 'keep' || decision.verb === 'attributes';
    if (leaves && this.#adopts(path, volume)) this.#merging?.adopt(path, wanted, facts.seedHash ?? '');
    const isDirectory = volume?.kind === 'directory';
    const stops = decision.verb === 'blocked' || decision.verb === 'none' || (decision.verb === 'keep' && !isDirectory);
    // What is to be reset below, or under a rule of its own, has a say over a policy that would stop here.
    const hasRules = this.#rules.at !== undefined && decision.verb !== 'keep';
    if (stops && (reset === 'below' || hasRules) && wanted.kind === 'directory')
      return this.#passThrough(path, wanted, volume, { selected, reset });
    this.#take(path, wanted, volume, decision);
    if (wanted.kind !== 'directory')
      return isDirectory && volume.empty !== true && decision.verb === 'replace' ? 'clear' : 'skip';
    if (stops) return 'skip';
    this.#above.push({ path, selected, reset, pending: undefined, holder: this.#holder(wanted, volume, terms) });
    return isDirectory ? 'both' : 'seed';
  }

  /** Whether `extra` is to be told of what is only in the volume. */
  get asksExtra(): boolean {
    return this.#rules.reset?.deleteExtra === true;
  }

  /**
   * What is in the volume where the seed has nothing: below a directory that is in the way, or only there.
   * @param kept the file system's, or another volume: not to be touched.
   * @returns whether to go on below a directory.
   */
  extra(path: RelPath, entry: Entry, inTheWay: boolean, kept: boolean, hash?: string): boolean {
    const { selected, reset } = this.#selected(path);
    const replaced = inTheWay && this.#draft.isReplaced(path);
    const unedited = !replaced || this.#merging?.isUnedited(path, entry, hash) === true;
    const goes = !kept && selected !== 'out' && unedited && (inTheWay || reset === 'in');
    if (goes && replaced) this.#merging?.forget(path);
    if (goes) this.#remove({ path, old: entry, reason: inTheWay ? 'in the way' : 'only in the volume' });
    else this.#draft.stays(path);
    if (entry.kind !== 'directory' || kept || selected === 'out') return false;
    const holder: Holder = { wanted: entry, managed: false };
    this.#above.push({ path, selected, reset, pending: undefined, holder });
    return goes || reset !== 'out';
  }

  /** Whether it has to be known what is in a file that the image does not ship. */
  asksHash(path: RelPath, entry: Entry, inTheWay: boolean): boolean {
    if (inTheWay && !this.#draft.isReplaced(path)) return false;
    return this.#merging?.isUnedited(path, entry, undefined) === 'volume hash';
  }

  /** What earlier images seeded in a directory, where that is of interest. */
  known(directory: RelPath): readonly Name[] {
    const { policy, prune = false, at } = this.#rules;
    const matters = prune || policy === 'merge' || at !== undefined;
    return matters ? (this.#merging?.known(directory) ?? []) : [];
  }

  /**
   * A path that an earlier image seeded and this one does not ship.
   * @param entry what the volume has there.
   * @returns whether to go on below a directory, and to tell with `stray` of what else is in it.
   */
  obsolete(path: RelPath, entry: Entry | undefined, hash: string | undefined, beside: PathFacts['beside']): boolean {
    const { selected, reset } = this.#selected(path);
    const policy = this.#policyAt(path);
    const merging = this.#merging;
    const { prune = false } = this.#rules;
    if (merging === undefined || selected === 'out' || policy === 'never' || policy === 'missing') return false;
    // What another policy leaves is left in the base, too; what a reset takes out is told of as an extra.
    if ((policy !== 'merge' && !prune) || (reset === 'in' && this.asksExtra)) return false;
    if (selected === 'below' && entry?.kind !== 'directory') return false;
    this.#draft.lost++;
    const withdrawn = merging.withdraw(path, beside);
    if (withdrawn !== undefined) {
      this.#remove(withdrawn);
      this.#withdrawn.add(withdrawn.path);
    }
    const unedited = entry !== undefined && merging.isUnedited(path, entry, hash) === true;
    if (!unedited) {
      // What a user made of it, or that it is gone, is nobody's affair any more.
      merging.forget(path);
      if (entry !== undefined) this.#draft.stays(path);
      if (entry !== undefined && policy === 'merge') this.keep(path, 'edited');
      return false;
    }
    if (selected === 'in' && prune) {
      this.#remove({ path, old: entry, reason: 'obsolete' });
      merging.forget(path);
    } else if (selected === 'in' && policy === 'merge') this.keep(path, 'obsolete');
    if (entry.kind !== 'directory') return false;
    const holder: Holder = { wanted: entry, managed: false };
    this.#above.push({ path, selected, reset: 'out', pending: undefined, holder });
    return true;
  }

  /** What nobody but the user has put into an obsolete directory. */
  stray(path: RelPath): void {
    if (!this.#withdrawn.has(path)) this.#draft.stays(path);
  }

  /** Whether something was offered beside a path that the image does not ship any more. */
  asksBeside(path: RelPath): boolean {
    return this.#merging?.baseOf(path)?.offer !== undefined;
  }

  /** A path that was not there in the state that is to come back. */
  gone(path: RelPath, old: Entry): void {
    this.#leaveUntil(path);
    this.#remove({ path, old, reason: 'not there then' });
  }

  keep(path: RelPath, reason: KeptReason): void {
    this.#draft.kept.push({ path, reason });
  }

  problem(problem: Problem): void {
    this.#draft.problems.push(problem);
  }

  plan(): Plan {
    return this.#draft.settle(this.#merging);
  }

  #remove(removal: Removal): void {
    this.#draft.removals.push(removal);
    const parent = this.#above.at(-1);
    if (parent?.path === parentOf(removal.path) && parent.holder !== undefined)
      this.#draft.directories.set(parent.path, parent.holder);
  }

  #termsFor(path: RelPath, reset: Selected, seed: Entry): Terms {
    if (reset === 'in') return this.#resetTerms;
    const policy = this.#policyAt(path, seed);
    return policy === this.#terms.policy
      ? this.#terms
      : { ...this.#terms, policy: policy === 'merge' ? 'missing' : policy };
  }

  #policyAt(path: RelPath, seed?: Entry): Policy {
    return this.#rules.at?.(path, seed).policy ?? this.#rules.policy;
  }

  /** Undefined where another policy, or a reset, decides. */
  #mergingAt(path: RelPath, reset: Selected, seed: Entry): Merging | undefined {
    return reset !== 'in' && this.#policyAt(path, seed) === 'merge' ? this.#merging : undefined;
  }

  /** Whether what another policy leaves in the volume is to be recorded all the same. */
  #adopts(path: RelPath, volume: Entry | undefined): boolean {
    const { merging } = this.#rules;
    return merging?.adopting === true && volume !== undefined && merging.base.get(path) === undefined;
  }

  #mergeTerms(path: RelPath, seed: Entry): MergeSettings {
    const { onConflict = 'new', restoreDeleted = false } = { ...this.#rules, ...this.#rules.at?.(path, seed) };
    return { onConflict, restoreDeleted, keepsGroup: this.#terms.keepsGroup };
  }

  #merge(merging: Merging, at: MergeAt): 'both' | 'seed' | 'skip' | 'clear' {
    const { path, volume, facts, selected, reset } = at;
    const terms = this.#termsFor(path, reset, at.wanted);
    const step = merging.decide({ path, seed: at.wanted, volume }, facts, this.#mergeTerms(path, at.wanted), terms);
    const { decision, wanted, otherwise } = step;
    const stops = decision.verb === 'keep';
    if (stops && reset === 'below' && wanted.kind === 'directory') return this.#passThrough(path, wanted, volume, at);
    this.#take(path, wanted, volume, decision);
    if (step.correcting !== undefined) {
      this.#makeWay(path);
      this.#draft.changes.push(step.correcting);
    }
    if (otherwise === undefined) this.#takeBeside(path, step);
    else this.#draft.replacing.set(path, { ...step, otherwise });
    if (stops) return 'skip';
    if (wanted.kind !== 'directory') return otherwise === undefined ? 'skip' : 'clear';
    const exists = volume?.kind === 'directory';
    const holder: Holder = exists ? { wanted: volume, managed: false } : { wanted, managed: true };
    this.#above.push({ path, selected, reset, pending: undefined, holder });
    return exists ? 'both' : 'seed';
  }

  #takeBeside(path: RelPath, { offer, unplaced }: Pick<Step, 'offer' | 'unplaced'>): void {
    if (unplaced !== undefined) this.#draft.problems.push(unplacedBeside(path, unplaced));
    if (offer === undefined) return;
    if (isRemoval(offer)) return this.#remove(offer);
    this.#makeWay(offer.path);
    this.#draft.changes.push(offer);
  }

  /** A directory that is not selected itself: left alone where it is, made where something below it is seeded. */
  #passThrough(
    path: RelPath,
    wanted: Wanted,
    volume: Entry | undefined,
    { selected, reset }: Pick<Level, 'selected' | 'reset'>,
  ): 'both' | 'seed' | 'skip' {
    if (wanted.kind !== 'directory') return 'skip';
    const exists = volume?.kind === 'directory';
    const own = reset === 'out' ? this.#termsFor(path, reset, wanted) : this.#resetTerms;
    const terms: Terms = own.policy === 'never' ? { ...own, policy: 'missing' } : own;
    const decision = exists ? undefined : decide(wanted, volume, terms, false);
    const change =
      decision?.verb === 'create' || decision?.verb === 'replace'
        ? toChange(path, wanted, volume, decision)
        : undefined;
    if (!exists && change === undefined) return 'skip';
    this.#above.push({
      path,
      selected,
      reset,
      pending: change,
      holder: exists ? { wanted: volume, managed: false } : { wanted, managed: true },
    });
    return exists ? 'both' : 'seed';
  }

  #take(path: RelPath, wanted: Wanted, volume: Entry | undefined, decision: Decision): void {
    switch (decision.verb) {
      case 'same':
        this.#draft.same++;
        return;
      case 'keep':
        this.#draft.kept.push({ path, reason: decision.reason });
        return;
      case 'blocked':
        this.#draft.problems.push({ path, kind: 'blocked', message: BLOCKED });
        return;
      case 'none':
        return;
      default:
        this.#makeWay(path);
        this.#draft.changes.push(toChange(path, wanted, volume, decision));
    }
  }

  /** Directories that were waiting for something to be seeded below them come first. */
  #makeWay(path: RelPath): void {
    this.#leaveUntil(path);
    for (const [level, above] of this.#above.entries()) {
      if (above.pending === undefined) continue;
      this.#draft.changes.push(above.pending);
      above.pending = undefined;
      this.#hold(this.#above[level - 1]);
    }
    this.#hold(this.#above.at(-1));
  }

  /** Something in the directory changes. */
  #hold(level: Level | undefined): void {
    if (level?.holder !== undefined) this.#draft.directories.set(level.path, level.holder);
  }

  #selected(path: RelPath): { selected: Selected; reset: Selected } {
    this.#leaveUntil(path);
    const above = this.#above.at(-1);
    const selected = select(this.#rules.selection, path, above?.selected ?? 'in');
    if (this.#rules.reset === undefined) return { selected, reset: 'out' };
    const { include } = this.#rules.reset;
    return { selected, reset: both(selected, select({ include, exclude: undefined }, path, above?.reset ?? 'in')) };
  }

  #leaveUntil(path: RelPath): void {
    while (this.#above.length > 1 && !isBelow(path, this.#above.at(-1)?.path ?? ROOT)) this.#above.pop();
  }

  /** Under `missing` a directory that exists is not to change at all, not even in its mtime. */
  #holder(wanted: Directory, volume: Entry | undefined, { policy }: Terms): Holder {
    if (policy === 'missing' && volume?.kind === 'directory') return { wanted: volume, managed: false };
    return { wanted, managed: true };
  }

  #addRoot(seed: Directory, volume: Directory): void {
    const wanted = this.#wanted(ROOT, seed) as Directory;
    const decision = decide(wanted, volume, { ...this.#terms, policy: 'newer' }, false);
    if (decision.verb === 'attributes') {
      this.#draft.changes.push({
        path: ROOT,
        verb: 'attributes',
        old: volume,
        new: wanted,
        reason: decision.reason,
        fix: decision.fix,
      });
    }
    this.#draft.directories.set(ROOT, { wanted, managed: true });
    const root = this.#above[0];
    if (root !== undefined) this.#above[0] = { ...root, holder: { wanted, managed: true } };
  }

  #wanted(path: RelPath, seed: Entry): Wanted {
    const { self } = this.#rules;
    const { owner, chmod } = { ...this.#rules, ...this.#rules.at?.(path, seed) };
    const gid = owner.gid ?? seed.gid;
    const attributes = {
      uid: self.privileged ? (owner.uid ?? seed.uid) : LEAVE,
      gid: self.privileged || self.groups.has(gid) ? gid : LEAVE,
      mode: chmod === undefined || seed.kind === 'link' ? seed.mode : chmod(seed.mode, seed.kind === 'directory'),
    };
    return { ...(seed as Wanted), ...attributes };
  }
}

interface MergeAt {
  readonly path: RelPath;
  readonly wanted: Wanted;
  readonly volume: Entry | undefined;
  readonly facts: PathFacts;
  readonly selected: Selected;
  readonly reset: Selected;
}

const BLOCKED =
  'a directory with something in it stands where the seed has none, and stays; move it away, or exclude the path, and run again';

function toChange(path: RelPath, wanted: Wanted, volume: Entry | undefined, decision: Decision): Change {
  if (decision.verb !== 'create' && decision.verb !== 'replace' && decision.verb !== 'attributes')
    throw new Error(decision.verb);
  const { verb, reason } = decision;
  return { path, verb, old: volume, new: wanted, reason, ...(decision.verb === 'attributes' && { fix: decision.fix }) };
}
