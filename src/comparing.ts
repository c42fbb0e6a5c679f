/** What the volume should get: seed, volume and rules to a plan. Nothing is touched. */
import { selectBy } from './config/patterns.ts';
import type { Settings } from './config/settings.ts';
import type { Context } from './core/context.ts';
import { Refused } from './core/errors.ts';
import type { Identity } from './core/identity.ts';
import type { RelPath } from './core/path.ts';
import type { Plan } from './core/plan.ts';
import { Planning } from './core/planning.ts';
import type { PathRule, ResetRules, Rules } from './core/rulebook.ts';
import type { Pulse } from './core/pulse.ts';
import { Narrow } from './fs/narrow.ts';
import { ruleOf } from './core/rules.ts';
import { tooFew } from './core/safety.ts';
import { countFiles, isEmptySeed } from './fs/count.ts';
import { scan, type Trees } from './fs/scan.ts';
import type { Seed } from './fs/seed.ts';
import { passedOver, rootsOf, type Opened } from './fs/trees.ts';
import type { Unlocked } from './fs/writable.ts';
import { owner } from './process/accounts.ts';

/**
 * Scans and decides: what the volume is to get, as a plan.
 * @param only paths that are looked at, with what is below; all where undefined.
 */
export async function reconcile(
  settings: Settings,
  rules: Rules,
  { made, ...opened }: Opened,
  unlocked: Unlocked | undefined,
  pulse: Pulse,
  only?: readonly RelPath[],
): Promise<Plan> {
  const planning = new Planning(rules, settings.rootAttrs || made ? rootsOf(opened) : undefined);
  const trees: Trees = { ...opened, passedOver: passedOver(settings), unlocked };
  await scan(trees, pulse, only === undefined ? planning : new Narrow(planning, only));
  return planning.plan();
}

/** @param merging what was seeded before, where a decision turns on it. */
export function rulesOf(settings: Settings, self: Identity, merging: Rules['merging']): Rules {
  const { chown, command } = settings;
  const isReset = command === 'reset';
  const each = resolved(settings.rules);
  const at = atOf(each, settings.seeds);
  return {
    ...settings,
    // Nothing else is a reset's affair.
    policy: isReset ? 'never' : settings.policy,
    at: isReset ? withoutPolicy(at) : at,
    each: each.map(({ sets }) => sets),
    reset: undefined,
    merging,
    self,
    owner: chown === undefined ? { uid: undefined, gid: undefined } : owner(chown.value, chown.by),
  };
}

/** What rules and seeds say of single paths; undefined where they say nothing. A rule is stronger than the policy of a seed. */
export function pathRules({ rules, seeds }: Pick<Settings, 'rules' | 'seeds'>): Rules['at'] {
  return atOf(resolved(rules), seeds);
}

/** With the owners that are called by their names. */
function resolved(rules: Settings['rules']): Parameters<typeof ruleOf>[0] {
  return rules.map(({ matches, sets, by, owner: named }) => {
    const owned = named && { owner: owner(named.value, named.by) };
    return { matches, sets: { ...sets, ...(sets.policy && { by }), ...owned } };
  });
}

function atOf(rules: Parameters<typeof ruleOf>[0], seeds: Settings['seeds']): Rules['at'] {
  const ofSeeds = seeds.map(({ policy, by }): PathRule => (policy === undefined ? {} : { policy, by }));
  const ofRules = ruleOf(rules);
  if (ofSeeds.every(({ policy }) => policy === undefined)) return rules.length === 0 ? undefined : ofRules;
  const ofOne = seeds.length === 1 ? 0 : -1;
  return (path, seed) => ({ ...ofSeeds[seed === undefined ? -1 : (seed.origin ?? ofOne)], ...ofRules(path) });
}

function withoutPolicy(at: Rules['at']): Rules['at'] {
  if (at === undefined) return undefined;
  return (path, seed) => {
    const { policy: _, ...rule } = at(path, seed);
    return rule;
  };
}

/** What the safety rules say of the seeds, before anything is touched. Throws `Refused`; an empty seed is said in a warning. */
export async function refuseLacking({ safety }: Settings, { parts }: Opened, { log, pulse }: Context): Promise<void> {
  for (const { seed, named, passedOver: ignored } of parts) {
    const found = await countFiles(seed, ignored, safety.minSeedFiles, pulse);
    const refusal = tooFew(found, safety);
    if (refusal !== undefined) throw new Refused(`${named} ${refusal}`);
    if (isEmptySeed(seed, ignored)) log.write('warn', `${named} is empty; is it mounted?`);
  }
}

/** Which paths a reset is of: settled before anything is touched. Throws `UsageError` where a pattern selects nothing. */
export async function resetOf(
  { reset, target, selection, ...settings }: Settings,
  trees: Opened,
  { pulse }: Context,
): Promise<ResetRules | undefined> {
  if (reset === undefined) return undefined;
  const { patterns, by, deleteExtra } = reset;
  if (patterns === undefined) return { include: undefined, deleteExtra };
  const paths = await pathsOf(trees.seed, passedOver({ target, ...settings }), pulse);
  return { include: await selectBy(patterns, { by, target, paths, selection, of: 'the seed' }), deleteExtra };
}

/** Every path of the seed. */
export async function pathsOf(tree: Seed, ignored: (path: RelPath) => boolean, pulse: Pulse): Promise<RelPath[]> {
  const paths: RelPath[] = [];
  await scan({ seed: tree, volume: undefined, passedOver: ignored, unlocked: undefined }, pulse, {
    asksContent: () => false,
    visit: ({ path }) => {
      paths.push(path);
      return 'seed';
    },
    // Said when the trees are scanned.
    problem: () => {},
  });
  return paths;
}
