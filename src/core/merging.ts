/** Carries `merge` through a whole plan: what the base knows, what becomes of it, and what is offered beside a conflict. */
import {
  attributesFor,
  besideOf,
  basedOn,
  isSameBased,
  NEW,
  proofOf,
  type Base,
  type Based,
  type Offer,
} from './base.ts';
import { SET_ID, type Entry, type File, type Link } from './entry.ts';
import {
  isUnedited,
  merge,
  type Facts,
  type Merged,
  type MergeTerms,
  type OnConflict,
  type Question,
} from './merge.ts';
import { contentOf, offering, type Beside, type Unplaced } from './offer.ts';
import type { Name, RelPath } from './path.ts';
import type { Change, Kept, Removal } from './plan.ts';
import { fixFor, type Decision, type Terms } from './reconcile.ts';

type Wanted = Change['new'];

export interface MergeRules {
  readonly base: Base;
  readonly wasShipped: (path: RelPath, sha256: string) => boolean;
  /** What other policies find in the volume is recorded, too: the base knows nothing of it yet. */
  readonly adopting?: boolean;
}

/** What is set for a path. */
export type MergeSettings = Omit<MergeTerms, 'wasShipped'>;

export interface PathFacts extends Facts {
  /** What the volume has at NAME.volseed-new, once asked for. */
  readonly beside?: Beside;
}

/** What happens at one path. */
export interface Step {
  readonly decision: Decision;
  readonly wanted: Wanted;
  /** Of a path that is kept: mode and owner go three ways by themselves. */
  readonly correcting?: Change | undefined;
  /** What happens beside it. */
  readonly offer: Change | Removal | undefined;
  /** Why the image's version is not placed there, though it is in conflict. */
  readonly unplaced: Unplaced | undefined;
  /** Where a directory is to be replaced and something in it turns out to be edited: this instead. */
  readonly otherwise?: Pick<Step, 'offer' | 'unplaced'> & { readonly basing: Based | undefined };
}

export interface At {
  readonly path: RelPath;
  readonly seed: Wanted;
  readonly volume: Entry | undefined;
}

export class Merging {
  readonly #rules: MergeRules;
  readonly basing = new Map<RelPath, Based | undefined>();
  /** Names that the image ships itself: nothing is offered there. */
  readonly #shippedNew = new Set<RelPath>();
  /** Paths that the image has dropped, with what was offered beside them. */
  readonly #withdrawn = new Set<RelPath>();

  constructor(rules: MergeRules) {
    this.#rules = rules;
  }

  baseOf(path: RelPath): Based | undefined {
    return this.#rules.base.get(path);
  }

