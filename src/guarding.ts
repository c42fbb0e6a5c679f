/** The safety rules that a plan, or the image it is from, may offend against. Nothing has been touched when they are asked. */
import type { Settings } from './config/settings.ts';
import type { Context } from './core/context.ts';
import { Refused } from './core/errors.ts';
import { displayText } from './core/path.ts';
import type { Plan } from './core/plan.ts';
import type { Rules } from './core/rulebook.ts';
import { refusalOf } from './core/safety.ts';
import { isOlder } from './core/version.ts';
import type { StateDirectory } from './fs/private.ts';
import type { Seed } from './fs/seed.ts';
import { readHistory } from './state/history.ts';

/** Throws `Refused` where more would be removed than may be. */
export function refuseRemovals({ safety }: Settings, { removals, lost }: Plan, merging: Rules['merging']): void {
  const removed = removals.filter(({ reason }) => reason === 'obsolete').length;
  const refusal = refusalOf({ removed, base: merging?.base.size ?? 0, lost, downgrade: false }, safety);
  if (refusal !== undefined) throw new Refused(refusal);
}

/** What the image is called: by its environment, else by its manifest. A variable that is empty counts as not set. */
export function versionOf(seed: Seed): string | null {
  const named = process.env['VOLSEED_IMAGE_VERSION'];
  return (named === '' ? undefined : named) ?? seed.version ?? null;
}

/** Whether it turns on the state that the image is kept from the volume. */
export function mayBeKeptFrom({ safety }: Settings, seed: Seed): boolean {
  return safety.onDowngrade !== 'allow' && versionOf(seed) !== null;
}

/**
 * Whether an image older than what the volume was last seeded with is to leave the volume alone; says so. Throws `Refused`
 * where it may not even start.
 */
export function isKeptFrom(
  { safety, target }: Settings,
  seed: Seed,
  state: StateDirectory | undefined,
  { log }: Context,
): boolean {
  const image = versionOf(seed);
  if (safety.onDowngrade === 'allow' || image === null || state === undefined) return false;
  const history = readHistory(state);
  if (history === undefined || history === 'damaged') return false;
  const last = history.runs.find(({ status, imageVersion }) => status === 'completed' && imageVersion !== null);
  const before = last?.imageVersion;
  if (before === undefined || before === null) return false;
  const older = isOlder(image, before);
  const shown = [displayText(image), displayText(before)] as const;
  if (older === undefined) {
    if (image !== before)
      log.write(
        'warn',
        `nobody can tell which of the image versions ${shown[0]} and ${shown[1]} is the older; it is seeded`,
      );
    return false;
  }
  if (!older) return false;
  const refusal = refusalOf({ removed: 0, base: 0, lost: 0, downgrade: true }, safety);
  if (refusal !== undefined) throw new Refused(`${shown[0]} is older than ${shown[1]}: ${refusal}`);
  log.write(
    'warn',
    `image version ${shown[0]} is older than ${shown[1]}, which ${displayText(target)} was last seeded with: nothing is seeded (onDowngrade keep)`,
  );
  return true;
}
