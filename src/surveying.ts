/** `status`: what was done to a volume, who is at work on it, and how it differs from the image now. Nothing is touched. */
import { baseToPlan, mergingOf } from './basing.ts';
import { reconcile, rulesOf } from './comparing.ts';
import type { Settings } from './config/settings.ts';
import type { Context } from './core/context.ts';
import { differencesOf, type Difference } from './core/differences.ts';
import { EXIT, VolseedError } from './core/errors.ts';
import { warnTo } from './core/log.ts';
import type { Survey } from './core/survey.ts';
import type { Anchor } from './fs/anchor.ts';
import { StateDirectory } from './fs/private.ts';
import { openTrees, openVolume } from './fs/trees.ts';
import { Account } from './report/account.ts';
import { saySurvey } from './report/survey.ts';
import { readHistory } from './state/history.ts';
import { readHolder } from './state/holder.ts';
import { isHeld } from './state/lock.ts';

/** Returns the exit code. What cannot be told is said in a warning, and the rest is told. */
export async function status(settings: Settings, context: Context): Promise<number> {
  const { log } = context;
  const volume = openVolume(settings);
  try {
    const told = (action: () => Known): Known => {
      try {
        return action();
      } catch (error) {
        if (!(error instanceof VolseedError)) throw error;
        log.write('warn', `the state cannot be read: ${error.message}`);
        return UNKNOWN;
      }
    };
    const known = told(() => lookAtState(settings, volume, context));
    const { differences, same } = await compare(settings, context);
    const { target, seeds } = settings;
    saySurvey(
      log,
      { target, seeds: seeds.map(({ source, into }) => ({ source, into })), ...known, differences, same },
      settings.json,
    );
    return EXIT.done;
  } finally {
    volume.close();
  }
}

type Known = Omit<Survey, 'target' | 'seeds' | 'differences' | 'same'>;

const NONE: Known = { state: null, atWork: false, holder: null, interrupted: null, history: undefined };
const UNKNOWN: Known = { ...NONE, atWork: null };

function lookAtState({ stateDir }: Settings, volume: Anchor, { log }: Context): Known {
  using directory = StateDirectory.look(volume, stateDir);
  if (directory === undefined) return NONE;
  // The holder first: one that ends in between is then no dead one.
  const holder = readHolder(directory) ?? null;
  const atWork = isHeld(directory);
  const history = readHistory(directory);
  if (history === 'damaged')
    log.write(
      'warn',
      `the state in ${directory.shownAs} cannot be read; the next run moves it aside and begins a new one`,
    );
  return {
    state: directory.shownAs,
    atWork,
    holder: atWork ? holder : null,
    interrupted: atWork ? null : holder,
    history: history === 'damaged' ? undefined : history,
  };
}

async function compare(
  settings: Settings,
  context: Context,
): Promise<{ readonly differences: readonly Difference[] | null; readonly same: number }> {
  const { log, pulse, self } = context;
  try {
    const trees = openTrees(settings, false, warnTo(log));
    try {
      const merging = mergingOf(settings, trees, await baseToPlan(settings, trees, context), context);
      const plan = await reconcile(settings, rulesOf(settings, self, merging), trees, undefined, pulse);
      const account = new Account(log);
      for (const problem of plan.problems) account.problem(problem);
      return { differences: differencesOf(plan), same: plan.same };
    } finally {
      trees.seed.close();
      trees.volume?.close();
    }
  } catch (error) {
    if (!(error instanceof VolseedError) || error.exitCode !== EXIT.usage) throw error;
    log.write('warn', `how the volume differs from the image is not known: ${error.message}`);
    return { differences: null, same: 0 };
  }
}
