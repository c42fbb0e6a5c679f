/** The reset that a run is to do: whether it is due, what is backed up for it, and what it could not do. */
import type { Reset, Settings } from './config/settings.ts';
import type { Log } from './core/log.ts';
import { displayText, isBelow, type RelPath } from './core/path.ts';
import type { Kept, Plan } from './core/plan.ts';
import type { Rules } from './core/rulebook.ts';
import type { Consumed } from './core/run.ts';
import { isNamed } from './core/selection.ts';
import { count } from './core/words.ts';

/** A reset with an id is done once; says what is the case. */
export function resetDue(
  rules: Rules,
  reset: Reset | undefined,
  consumed: (resetId: string) => Consumed | undefined,
  log: Log,
): Rules {
  if (reset === undefined || rules.reset === undefined || reset.by === 'reset') return rules;
  if (reset.id === undefined) {
    log.write('info', `Resetting what ${reset.by} names, as at every start; --reset-id makes it happen once.`);
    return rules;
  }
  const before = consumed(reset.id);
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

/**
 * Says how many paths of a reset with an id somebody changed meanwhile: they were not reset, nor what is below them. It is not
 * done again for that: what users have edited since would go with it, at each start where a service always writes.
 */
export function sayLeft(
  id: string | undefined,
  { reset }: Rules,
  { changes }: Plan,
  meanwhile: readonly Kept[],
  log: Log,
): void {
  if (reset === undefined || id === undefined) return;
  const isReset = (path: RelPath): boolean => isNamed(reset.include, path);
  const holdsReset = (path: RelPath): boolean => changes.some((each) => isBelow(each.path, path) && isReset(each.path));
  const changed = meanwhile.filter(({ reason }) => reason === 'changed meanwhile');
  const left = changed.filter(({ path }) => isReset(path) || holdsReset(path)).length;
  if (left === 0) return;
  const message = `reset ${displayText(id)} left ${count(left, 'path')} that changed meanwhile; volseed reset, or another id, resets what is left`;
  log.write('warn', message, { event: 'reset', id, left });
}

/** On by default for a reset: not once the reset is done, unless it was asked for. */
export function backupIsOff({ backup }: Settings, rules: Rules): boolean {
  return rules.reset === undefined && !backup.asked;
}

export function whyOf({ command, reset }: Settings): string {
  const what = reset?.patterns === undefined ? 'everything' : reset.patterns.join(' ');
  if (command === 'reset') return `before reset of ${displayText(what)}`;
  return reset === undefined ? `before ${command}` : `before ${command} with reset of ${displayText(what)}`;
}
