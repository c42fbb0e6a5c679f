/** `explain`: one path, what seed and volume have there, and what a seeding would do with it. Nothing is touched. */
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
import { display, isBelow, nameOf, namesOf, parentOf, ROOT, join, type Name, type RelPath } from './core/path.ts';
import { Planning } from './core/planning.ts';
import type { Plan } from './core/plan.ts';
import type { Pulse } from './core/pulse.ts';
import { close } from './fs/disk.ts';
import { sha256 } from './fs/hash.ts';
import { scan, type Descent, type Pair, type Visitor } from './fs/scan.ts';
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
    if (seed === undefined && volume === undefined) throw await unknown(path, settings, trees, pulse);
    const following = new Following(new Planning(rulesOf(settings, context.self), undefined), path);
    const ignored = passedOver(settings);
    await scan({ ...trees, passedOver: ignored, unlocked: undefined }, pulse, following);
    const plan = following.plan();
    const outcome = chain(path).some(ignored)
      ? { verb: 'none' as const, reason: "of volseed or the file system, not of the seed's data" }
      : ((await unselected(path, settings)) ?? outcomeAt(path, seed, plan, following.stoppedAt, settings));
    const above = chain(parentOf(path)).map((at) => ({ path: at, ...outcomeOf(plan, at) }));
    sayExplanation(
      log,
      {
        path,
        policy: { value: settings.policy, by: settings.policyBy },
        seed,
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
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error) ?? '')) return undefined;
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

/** Where a glob leaves the path out: which one. */
async function unselected(path: RelPath, { selection, excluded, included }: Settings): Promise<Outcome | undefined> {
  const all = chain(path);
  for (const glob of excluded?.values ?? []) {
    const matches = await compileGlobs([glob], excluded?.by ?? '');
    const at = all.find((each) => matches?.(each));
    if (at === undefined) continue;
    const by = at === path ? '' : `, by way of ${display(at)}`;
    return { verb: 'none', reason: `left out by ${excluded?.by} ${glob}${by}` };
  }
  const { include } = selection;
  if (include === undefined || all.some((each) => include(each))) return undefined;
  return { verb: 'none', reason: `not among what ${included?.by} selects` };
}

function outcomeAt(
  path: RelPath,
  seed: Held | undefined,
  plan: Plan,
  stoppedAt: RelPath | undefined,
  { policy }: Settings,
): Outcome {
  if (seed === undefined) return { verb: 'none', reason: 'only in the volume; a seeding leaves it alone' };
  if (policy === 'never') return { verb: 'none', reason: 'the policy is never' };
  if (stoppedAt === undefined) return outcomeOf(plan, path);
  const { verb, reason } = outcomeOf(plan, stoppedAt);
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

/** Plans for one path, for what is above it and for what is below, and for nothing else. */
class Following implements Visitor {
  readonly #planning: Planning;
  readonly #path: RelPath;
  /** The directory above it below which nothing is seeded. */
  stoppedAt: RelPath | undefined;

  constructor(planning: Planning, path: RelPath) {
    this.#planning = planning;
    this.#path = path;
  }

  asksContent(pair: Pair): boolean {
    return this.#concerns(pair.path) && this.#planning.asksContent(pair);
  }

  visit(pair: Pair, sameContent: boolean): Descent {
    if (!this.#concerns(pair.path)) return 'skip';
    const descent = this.#planning.visit(pair, sameContent);
    if (descent === 'skip' && isBelow(this.#path, pair.path)) this.stoppedAt ??= pair.path;
    return descent;
  }

  problem(problem: Parameters<Visitor['problem']>[0]): void {
    if (this.#concerns(problem.path)) this.#planning.problem(problem);
  }

  plan(): Plan {
    return this.#planning.plan();
  }

  #concerns(path: RelPath): boolean {
    return path === this.#path || isBelow(this.#path, path) || isBelow(path, this.#path);
  }
}