  known(directory: RelPath): readonly Name[] {
    return [...this.#rules.base.in(directory).keys()].toSorted();
  }

  /** What has to be read before `decide`. */
  asks(at: At, facts: PathFacts, terms: MergeSettings): Question | 'beside' | undefined {
    if (at.path.endsWith(NEW)) this.#shippedNew.add(at.path);
    const merged = this.#merge(at, facts, terms);
    if (typeof merged === 'string') return merged;
    const offers = this.#mayConflict(at, merged, terms.onConflict);
    if (offers && at.seed.kind === 'file' && facts.seedHash === undefined) return 'seed hash';
    const matters = offers || this.baseOf(at.path)?.offer !== undefined;
    return matters && facts.beside === undefined ? 'beside' : undefined;
  }

  decide(at: At, facts: PathFacts, terms: MergeSettings, attributes: Terms): Step {
    const merged = this.#merge(at, facts, terms);
    if (typeof merged === 'string') throw new Error(`undecided for want of the ${merged}`);
    const base = this.baseOf(at.path);
    const isConflict = merged.verb === 'keep' && merged.reason === 'conflict';
    const side = this.#beside(at, facts, isConflict && terms.onConflict === 'new');
    if (merged.verb === 'keep') {
      const offer = isConflict ? side.noted : undefined;
      const kept = merged.to === 'seed' ? basedOn(at.seed, facts.seedHash ?? '', undefined) : base;
      const correcting =
        merged.to === 'base' && base !== undefined ? correctionOfKept(base, at, attributes) : undefined;
      const { uid, gid } = correcting === undefined ? (kept ?? at.seed) : at.seed;
      // What is withheld of a mode is not what the volume was given.
      const mode = correcting?.fix?.mode === true ? correcting.new.mode : (kept ?? at.seed).mode;
      // What was edited is not what the base was, and no proof of it.
      const volume = correcting === undefined ? kept?.volume : undefined;
      // It was not replaced after all.
      this.#become(at.path, kept && { ...kept, mode, uid, gid, volume, offer, replacing: undefined });
      return { decision: { verb: 'keep', reason: merged.reason }, wanted: at.seed, correcting, ...side };
    }
    const content = facts.seedHash ?? facts.volumeHash ?? base?.content ?? '';
    if (merged.verb === 'adopt') {
      const decision = correction(merged.wanted, at.volume, attributes);
      this.#become(at.path, basedOn(at.seed, content, at.volume && proofOf(at.volume)));
      return { decision, wanted: merged.wanted, ...side };
    }
    this.basing.set(at.path, basedOn(at.seed, facts.seedHash ?? '', undefined));
    const { verb, reason, wanted } = merged;
    if (at.volume?.kind !== 'directory') return { decision: { verb, reason }, wanted, ...side };
    const late = this.#beside(at, facts, terms.onConflict === 'new' && at.seed.kind !== 'directory');
    return {
      decision: { verb, reason },
      wanted,
      ...side,
      otherwise: { ...late, basing: base && { ...base, offer: late.noted } },
    };
  }

  /**
   * What another policy left in the volume: the seed becomes the base. Whether the volume has just that is found out when it matters.
   * @param hash the seed's; '' where it could not be read.
   */
  adopt(path: RelPath, seed: Wanted, hash: string): void {
    if (seed.kind !== 'file' || hash !== '') this.#become(path, basedOn(seed, hash, undefined));
  }

  /** Whether what the volume has at a path that the image does not ship is what an earlier one did; undefined where that is not known. */
  isUnedited(path: RelPath, entry: Entry, hash: string | undefined): boolean | 'volume hash' | undefined {
    const base = this.baseOf(path);
    return base && isUnedited(base, entry, hash);
  }

  /** The conflict of a path that the image has dropped is over. */
  withdraw(path: RelPath, beside: Beside | undefined): Removal | undefined {
    const base = this.baseOf(path);
    if (base?.offer === undefined || beside === undefined) return undefined;
    this.basing.set(path, { ...base, offer: undefined });
    this.#withdrawn.add(path);
    if (beside.entry === undefined || offering(base.offer, undefined, beside) !== 'remove') return undefined;
    return { path: besideOf(path), old: beside.entry, reason: 'conflict resolved' };
  }

  forget(path: RelPath): void {
    this.basing.set(path, undefined);
  }

  /** What is to be recorded of a path that stays after all; undefined where nothing changes. */
  remembered(path: RelPath): Based | undefined {
    const base = this.#withdrawn.has(path) ? this.baseOf(path) : undefined;
    return base && { ...base, offer: undefined };
  }

  /** Without those that are offered where the image ships something itself. */
  withoutClashes<T extends Change | Removal | Kept>(all: readonly T[]): T[] {
    if (this.#shippedNew.size === 0) return [...all];
    return all.filter((each) => !this.#shippedNew.has(each.path) || !isOffer(each));
  }

  #merge({ path, seed, volume }: At, facts: PathFacts, terms: MergeSettings): Merged | Question {
    const wasShipped = (sha256: string): boolean => this.#rules.wasShipped(path, sha256);
    return merge(this.baseOf(path), seed, volume, facts, { ...terms, wasShipped });
  }

  #mayConflict({ seed, volume }: At, merged: Merged, onConflict: OnConflict): boolean {
    if (onConflict !== 'new' || seed.kind === 'directory') return false;
    if (merged.verb === 'keep') return merged.reason === 'conflict';
    return merged.verb === 'replace' && volume?.kind === 'directory';
  }

  #beside(
    { path, seed }: At,
    facts: PathFacts,
    conflicts: boolean,
  ): Pick<Step, 'offer' | 'unplaced'> & { readonly noted: Offer | undefined } {
    const before = this.baseOf(path)?.offer;
    const wanted = conflicts && seed.kind !== 'directory' ? contentOf(seed, facts.seedHash ?? '') : undefined;
    const noted = wanted && { ...wanted, since: before?.since ?? '' };
    if (facts.beside === undefined) return { offer: undefined, unplaced: undefined, noted };
    const there = facts.beside.entry;
    const what = offering(before, wanted, facts.beside);
    if (what === 'place') return { offer: placing(path, seed as File | Link, there), unplaced: undefined, noted };
    if (what === 'remove' && there !== undefined)
      return { offer: { path: besideOf(path), old: there, reason: 'conflict resolved' }, unplaced: undefined, noted };
    // What was not placed is to be as soon as there is room for it.
    if (what === 'occupied' || what === 'too long') return { offer: undefined, unplaced: what, noted: before };
    return { offer: undefined, unplaced: undefined, noted };
  }

  #become(path: RelPath, based: Based | undefined): void {
    if (based === undefined) return;
    const before = this.baseOf(path);
    if (before === undefined || !isSameBased(before, based)) this.basing.set(path, based);
  }
}

function placing(path: RelPath, seed: File | Link, there: Entry | undefined): Change {
  const verb = there === undefined ? 'create' : 'replace';
  return { path: besideOf(path), verb, old: there, new: seed, reason: 'offered', from: path };
}

function isOffer(each: Change | Removal | Kept): boolean {
  return each.reason === 'offered' || each.reason === 'conflict resolved';
}

/**
 * Undefined where nothing is to be corrected. Links have no mode, and what is no longer of the kind is the user's. A set-id bit
 * that it gets, or takes along to another owner, would let what somebody else wrote run as that one.
 */
function correctionOfKept(base: Based, { path, seed, volume }: At, terms: Terms): Change | undefined {
  if (volume === undefined || volume.kind !== seed.kind || volume.kind !== base.kind) return undefined;
  const follows = attributesFor(base, seed, volume, terms.keepsGroup);
  const held = fixFor(follows, volume, false, terms).owner ? 0 : volume.mode;
  const wanted = { ...follows, mode: follows.mode & (~SET_ID | held) };
  const decision = correction(wanted, volume, terms);
  if (decision.verb !== 'attributes') return undefined;
  return { path, verb: 'attributes', old: volume, new: wanted, reason: decision.reason, fix: decision.fix };
}

function correction(wanted: Wanted, volume: Entry | undefined, terms: Terms): Decision {
  if (volume === undefined) throw new Error('adopted, and not there');
  const fix = fixFor(wanted, volume, false, terms);
  if (!fix.mode && !fix.owner) return { verb: 'same' };
  // Changing the attributes of a file with a second name would change that other file too, wherever it is.
  if (volume.kind === 'file' && volume.witness.links > 1) return { verb: 'replace', reason: 'hard-linked' };
  return { verb: 'attributes', reason: 'attributes differ', fix };
}
