/** `explain`: one path, what seed and volume have there, and what a seeding would do with it. Nothing is touched. */
import { lookAtBase, mergingOf, needsBase } from './basing.ts';
import { pathsOf, rulesOf } from './comparing.ts';
import { compileGlobs } from './config/globs.ts';
import { closestPaths, pathIn } from './config/patterns.ts';
import type { Settings } from './config/settings.ts';
import type { Context } from './core/context.ts';
import { differencesOf } from './core/differences.ts';
import type { Entry } from './core/entry.ts';
import { codeOf, EXIT, explain as inWords, UsageError, VolumeError } from './core/errors.ts';
import { outcomeOf, type Held, type Outcome } from './core/explanation.ts';
import { warnTo } from './core/log.ts';
import {
  display,
  displayText,
  isBelow,
  nameOf,
  namesOf,
  parentOf,
  ROOT,
  join,
  type Name,
  type RelPath,
} from './core/path.ts';
import { Planning } from './core/planning.ts';
import type { Rules } from './core/rulebook.ts';
import type { Policy } from './core/policy.ts';
import type { Plan } from './core/plan.ts';
import type { Pulse } from './core/pulse.ts';
import { close } from './fs/disk.ts';
import { sha256 } from './fs/hash.ts';
import { Narrow } from './fs/narrow.ts';
import { scan } from './fs/scan.ts';
import { DirectorySeed, type Seed } from './fs/seed.ts';
import { openTrees, passedOver, type Opened } from './fs/trees.ts';
import { sayExplanation } from './report/explanation.ts';

/** Bytes; more than that is not read only to be shown. */
const CHEAP = 64 * 1024 * 1024;

/** Returns the exit code; throws `UsageError` where neither seed nor volume has the path. */
export async function explain(settings: Settings, context: Context): Promise<number> {
  const path = pathOf(settings);
  const { log, pulse } = context;
  const trees = openTrees(settings, false, warnTo(log));
  try {
    const seed = await heldIn(trees.seed, path, 'the seed', pulse);
    const volume = trees.volume && (await heldIn(new DirectorySeed(trees.volume), path, 'the volume', pulse));
    const base = await lookAtBase(settings, trees.volume, context);
    const based = base?.get(path);
    if (seed === undefined && volume === undefined && based === undefined)
      throw await unknown(path, settings, trees, pulse);
    const merging = needsBase(settings) ? mergingOf(settings, trees, base, context) : undefined;
    const rules = rulesOf(settings, context.self, merging);
    const policy = policyOf(path, seed, rules, settings);
    const planning = new Planning(rules, undefined);
    const narrow = new Narrow(planning, [path]);
    const ignored = passedOver(settings);
    await scan({ ...trees, passedOver: ignored, unlocked: undefined }, pulse, narrow);
    const plan = planning.plan();
    const outcome = chain(path).some((at) => ignored(at))
      ? { verb: 'none' as const, reason: "of volseed or the file system, not of the seed's data" }
      : ((await unselected(path, plan, settings)) ??
        outcomeAt(path, seed, volume, plan, narrow.stoppedAt.get(path), policy.value));
    const above = chain(parentOf(path)).map((at) => ({ path: at, ...outcomeOf(plan, at) }));
    sayExplanation(
      log,
      {
        path,
        policy,
        seed,
        base: based,
        volume,
        outcome,
        above: above.filter(({ verb }) => verb !== 'same'),
        below: differencesOf(below(plan, path)),
      },
      settings.json,
    );
    return outcome.verb === 'failed' ? EXIT.partial : EXIT.done;
  } finally {
    trees.seed.close();
    trees.volume?.close();
  }
}

/** The policy of one path, and what gave it: a rule, its seed, or what holds for all. */
function policyOf(
  path: RelPath,
  seed: Held | undefined,
  { at }: Rules,
  settings: Settings,
): { readonly value: Policy; readonly by: string } {
  const { policy, by } = at?.(path, seed?.entry) ?? {};
  if (policy === undefined) return { value: settings.policy, by: settings.policyBy };
  return { value: policy, by: by ?? settings.policyBy };
}

