/**
 * One seeding, phase by phase; each phase says in its own module what holds if it fails.
 *
 *   settle (config/settings.ts) → lock → scan → reconcile → refuse → stage → flush → publish → flush → record
 *
 * Killed anywhere, the next run ends where an undisturbed one would have, and no byte a user wrote is lost.
 */
import type { Settings } from './config/settings.ts';
import { EXIT } from './core/errors.ts';
import type { Identity } from './core/identity.ts';
import type { Log } from './core/log.ts';
import type { Plan } from './core/plan.ts';
import { Planning, type Rules } from './core/planning.ts';
import type { Pulse } from './core/pulse.ts';
import type { Anchor } from './fs/anchor.ts';
import { putBackTime } from './fs/attributes.ts';
import { lookAt } from './fs/disk.ts';
import { flush } from './fs/flush.ts';
import { StateDirectory } from './fs/private.ts';
import { publish } from './fs/publish.ts';
import { scan, type Trees } from './fs/scan.ts';
import { refuseIfLacking } from './fs/space.ts';
import { Stage, sweep } from './fs/stage.ts';
import { isReadOnly, openTrees, passedOver, readOnly, refuseWithoutProc, rootsOf, type Opened } from './fs/trees.ts';
import { closeAgain, Unlocked } from './fs/writable.ts';
import { owner } from './process/accounts.ts';
import { Account } from './report/account.ts';
import { sayBeginning, sayPlan } from './report/lines.ts';
import { Session } from './state/session.ts';

export interface Context {
  readonly log: Log;
  readonly pulse: Pulse;
  readonly self: Identity;
}

/** Seeds, or says what it would do. Returns the exit code; throws `VolseedError` where the run as a whole failed. */
export async function seed(settings: Settings, context: Context): Promise<number> {
  const rules = rulesOf(settings, context.self);
  const trees = openTrees(settings, !settings.dryRun);
  try {
    if (settings.dryRun || trees.volume === undefined) return await plan(settings, rules, trees, context);
    return await sync(settings, rules, trees, trees.volume, context);
  } finally {
    trees.seed.close();
    trees.volume?.close();
  }
}

/** Scan and reconcile, and tell: no lock, no state, nothing touched. */
async function plan(settings: Settings, rules: Rules, trees: Opened, { log, pulse }: Context): Promise<number> {
  sayBeginning(log, settings);
  const account = new Account(log);
  const made = await reconcile(settings, rules, trees, undefined, pulse);
  for (const problem of made.problems) account.problem(problem);
  sayPlan(log, made, account.expected(made));
  // What stands in the way is foreseen, and so no failure of the plan; what could not be read is.
  if (made.problems.some(({ kind }) => kind === 'failed')) return EXIT.partial;
  return settings.exitCode && made.changes.length > 0 ? EXIT.somethingToDo : EXIT.done;
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
  const account = new Account(log);
  const unlocked = new Unlocked();
  let stage: Stage | undefined;
  try {
    sweep(state, volume, self);
    sayBeginning(log, settings);
    const made = await reconcile(settings, rules, trees, unlocked, pulse);
    for (const problem of made.problems) account.problem(problem);
    refuseIfLacking(made, volume);
    if (made.changes.length > 0) {
      stage = Stage.open({ seed: trees.seed, volume, state, self, pulse, problem: account.problem }, session.id);
      await apply(made, stage, volume, unlocked, settings.flush, account, context);
    }
    account.end(made);
    session.complete(account, settings.flush && made.changes.length > 0);
    return account.exitCode;
  } catch (error) {
    session.fail(account, error);
    throw error;
  } finally {
    closeAgain(volume, unlocked);
    stage?.[Symbol.dispose]();
    if (!settings.rootAttrs && !trees.made) putBackTime(volume.descriptorOfRoot, rootBefore);
  }
}

/** On a read-only mount there is nothing to lock and nothing to write: it is as it should be, or an error. */
async function confirm(settings: Settings, rules: Rules, trees: Opened, { log, pulse }: Context): Promise<number> {
  sayBeginning(log, settings);
  const account = new Account(log);
  const made = await reconcile(settings, rules, trees, undefined, pulse);
  for (const problem of made.problems) account.problem(problem);
  if (made.changes.length > 0) throw readOnly(settings.target, made.changes.length);
  account.end(made);
  return account.exitCode;
}

async function reconcile(
  settings: Settings,
  rules: Rules,
  { made, ...opened }: Opened,
  unlocked: Unlocked | undefined,
  pulse: Pulse,
): Promise<Plan> {
  const planning = new Planning(rules, settings.rootAttrs || made ? rootsOf(opened) : undefined);
  const trees: Trees = { ...opened, passedOver: passedOver(settings), unlocked };
  await scan(trees, pulse, planning);
  return planning.plan();
}

/** Stage, flush, publish, flush. */
async function apply(
  made: Plan,
  stage: Stage,
  volume: Anchor,
  unlocked: Unlocked,
  toDisk: boolean,
  account: Account,
  { self, pulse }: Context,
): Promise<void> {
  const publication = { volume, self, pulse, opened: unlocked, trash: () => stage.trash, ...account.listeners };
  let staged = await stage.fill(made);
  for (;;) {
    if (toDisk) await flush(volume.descriptorOfRoot, stage.written(staged));
    const { crossing, touched } = await publish(made, staged, publication);
    if (toDisk) await flush(volume.descriptorOfRoot, touched);
    if (crossing.length === 0) return;
    made = { ...made, changes: crossing.flatMap(({ top, below }) => [top, ...below]) };
    staged = await stage.fillBeside(crossing);
  }
}

function rulesOf(settings: Settings, self: Identity): Rules {
  const { chown } = settings;
  return {
    ...settings,
    self,
    owner: chown === undefined ? { uid: undefined, gid: undefined } : owner(chown.value, chown.by),
  };
}
