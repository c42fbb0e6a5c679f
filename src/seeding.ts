/**
 * One seeding, phase by phase; each phase says in its own module what holds if it fails.
 *
 *   settle (config/settings.ts) → lock → heal → scan → reconcile → refuse → back up → stage → flush → intend → publish → flush → record
 *
 * Killed anywhere, the next run ends where an undisturbed one would have, and no byte a user wrote is lost.
 */
import { carryOut } from './applying.ts';
import {
  baseToPlan,
  consultBase,
  countedWith,
  mergingOf,
  healBase,
  needsBase,
  prepareBase,
  saveBase,
  writeIntent,
} from './basing.ts';
import { reconcile, refuseLacking, resetOf, rulesOf } from './comparing.ts';
import { isKeptFrom, mayBeKeptFrom, refuseRemovals, versionOf } from './guarding.ts';
import { backupIsOff, resetDue, sayLeft, whyOf } from './resetting.ts';
import type { Settings } from './config/settings.ts';
import type { Context } from './core/context.ts';
import { EXIT } from './core/errors.ts';
import { warnTo } from './core/log.ts';
import type { Makings } from './core/makings.ts';
import { idlePlan, isIdle, type Plan } from './core/plan.ts';
import type { Rules } from './core/rulebook.ts';
import type { Consumed } from './core/run.ts';
import type { Anchor } from './fs/anchor.ts';
import { putBackTime } from './fs/attributes.ts';
import { lookAt } from './fs/look.ts';
import { forgetMade, noteMade, wasMade } from './fs/made.ts';
import { Recording } from './core/recording.ts';
import { onTrouble } from './fs/patience.ts';
import { StateDirectory } from './fs/private.ts';
import { seedSource } from './fs/copy.ts';
import { holesOf } from './fs/space.ts';
import { sweep } from './fs/sweep.ts';
import { isReadOnly, openTrees, readOnly, refuseWithoutProc, withVolume, type Opened } from './fs/trees.ts';
import { closeAgain, Unlocked } from './fs/writable.ts';
import { Account } from './report/account.ts';
import { sayBeginning, sayPlan } from './report/lines.ts';
import { consumedIn } from './state/history.ts';
import { removeJournal } from './state/journal.ts';
import { Session } from './state/session.ts';

/** Seeds, or says what it would do. Returns the exit code; throws `VolseedError` where the run as a whole failed. */
export async function seed(settings: Settings, context: Context): Promise<number> {
  let trees = openTrees(settings, false, warnTo(context.log));
  try {
    await refuseLacking(settings, trees, context);
    const rules = { ...rulesOf(settings, context.self, undefined), reset: await resetOf(settings, trees, context) };
    if (!settings.dryRun) trees = withVolume(trees, settings);
    if (settings.dryRun || trees.volume === undefined) return await plan(settings, rules, trees, context);
    return await sync(settings, rules, trees, trees.volume, context);
  } finally {
    trees.seed.close();
    trees.volume?.close();
  }
}

/** Asks, scans and reconciles, and tells: no lock, nothing touched. */
async function plan(settings: Settings, rules: Rules, trees: Opened, context: Context): Promise<number> {
  const { log } = context;
  const account = new Account(log);
  onTrouble(account.troubled);
  const { made, merging } = (await foresee(settings, rules, trees, account, context)) ?? NOTHING;
  sayPlan(log, made, account.expected(made));
  refuseRemovals(settings, made, merging);
  // What stands in the way is foreseen, and so no failure of the plan; what could not be read is.
  if (made.problems.some(({ kind }) => kind === 'failed')) return EXIT.partial;
  return settings.exitCode && !isIdle(made) ? EXIT.somethingToDo : EXIT.done;
}

