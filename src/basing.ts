/** The base in a run: read where a decision turns on it, and brought up to date by what was really done. */
import type { Settings } from './config/settings.ts';
import { Base } from './core/base.ts';
import type { Context } from './core/context.ts';
import { join, ROOT, type RelPath } from './core/path.ts';
import { idlePlan, type Kept, type Plan } from './core/plan.ts';
import { keyOf, type Rules } from './core/rulebook.ts';
import { intentOf } from './core/intent.ts';
import type { Makings } from './core/makings.ts';
import { noteReplacing, Recording } from './core/recording.ts';
import { count } from './core/words.ts';
import type { Anchor } from './fs/anchor.ts';
import { list } from './fs/disk.ts';
import { look } from './fs/look.ts';
import { StateDirectory } from './fs/private.ts';
import type { Seed } from './fs/seed.ts';
import { passedOver, type Opened } from './fs/trees.ts';
import { heal } from './fs/heal.ts';
import { BasePart } from './state/base-part.ts';
import { moveAside, readBase, readStanding, writeBase, writeFirst, type Standing } from './state/base.ts';
import { readJournal, removeJournal, writeFirstJournal, writeJournal } from './state/journal.ts';

/** What the decisions need of the base; undefined where none of them turns on it. */
export function mergingOf(
  settings: Settings,
  { seed, volume }: Opened,
  base: Base | undefined,
  { log }: Context,
): Rules['merging'] {
  if (base === undefined || volume === undefined) return undefined;
  const wasShipped = (path: RelPath, sha256: string): boolean => seed.wasShipped(path, sha256);
  if (base.size === 0 || !isEmptied(settings, volume)) return { base, wasShipped };
  const message = `The volume was emptied since the last run (${count(base.size, 'path')} were known); it is seeded anew.`;
  log.write('info', message, { event: 'emptied' });
  return { base: new Base(), wasShipped };
}

const NOTHING: Standing = { seedDigest: null, rules: '', complete: false, open: [], same: 0 };

/** Whether any decision may turn on the base. */
export function needsBase({ policy, prune, seeds, rules }: Settings): boolean {
  const all = [policy, ...seeds.map((seed) => seed.policy), ...rules.map(({ sets }) => sets.policy)];
  return prune || all.includes('merge');
}

/** Under these a path whose image did not change needs nothing. */
function isByBaseAlone({ policy, seeds, rules, restoreDeleted }: Settings): boolean {
  const all = [policy, ...seeds.map((seed) => seed.policy), ...rules.map(({ sets }) => sets.policy)];
  const restores = restoreDeleted || rules.some(({ sets }) => sets.restoreDeleted === true);
  return !restores && all.every((each) => each === undefined || each === 'merge' || each === 'never');
}

/** The base, where a plan turns on it, for those who only look. */
export async function baseToPlan(settings: Settings, { volume }: Opened, context: Context): Promise<Base | undefined> {
  return needsBase(settings) ? await lookAtBase(settings, volume, context) : undefined;
}

/** For those who only look. */
export async function lookAtBase(
  settings: Settings,
  volume: Anchor | undefined,
  context: Context,
): Promise<Base | undefined> {
  if (volume === undefined) return undefined;
  using directory = StateDirectory.look(volume, settings.stateDir);
  const base = readable(directory, context);
  const intent = directory && readJournal(directory);
  if (intent !== undefined && intent !== 'damaged') await heal(base, intent, volume, context.pulse);
  return base;
}

function readable(directory: StateDirectory | undefined, { log }: Context): Base {
  const base = directory && readBase(directory);
  if (base === 'damaged') {
    log.write(
      'warn',
      `the base in ${directory?.shownAs} cannot be read; the next run moves it aside and begins a new one`,
    );
    return new Base();
  }
  return base ?? new Base();
}

/** Never fails for what it finds: a base that cannot be read is moved aside, and what it knew is found out anew. */
function openBase(state: StateDirectory, { log }: Context): Base {
  const base = readBase(state);
  if (base !== 'damaged') return base ?? new Base();
  const name = moveAside(state);
  const message = `the base in ${state.shownAs} could not be read; it was moved to ${name} and a new one begun: what equals the image is adopted, all else is kept`;
  log.write('warn', message, { event: 'state', movedAside: name });
  return new Base();
}

/** Where the last run was ended in its publishing, the base does not know what that has placed. */
export async function healBase(
  settings: Settings,
  state: StateDirectory,
  volume: Anchor,
  context: Context,
): Promise<void> {
  const intent = readJournal(state);
  if (intent === undefined) return;
  if (intent === 'damaged') {
    const message = `the journal in ${state.shownAs} could not be read; what an interrupted run has placed counts as the image's only where it still equals that`;
    context.log.write('warn', message, { event: 'state' });
  } else {
    const base = openBase(state, context);
    if (await heal(base, intent, volume, context.pulse))
      writeBase(state, base, { ...(readStanding(state) ?? NOTHING), complete: false }, settings.flush);
  }
  removeJournal(state);
}

/** Before anything is published: what the next run has to know of it, should this one be ended before it has recorded it. */
export function writeIntent(
  settings: Settings,
  state: StateDirectory,
  { merging }: Known,
  made: Plan,
  staged: Makings,
): void {
  if (merging?.base.size !== 0 || made.basing.size > 0)
    return writeJournal(state, intentOf(made, staged, merging?.base), settings.flush);
  const all = new Recording();
  staged.rewind();
  for (const change of made.changes) all.done(change, staged, undefined);
  staged.rewind();
  writeFirstJournal(state, all, settings.flush);
}

