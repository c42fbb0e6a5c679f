/**
 * One seeding, phase by phase; each phase says in its own module what holds if it fails.
 *
 *   settle (config/settings.ts) → lock → scan → reconcile → refuse → back up → stage → flush → publish → flush → record
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
import { isKeptFrom, refuseRemovals, versionOf } from './guarding.ts';
import type { Reset, Settings } from './config/settings.ts';
import type { Context } from './core/context.ts';
import { EXIT } from './core/errors.ts';
import { warnTo, type Log } from './core/log.ts';
import type { Makings } from './core/makings.ts';
import { displayText } from './core/path.ts';
import { isIdle, type Plan } from './core/plan.ts';
import type { Rules } from './core/rulebook.ts';
import type { Anchor } from './fs/anchor.ts';
import { putBackTime } from './fs/attributes.ts';
import { lookAt } from './fs/look.ts';
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
import { Session } from './state/session.ts';

/** Seeds, or says what it would do. Returns the exit code; throws `VolseedError` where the run as a whole failed. */
export async function seed(settings: Settings, context: Context): Promise<number> {
  let trees = openTrees(settings, false, warnTo(context.log));
  try {
    await refuseLacking(settings, trees, context);
    if (!settings.dryRun) trees = withVolume(trees, settings);
    const rules = { ...rulesOf(settings, context.self, undefined), reset: await resetOf(settings, trees, context) };
    if (settings.dryRun || trees.volume === undefined) return await plan(settings, rules, trees, context);
    return await sync(settings, rules, trees, trees.volume, context);
  } finally {
    trees.seed.close();
    trees.volume?.close();
  }
}

/** Scan and reconcile, and tell: no lock, no state, nothing touched. */
async function plan(settings: Settings, rules: Rules, trees: Opened, context: Context): Promise<number> {
  const { log, pulse } = context;
  sayBeginning(log, settings, trees.seed);
  const account = new Account(log);
  onTrouble(account.troubled);
  const merging = mergingOf(settings, trees, await baseToPlan(settings, trees, context), context);
  const made = await reconcile(settings, { ...rules, merging }, trees, undefined, pulse);
  for (const problem of made.problems) account.problem(problem);
  sayPlan(log, made, account.expected(made));
  refuseRemovals(settings, made, merging);
  // What stands in the way is foreseen, and so no failure of the plan; what could not be read is.
  if (made.problems.some(({ kind }) => kind === 'failed')) return EXIT.partial;
  return settings.exitCode && !isIdle(made) ? EXIT.somethingToDo : EXIT.done;
}

async function sync(
  settings: Settings,
  rules: Rules,
  trees: Opened,
  volume: Anchor,
  context: Context,
): Promise<number> {
  const { log, pulse, self } = context;
  refuseWithoutProc(volume, self);
  if (isReadOnly(volume)) return await confirm(settings, rules, trees, context);
  using state = StateDirectory.open(volume, settings.stateDir);
  using session = await Session.begin(state, { ...settings, imageVersion: versionOf(trees.seed), log, pulse });
  let rootBefore = lookAt(volume.descriptorOfRoot);
  const account = new Account(log, settings.command === 'reset' ? 'Reset' : undefined);
  onTrouble(account.troubled);
  const unlocked = new Unlocked();
  try {
    sweep(state, volume, self);
    rootBefore = lookAt(volume.descriptorOfRoot);
    const due = resetDue(rules, settings.reset, session, log);
    sayBeginning(log, settings, trees.seed);
    if (isKeptFrom(settings, trees.seed, state, context)) {
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
    account.end(made);
    const run = { id: session.id, exitCode: account.exitCode, seed: trees.seed, meanwhile: account.meanwhile };
    saveBase(settings, state, known, made, recording, run, context);
    session.complete(account, settings.flush && !isIdle(made), due.reset && settings.reset?.id);
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
  const { log, pulse } = context;
  sayBeginning(log, settings, trees.seed);
  const account = new Account(log);
  onTrouble(account.troubled);
  const merging = mergingOf(settings, trees, await baseToPlan(settings, trees, context), context);
  const made = await reconcile(settings, { ...rules, merging }, trees, undefined, pulse);
  for (const problem of made.problems) account.problem(problem);
  const left = made.changes.length + made.removals.length;
  if (left > 0) throw readOnly(settings.target, left);
  account.end(made);
  return account.exitCode;
}

/** A reset with an id is done once; says what is the case. */
function resetDue(rules: Rules, reset: Reset | undefined, session: Session, log: Log): Rules {
  if (reset === undefined || rules.reset === undefined || reset.by === 'reset') return rules;
  if (reset.id === undefined) {
    log.write('info', `Resetting what ${reset.by} names, as at every start; --reset-id makes it happen once.`);
    return rules;
  }
  const before = session.consumed(reset.id);
  if (before === undefined) {
    log.write(
      'info',
      `Resetting what ${reset.by} names: reset ${displayText(reset.id)} was not applied to this volume yet.`,
    );
    return rules;
  }
  log.write('info', `Reset ${displayText(reset.id)} was applied on ${before.applied}, and is not done again.`);
  return { ...rules, reset: undefined };
}

/** On by default for a reset: not once the reset is done, unless it was asked for. */
function backupIsOff({ backup }: Settings, rules: Rules): boolean {
  return rules.reset === undefined && !backup.asked;
}

function whyOf({ command, reset }: Settings): string {
  const what = reset?.patterns === undefined ? 'everything' : reset.patterns.join(' ');
  if (command === 'reset') return `before reset of ${displayText(what)}`;
  return reset === undefined ? `before ${command}` : `before ${command} with reset of ${displayText(what)}`;
}
