/** `verify`: compares the contents of the volume with the seed's, and all of the seed with its manifest; touches nothing. */
import { pathRules } from './comparing.ts';
import type { Settings } from './config/settings.ts';
import type { Context } from './core/context.ts';
import { codeOf, EXIT, explain } from './core/errors.ts';
import { Damaged } from './core/octets.ts';
import { parentOf, ROOT, type RelPath } from './core/path.ts';
import type { Rules } from './core/rulebook.ts';
import type { Pulse } from './core/pulse.ts';
import { select, type Selected } from './core/selection.ts';
import { verdictOf, type Verdict } from './core/verdict.ts';
import { openManifest, type Held } from './fs/manifest-file.ts';
import { checkAll } from './fs/manifest-verify.ts';
import { scan, type Pair, type Visitor } from './fs/scan.ts';
import type { Seed } from './fs/seed.ts';
import { openSource, openTrees, passedOver, type Opened } from './fs/trees.ts';
import { Account } from './report/account.ts';
import { sayVerdicts, type Finding, type ManifestFinding } from './report/verdicts.ts';

export async function verify(settings: Settings, { log, pulse }: Context): Promise<number> {
  const trees = openTrees(settings, false, undefined);
  try {
    // Problems are said as they come, on stderr.
    const account = new Account(log);
    const verifying = new Verifying(settings, account);
    await scan({ ...trees, passedOver: passedOver(settings), unlocked: undefined }, pulse, verifying);
    const { found, same } = verifying;
    const manifest = await checkManifests(settings, trees, pulse, account.problem);
    sayVerdicts(log, found, same, manifest, settings.json);
    if (account.exitCode !== EXIT.done) return account.exitCode;
    const differs = found.length > 0 || manifest?.damaged !== undefined || (manifest?.differing.length ?? 0) > 0;
    return differs ? EXIT.somethingToDo : EXIT.done;
  } finally {
    trees.seed.close();
    trees.volume?.close();
  }
}

/** Undefined where no seed has a manifest. */
async function checkManifests(
  { seeds }: Settings,
  { parts }: Opened,
  pulse: Pulse,
  problem: Visitor['problem'],
): Promise<ManifestFinding | undefined> {
  const found: ManifestFinding[] = [];
  for (const [at, place] of seeds.entries()) {
    const seed = parts[at]?.seed;
    const checked = seed && (await checkManifest(place, seed, pulse, problem));
    if (checked !== undefined) found.push(checked);
  }
  if (found.length === 0) return undefined;
  return {
    damaged: found.find(({ damaged }) => damaged !== undefined)?.damaged,
    same: found.reduce((sum, { same }) => sum + same, 0),
    differing: found.flatMap(({ differing }) => differing),
  };
}

/** Undefined where the seed has no manifest. Its paths are told as they are in the volume. */
async function checkManifest(
  place: Settings['seeds'][number],
  seed: Seed,
  pulse: Pulse,
  problem: Visitor['problem'],
): Promise<ManifestFinding | undefined> {
  const anchor = openSource(place);
  let held: Held | undefined;
  try {
    held = openManifest(anchor);
    const checked = held && (await checkAll(held.manifest, seed, pulse, problem));
    if (checked === undefined || place.into === ROOT) return checked;
    const below = (path: RelPath): RelPath => `${place.into}/${path}` as RelPath;
    return { ...checked, differing: checked.differing.map((each) => ({ ...each, path: below(each.path) })) };
  } catch (error) {
    if (error instanceof Damaged) return { damaged: error.message, same: 0, differing: [] };
    if (codeOf(error) === undefined) throw error;
    return { damaged: `cannot be read: ${explain(error)}`, same: 0, differing: [] };
  } finally {
    held?.close();
    anchor.close();
  }
}

class Verifying implements Visitor {
  readonly #selection: Settings['selection'];
  readonly #at: Rules['at'];
  readonly #said: Map<RelPath, Selected>;
  readonly problem: Visitor['problem'];
  readonly found: Finding[] = [];
  same = 0;

  constructor({ selection, ...settings }: Settings, account: Account) {
    this.#selection = selection;
    this.#at = pathRules(settings);
    this.#said = new Map([[ROOT, selection.include === undefined ? 'in' : 'below']]);
    this.problem = account.problem;
  }

  asksContent({ path, seed, volume }: Pair): boolean {
    const compares = seed.kind === 'file' && volume?.kind === 'file' && seed.size === volume.size;
    return compares && this.#selected(path) === 'in';
  }

  visit({ path, seed, volume }: Pair, sameContent: boolean): 'both' | 'seed' | 'skip' {
    const selected = this.#selected(path);
    if (selected === 'out' || seed.kind === 'other') return 'skip';
    if (seed.kind === 'directory') this.#said.set(path, selected);
    // What is never seeded is nothing that a volume could lack.
    const isImplied = seed.kind === 'directory' && seed.implied === true;
    if (selected === 'in' && !isImplied && this.#at?.(path, seed).policy !== 'never')
      this.#judge(path, verdictOf(seed, volume, sameContent));
    return volume?.kind === 'directory' ? 'both' : 'seed';
  }

  #judge(path: RelPath, verdict: Verdict): void {
    if (verdict === 'same') this.same++;
    else this.found.push({ path, verdict });
  }

  #selected(path: RelPath): Selected {
    return select(this.#selection, path, this.#said.get(parentOf(path)) ?? 'in');
  }
}