function pathOf({ operands, target }: Settings): RelPath {
  const [given, ...more] = operands;
  if (given === undefined || more.length > 0)
    throw new UsageError('explain takes one path, as in volseed explain tables/t2.csv');
  const path = pathIn(given, { by: 'explain', target });
  if (path !== ROOT) return path;
  throw new UsageError(
    "explain: that is the volume's root, which keeps its own mode, owner and mtime; name a path in it",
  );
}

/** Undefined where there is nothing: also where a directory above it is none. */
async function heldIn(tree: Seed, path: RelPath, where: string, pulse: Pulse): Promise<Held | undefined> {
  try {
    tree.enter(parentOf(path));
    const entry = tree.look(nameOf(path));
    return entry && { entry, sha256: await hashOf(tree, entry, nameOf(path), pulse) };
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes(codeOf(error) ?? '')) return undefined;
    throw new VolumeError(`${display(path)} cannot be looked at in ${where}: ${inWords(error)}`, { cause: error });
  }
}

/** Undefined where it is large, or may not be read. */
async function hashOf(tree: Seed, entry: Entry, name: Name, pulse: Pulse): Promise<string | undefined> {
  if (entry.kind !== 'file' || entry.size > CHEAP) return undefined;
  let descriptor: number;
  try {
    descriptor = tree.open(name);
  } catch {
    return undefined;
  }
  try {
    return await sha256(descriptor, pulse);
  } finally {
    close(descriptor);
  }
}

async function unknown(path: RelPath, settings: Settings, { seed }: Opened, pulse: Pulse): Promise<UsageError> {
  const near = closestPaths(path, await pathsOf(seed, passedOver(settings), pulse));
  const hint = near.length === 0 ? '' : `; closest of the seed are ${near.map(display).join(', ')}`;
  return new UsageError(`explain: neither the seed nor the volume has ${display(path)}${hint}`);
}

/** Where a glob leaves the path out: which one. A directory is made all the same for what is selected below it. */
async function unselected(
  path: RelPath,
  { changes }: Plan,
  { selection, excluded, included }: Settings,
): Promise<Outcome | undefined> {
  if (changes.some((change) => change.path === path)) return undefined;
  const all = chain(path);
  for (const glob of excluded?.values ?? []) {
    const matches = await compileGlobs([glob], excluded?.by ?? '');
    const at = all.find((each) => matches?.(each));
    if (at === undefined) continue;
    const by = at === path ? '' : `, by way of ${display(at)}`;
    return { verb: 'none', reason: `left out by ${excluded?.by} ${displayText(glob)}${by}` };
  }
  const { include } = selection;
  if (include === undefined || all.some((each) => include(each))) return undefined;
  return { verb: 'none', reason: `not among what ${included?.by} selects` };
}

function outcomeAt(
  path: RelPath,
  seed: Held | undefined,
  volume: Held | undefined,
  plan: Plan,
  stoppedAt: RelPath | undefined,
  policy: Policy,
): Outcome {
  if (seed === undefined) {
    const { verb, reason } = outcomeOf(plan, path);
    if (verb !== 'same') return { verb, reason };
    if (volume === undefined)
      return { verb: 'none', reason: 'seeded once, and neither in the image nor in the volume now' };
    return { verb: 'none', reason: 'only in the volume; a seeding leaves it alone' };
  }
  // A directory is made all the same for what other rules seed below it.
  if (policy === 'never' && !plan.changes.some((change) => change.path === path))
    return { verb: 'none', reason: 'the policy is never' };
  if (stoppedAt === undefined) return outcomeOf(plan, path);
  const planned = outcomeOf(plan, stoppedAt);
  // A directory that only leads to what is selected is planned for where it is to be made: else `missing` has kept what is there.
  const { verb, reason } = planned.verb === 'same' ? { verb: 'keep', reason: 'exists' } : planned;
  return { verb: 'none', reason: `${display(stoppedAt)} above it: ${verb} (${reason})` };
}

/** A path and all above it, outermost first, the root excepted. */
function chain(path: RelPath): RelPath[] {
  let at = ROOT;
  return namesOf(path).map((name) => (at = join(at, name)));
}

function below(plan: Plan, path: RelPath): Plan {
  const inside = <T extends { readonly path: RelPath }>(all: readonly T[]): T[] =>
    all.filter((each) => isBelow(each.path, path));
  return {
    ...plan,
    changes: inside(plan.changes),
    removals: inside(plan.removals),
    kept: inside(plan.kept),
    problems: inside(plan.problems),
  };
}