/** What a run knows of the runs before. */
export interface Known {
  /** Undefined where no decision turns on it. */
  readonly merging: Rules['merging'];
  /** Where a run would find what the last one left: the same image, the same rules, and nothing left undone. */
  readonly standing: Standing | undefined;
  /** Where not even a conflict has to be looked at. */
  readonly settled: Plan | undefined;
  /** Of everything else that the decisions turn on. */
  readonly rules: string;
  /** Whether anything is the image's whatever is known of it: what is recorded then is not all that there is to record. */
  readonly isReset: boolean;
  /** Whether what the state has of it is of a volume that was emptied since. */
  readonly isReplaced: boolean;
}

export function consultBase(
  settings: Settings,
  due: Rules,
  trees: Opened,
  state: StateDirectory,
  context: Context,
): Known {
  const last = readStanding(state);
  const rules = `${settings.decisive} ${keyOf(due)}`;
  const isReset = due.reset !== undefined;
  const known = { rules, isReset, isReplaced: false };
  const standing = !isReset && isStanding(last, rules, settings, trees) ? last : undefined;
  if (standing !== undefined) {
    const message = 'The image is that of the last run, and nothing is done for a path that has no open conflict.';
    context.log.write('debug', message);
  }
  if (standing?.open.length === 0) return { ...known, merging: undefined, standing, settled: idlePlan(standing.same) };
  // Under the rules of the last run, every path that it found has been recorded.
  const adopting = settings.command !== 'reset' && last?.rules !== rules;
  if (!adopting && !needsBase(settings)) return { ...known, merging: undefined, standing, settled: undefined };
  const base = openBase(state, context);
  const merging = mergingOf(settings, trees, base, context);
  const isReplaced = merging !== undefined && merging.base !== base;
  return { ...known, isReplaced, merging: merging && { ...merging, adopting }, standing, settled: undefined };
}

/** Before anything is touched: what a kill in the midst of the run would make look like a deletion. */
export function prepareBase(settings: Settings, state: StateDirectory, { merging }: Known, made: Plan): void {
  if (merging === undefined || !noteReplacing(merging.base, made)) return;
  writeBase(state, merging.base, { ...(readStanding(state) ?? NOTHING), complete: false }, settings.flush);
}

/** A plan of what had to be looked at, with all that stands besides counted in. */
export function countedWith({ standing }: Known, plan: Plan): Plan {
  if (standing === undefined) return plan;
  const { changes, kept, removals } = plan;
  const others = changes.length + kept.length + removals.length;
  return { ...plan, same: standing.same + Math.max(0, standing.open.length - others) };
}

/** Records what a run has done, and on what. */
export function saveBase(
  settings: Settings,
  state: StateDirectory,
  known: Known,
  made: Plan,
  recording: Recording,
  run: Run,
  context: Context,
): void {
  const { merging } = known;
  if (merging === undefined && recording.isEmpty) return;
  // The root is no path of it.
  const changes = made.changes.length - (made.changes.some(({ path }) => path === ROOT) ? 1 : 0);
  const same = made.same + changes;
  const part = merging === undefined ? BasePart.read(state, recording.paths()) : undefined;
  if (part instanceof BasePart) {
    const changed = recording.apply(part.base, made, run.id);
    const now = standingOf(settings, known, openOf(part.open, made), run, same);
    if (changed || !isSame(readStanding(state), now)) part.write(state, now, settings.flush);
    return;
  }
  const base = merging?.base ?? openBase(state, context);
  if (base.size === 0 && made.basing.size === 0 && recording.hasNew)
    return writeFirst(state, recording, standingOf(settings, known, openOf([], made), run, same), settings.flush);
  const changed = recording.apply(base, made, run.id);
  const now = standingOf(settings, known, openOf(base.open, made), run, same);
  if (changed || known.isReplaced || !isSame(readStanding(state), now)) writeBase(state, base, now, settings.flush);
}

function isStanding(
  last: Standing | undefined,
  decisive: string,
  settings: Settings,
  { seed, volume }: Opened,
): boolean {
  if (last === undefined || volume === undefined || seed.digest === undefined || !isByBaseAlone(settings)) return false;
  const { complete, seedDigest, rules } = last;
  const same = complete && seedDigest === seed.digest && rules === decisive;
  return same && !isEmptied(settings, volume);
}

/** What has become of a run. */
interface Run {
  readonly id: string;
  readonly exitCode: number;
  readonly seed: Seed;
  /** What was planned and left alone, because somebody else was at it. */
  readonly meanwhile: readonly Kept[];
}

function standingOf(
  settings: Settings,
  { isReset, rules }: Known,
  open: readonly RelPath[],
  { exitCode, meanwhile, seed }: Run,
  same: number,
): Standing {
  return {
    seedDigest: seed.digest ?? null,
    rules,
    complete: exitCode === 0 && meanwhile.length === 0 && !isReset && isByBaseAlone(settings),
    open,
    same,
  };
}

/** What is to be looked at whatever the image: offers, and conflicts that nothing is offered of. */
function openOf(offered: readonly RelPath[], { kept }: Plan): readonly RelPath[] {
  const conflicts = kept.filter(({ reason }) => reason === 'conflict').map(({ path }) => path);
  return conflicts.length === 0 ? offered : [...new Set([...offered, ...conflicts])].toSorted();
}

function isSame(a: Standing | undefined, b: Standing): boolean {
  return (
    a !== undefined &&
    a.seedDigest === b.seedDigest &&
    a.rules === b.rules &&
    a.complete === b.complete &&
    a.same === b.same &&
    a.open.length === b.open.length &&
    a.open.every((path, at) => path === b.open[at])
  );
}

/** Nothing is in it but what is not data. */
function isEmptied(settings: Settings, volume: Anchor): boolean {
  const ignored = passedOver(settings);
  volume.moveTo(ROOT);
  return list().every((name) => ignored(join(ROOT, name), look(name)));
}
