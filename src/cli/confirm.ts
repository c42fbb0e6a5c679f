/** The question before a reset of everything, and before a restore. */
import type { Settings } from '../config/settings.ts';
import { UsageError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { displayText } from '../core/path.ts';
import { ask, isTerminal } from '../process/terminal.ts';

/** Throws `UsageError` where the answer is no, or nobody can be asked. */
export function confirm({ command, reset, target, yes, dryRun }: Settings, log: Log): void {
  const wide = reset?.patterns === undefined || reset.deleteExtra;
  if (yes || dryRun || (command === 'reset' && !wide)) return;
  const question = questionOf(command, reset?.deleteExtra === true, displayText(target));
  if (!isTerminal()) {
    // What a restore overwrites is in a backup again, and nothing of it was asked for wholesale.
    if (command === 'restore') return;
    throw new UsageError(`${question}: there is no terminal to confirm that on; say --yes`);
  }
  log.flush();
  if (!ask(`${question} (a backup is made first). Go on? [y/N] `))
    throw new UsageError('not confirmed; nothing was touched');
}

function questionOf(command: string, deleteExtra: boolean, target: string): string {
  if (command === 'restore') return `this overwrites what the backup holds in ${target}`;
  const also = deleteExtra ? ', and removes what is only there' : '';
  return `this puts the image's version back in ${target}${also}, edited or not`;
}
