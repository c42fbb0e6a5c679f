/**
 * One seeding, phase by phase; each phase says in its own module what holds if it fails.
 *
 *   settle (config/settings.ts) → lock → scan → reconcile → refuse → back up → stage → flush → publish → flush → record
 *
 * Killed anywhere, the next run ends where an undisturbed one would have, and no byte a user wrote is lost.
 */
import { carryOut } from './applying.ts';
import { reconcile, resetOf, rulesOf } from './comparing.ts';
import type { Reset, Settings } from './config/settings.ts';
import type { Context } from './core/context.ts';
import { EXIT } from './core/errors.ts';
import { warnTo, type Log } from './core/log.ts';
import { displayText } from './core/path.ts';
import { isIdle } from './core/plan.ts';
import type { Rules } from './core/planning.ts';
import type { Anchor } from './fs/anchor.ts';
import { putBackTime } from './fs/attributes.ts';
import { lookAt } from './fs/disk.ts';
import { StateDirectory } from './fs/private.ts';
import { seedSource } from './fs/copy.ts';
import { sweep } from './fs/stage.ts';
import { isReadOnly, openTrees, readOnly, refuseWithoutProc, type Opened } from './fs/trees.ts';
import { closeAgain, Unlocked } from './fs/writable.ts';
import { Account } from './report/account.ts';
import { sayBeginning, sayPlan } from './report/lines.ts';
import { Session } from './state/session.ts';

/** Seeds, or says what it would do. Returns the exit code; throws `VolseedError` where the run as a whole failed. */
export async function seed(settings: Settings, context: Context): Promise<number> {
  const trees = openTrees(settings, !settings.dryRun, warnTo(context.log));
  try {
    const rules = { ...rulesOf(settings, context.self), reset: await resetOf(settings, trees, context) };
    if (settings.dryRun || trees.volume === undefined) return await plan(settings, rules, trees, context);
    return await sync(settings, rules, trees, trees.volume, context);
  } finally {
    trees.seed.close();
    trees.volume?.close();
  }
}

/** Scan and reconcile, and tell: no lock, no state, nothing touched. */
async function plan(settings: Settings, rules: Rules, trees: Opened, { log, pulse }: Context): Promise<number> {
  sayBeginning(log, settings, trees.seed);
  const account = new Account(log);
  const made = await reconcile(settings, rules, trees, undefined, pulse);
  for (const problem of made.problems) account.problem(problem);
  sayPlan(log, made, account.expected(made));
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
  using session = await Session.begin(state, { ...settings, log, pulse });
  const rootBefore = lookAt(volume.descriptorOfRoot);
  const account = new Account(log, settings.command === 'reset' ? 'Reset' : undefined);
  const unlocked = new Unlocked();
  try {
    sweep(state, volume, self);
    const due = resetDue(rules, settings.reset, session, log);
    sayBeginning(log, settings, trees.seed);
    const made = await reconcile(settings, due, trees, unlocked, pulse);
    for (const problem of made.problems) account.problem(problem);
    const why = settings.backup.on && !backupIsOff(settings, due) ? whyOf(settings) : undefined;
    const source = seedSource(trees.seed);
    const work = { settings, context, volume, state, account, unlocked, run: session.id, why, source: () => source };
    await carryOut(made, work);
    account.end(made);
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
async function confirm(settings: Settings, rules: Rules, trees: Opened, { log, pulse }: Context): Promise<number> {
  sayBeginning(log, settings, trees.seed);
  const account = new Account(log);
  const made = await reconcile(settings, rules, trees, undefined, pulse);
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
