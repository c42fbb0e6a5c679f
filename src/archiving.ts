/** `backup`: archives what the volume has at the seed's paths; `backups`: lists what there is. */
import { save } from './applying.ts';
import { listBackups, prune } from './archive/backups.ts';
import { pathsOf } from './comparing.ts';
import { selectBy } from './config/patterns.ts';
import type { Settings } from './config/settings.ts';
import type { Context } from './core/context.ts';
import { EXIT } from './core/errors.ts';
import { warnTo } from './core/log.ts';
import { parentOf, type RelPath } from './core/path.ts';
import type { Saving, ToSave } from './core/saving.ts';
import { select, type Selected } from './core/selection.ts';
import type { Anchor } from './fs/anchor.ts';
import { onTrouble } from './fs/patience.ts';
import { StateDirectory } from './fs/private.ts';
import { scan } from './fs/scan.ts';
import { openTrees, openVolume, passedOver, refuseWithoutProc, type Opened } from './fs/trees.ts';
import { Account } from './report/account.ts';
import { sayBackups } from './report/lines.ts';
import { Session } from './state/session.ts';

export async function backup(settings: Settings, context: Context): Promise<number> {
  const { log, pulse, self } = context;
  const trees = openTrees(settings, false, warnTo(log));
  const volume = trees.volume ?? openVolume(settings);
  try {
    refuseWithoutProc(volume, self);
    const account = new Account(log);
    onTrouble(account.troubled);
    const saving = await savingOf(settings, trees, volume, account, context);
    using state = StateDirectory.open(volume, settings.stateDir);
    using session = await Session.begin(state, { ...settings, imageVersion: null, log, pulse });
    try {
      if (saving.entries.length === 0)
        log.write('info', 'The volume has none of the paths: there is nothing to back up.');
      else {
        await save(saving, 'asked for', volume, { settings, state, context, run: session.id });
        using directory = StateDirectory.backups(state, settings.backup.directory);
        prune(directory, settings.backup.keep);
      }
      session.complete(account, settings.flush);
      return account.exitCode;
    } catch (error) {
      session.fail(account, error);
      throw error;
    }
  } finally {
    trees.seed.close();
    volume.close();
  }
}

/** Tells what there is, and touches nothing. */
export function backups(settings: Settings, { log }: Context): number {
  const volume = openVolume(settings);
  try {
    using state = StateDirectory.look(volume, settings.stateDir);
    using directory = StateDirectory.lookAtBackups(state, settings.backup.directory);
    sayBackups(log, directory === undefined ? [] : listBackups(directory), settings.json);
    return EXIT.done;
  } finally {
    volume.close();
  }
}

async function savingOf(
  { operands, target, selection, ...settings }: Settings,
  { seed }: Opened,
  volume: Anchor,
  account: Account,
  { pulse }: Context,
): Promise<Saving> {
  const ignored = passedOver({ target, ...settings });
  const terms = { by: 'backup', target, selection, of: 'the seed' };
  const paths = operands.length === 0 ? [] : await pathsOf(seed, ignored, pulse);
  const include = operands.length === 0 ? undefined : await selectBy(operands, { ...terms, paths });
  const entries: ToSave[] = [];
  const said = new Map<RelPath, readonly [Selected, Selected]>();
  await scan({ seed, volume, passedOver: ignored, unlocked: undefined }, pulse, {
    asksContent: () => false,
    visit: ({ path, volume: entry }) => {
      const [seeded, asked] = said.get(parentOf(path)) ?? [
        selection.include === undefined ? 'in' : 'below',
        include === undefined ? 'in' : 'below',
      ];
      const now = [select(selection, path, seeded), select({ include, exclude: undefined }, path, asked)] as const;
      if (now[0] === 'out' || entry === undefined || entry.kind === 'other') return 'skip';
      said.set(path, now);
      const whole = now[0] === 'in' && now[1] === 'in';
      if (whole || entry.kind === 'directory') entries.push({ path, entry, holds: whole ? 'content' : 'attributes' });
      return 'both';
    },
    problem: account.problem,
  });
  return { entries, absent: [], special: [] };
}
