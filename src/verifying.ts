/** `verify`: compares the contents of the volume with the seed's, and touches nothing. */
import { pathRules } from './comparing.ts';
import type { Settings } from './config/settings.ts';
import type { Context } from './core/context.ts';
import { EXIT } from './core/errors.ts';
import { parentOf, ROOT, type RelPath } from './core/path.ts';
import type { Rules } from './core/planning.ts';
import { select, type Selected } from './core/selection.ts';
import { verdictOf, type Verdict } from './core/verdict.ts';
import { scan, type Pair, type Visitor } from './fs/scan.ts';
import { openTrees, passedOver } from './fs/trees.ts';
import { Account } from './report/account.ts';
import { sayVerdicts, type Finding } from './report/verdicts.ts';

export async function verify(settings: Settings, { log, pulse }: Context): Promise<number> {
  const trees = openTrees(settings, false);
  try {
    // Problems are said as they come, on stderr.
    const account = new Account(log);
    const verifying = new Verifying(settings, account);
    await scan({ ...trees, passedOver: passedOver(settings), unlocked: undefined }, pulse, verifying);
    const { found, same } = verifying;
    sayVerdicts(log, found, same, settings.json);
    if (account.exitCode !== EXIT.done) return account.exitCode;
    return found.length > 0 ? EXIT.somethingToDo : EXIT.done;
  } finally {
    trees.seed.close();
    trees.volume?.close();
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
