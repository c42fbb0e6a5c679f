/** `verify`: compares the contents of the volume with the seed's, and all of the seed with its manifest; touches nothing. */
import type { Settings } from './config/settings.ts';
import type { Context } from './core/context.ts';
import { codeOf, EXIT, explain } from './core/errors.ts';
import { Damaged } from './core/octets.ts';
import { parentOf, ROOT, type RelPath } from './core/path.ts';
import type { Pulse } from './core/pulse.ts';
import { select, type Selected } from './core/selection.ts';
import { verdictOf, type Verdict } from './core/verdict.ts';
import { openManifest, type Held } from './fs/manifest-file.ts';
import { checkAll } from './fs/manifest-verify.ts';
import { scan, type Pair, type Visitor } from './fs/scan.ts';
import type { Seed } from './fs/seed.ts';
import { openSource, openTrees, passedOver } from './fs/trees.ts';
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
    const manifest = await checkManifest(settings, trees.seed, pulse, account.problem);
    sayVerdicts(log, found, same, manifest, settings.json);
    if (account.exitCode !== EXIT.done) return account.exitCode;
    const differs = found.length > 0 || manifest?.damaged !== undefined || (manifest?.differing.length ?? 0) > 0;
    return differs ? EXIT.somethingToDo : EXIT.done;
  } finally {
    trees.seed.close();
    trees.volume?.close();
  }
}

/** Undefined where the seed has no manifest. */
async function checkManifest(
  settings: Settings,
  seed: Seed,
  pulse: Pulse,
  problem: Visitor['problem'],
): Promise<ManifestFinding | undefined> {
  const anchor = openSource(settings);
  let held: Held | undefined;
  try {
    held = openManifest(anchor);
    return held && (await checkAll(held.manifest, seed, pulse, problem));
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
  readonly #said: Map<RelPath, Selected>;
  readonly problem: Visitor['problem'];
  readonly found: Finding[] = [];
  same = 0;

  constructor({ selection }: Settings, account: Account) {
    this.#selection = selection;
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
    if (selected === 'in') this.#judge(path, verdictOf(seed, volume, sameContent));
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