async function sync(
  settings: Settings,
  rules: Rules,
  opened: Opened,
  volume: Anchor,
  context: Context,
): Promise<number> {
  const { log, pulse, self } = context;
  refuseWithoutProc(volume, self);
  if (isReadOnly(volume)) return await confirm(settings, rules, opened, context);
  using state = StateDirectory.open(volume, settings.stateDir);
  if (opened.made) noteMade(state, volume);
  using session = await Session.begin(state, { ...settings, imageVersion: versionOf(opened.seed), log, pulse });
  // Asked with the lock: whoever had it before may have made the target, and been through or not.
  const trees = { ...opened, made: opened.made || wasMade(state, volume) };
  let rootBefore = lookAt(volume.descriptorOfRoot);
  const account = new Account(log, settings.command === 'reset' ? 'Reset' : undefined);
  onTrouble(account.troubled);
  const unlocked = new Unlocked();
  try {
    sweep(state, volume, self);
    rootBefore = lookAt(volume.descriptorOfRoot);
    const due = ask(settings, rules, trees, state, (id) => session.consumed(id), context);
    if (due === undefined) {
      session.skip(account, 'left as it is: the image is older');
      return account.exitCode;
    }
    await healBase(settings, state, volume, context);
    const known = consultBase(settings, due, trees, state, context);
    const all = { ...due, merging: known.merging };
    const looked = (): Promise<Plan> => reconcile(settings, all, trees, unlocked, pulse, known.standing?.open);
    const made = known.settled ?? countedWith(known, await looked());
    for (const problem of made.problems) account.problem(problem);
    refuseRemovals(settings, made, known.merging);
    const recording = new Recording();
    const why = settings.backup.on && !backupIsOff(settings, due) ? whyOf(settings) : undefined;
    const source = seedSource(trees.seed);
    const proving = needsBase(settings) ? ('all' as const) : ('small' as const);
    const holes = (): number => holesOf(made, source);
    const keeping = { recording, proving, run: session.id, why, holes, source: () => source };
    prepareBase(settings, state, known, made);
    const intend = (staged: Makings): void => writeIntent(settings, state, known, made, staged);
    await carryOut(made, { settings, context, volume, state, account, unlocked, intend, ...keeping });
    if (trees.made) forgetMade(state, volume);
    account.end(made);
    const run = { id: session.id, exitCode: account.exitCode, seed: trees.seed, meanwhile: account.meanwhile };
    saveBase(settings, state, known, made, recording, run, context);
    if (!isIdle(made)) removeJournal(state);
    const resetId = due.reset && settings.reset?.id;
    sayLeft(resetId, due, made, account.meanwhile, log);
    session.complete(account, settings.flush && !isIdle(made), resetId);
    return account.exitCode;
  } catch (error) {
    session.fail(account, error);
    throw error;
  } finally {
    closeAgain(volume, unlocked);
    if (!settings.rootAttrs && !trees.made) putBackTime(volume.descriptorOfRoot, rootBefore);
  }
}

/** On a read-only mount there is nothing to lock and nothing to write: it is as it should be, or an error. */
async function confirm(settings: Settings, rules: Rules, trees: Opened, context: Context): Promise<number> {
  const account = new Account(context.log);
  onTrouble(account.troubled);
  const foreseen = await foresee(settings, rules, trees, account, context);
  if (foreseen === undefined) return account.exitCode;
  const { made, merging } = foreseen;
  refuseRemovals(settings, made, merging);
  const left = made.changes.length + made.removals.length;
  if (left > 0) throw readOnly(settings.target, left);
  account.end(made);
  return account.exitCode;
}

interface Foreseen {
  readonly made: Plan;
  readonly merging: Rules['merging'];
}

/** Where the volume is left as it is. */
const NOTHING: Foreseen = { made: idlePlan(0), merging: undefined };

/** What a seeding would come to, found out by looking alone; undefined where it would leave the volume as it is. */
async function foresee(
  settings: Settings,
  rules: Rules,
  trees: Opened,
  account: Account,
  context: Context,
): Promise<Foreseen | undefined> {
  const due = askByLooking(settings, rules, trees, context);
  if (due === undefined) return undefined;
  const merging = mergingOf(settings, trees, await baseToPlan(settings, trees, context), context);
  const made = await reconcile(settings, { ...due, merging }, trees, undefined, context.pulse);
  for (const problem of made.problems) account.problem(problem);
  return { made, merging };
}

function askByLooking(settings: Settings, rules: Rules, trees: Opened, context: Context): Rules | undefined {
  // Who may not read the state is to be told so only where something turns on it.
  const matters = settings.reset?.id !== undefined || mayBeKeptFrom(settings, trees.seed);
  using state = matters ? StateDirectory.look(trees.volume, settings.stateDir) : undefined;
  return ask(settings, rules, trees, state, (id) => state && consumedIn(state, id), context);
}

/**
 * What the state has to say before anything is compared: the rules with the reset that is due; undefined where the image is kept
 * from the volume. Throws `Refused` where it may not even start.
 */
function ask(
  settings: Settings,
  rules: Rules,
  { seed: image }: Opened,
  state: StateDirectory | undefined,
  consumed: (resetId: string) => Consumed | undefined,
  context: Context,
): Rules | undefined {
  const due = resetDue(rules, settings.reset, consumed, context.log);
  sayBeginning(context.log, settings, image);
  return isKeptFrom(settings, image, state, context) ? undefined : due;
}
