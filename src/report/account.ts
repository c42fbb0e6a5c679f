/** Keeps the account of one run: tells each thing as it happens, counts it, and knows the exit code that it comes to. */
import { EXIT } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { RelPath } from '../core/path.ts';
import type { Change, Kept, Plan, Problem, Removal } from '../core/plan.ts';
import type { KeptReason } from '../core/reconcile.ts';
import { noTotals, type Totals } from '../core/run.ts';
import { pastOf, sayChange, sayEnd, sayKept, sayProblem, sayRemoval, sayTrouble } from './lines.ts';

export class Account {
  readonly #log: Log;
  readonly #what: string;
  readonly #began = process.hrtime.bigint();
  readonly #meanwhile: Kept[] = [];
  readonly #failed: RelPath[] = [];
  readonly totals: Totals = noTotals();
  #vanished = 0;

  /** @param what the run is called where it ends. */
  constructor(log: Log, what = 'Initial data sync operation') {
    this.#log = log;
    this.#what = what;
  }

  readonly problem = (problem: Problem): void => {
    if (problem.kind === 'vanished') this.#vanished++;
    else if (problem.kind !== 'passed over') this.totals.problems++;
    this.#failed.push(problem.path);
    sayProblem(this.#log, problem);
  };

  readonly done = (change: Change): void => {
    this.totals[pastOf(change)]++;
    if (change.verb !== 'attributes' && change.new.kind === 'file') this.totals.bytes += change.new.size;
    sayChange(this.#log, change);
  };

  readonly removed = (removal: Removal): void => {
    this.totals.removed++;
    sayRemoval(this.#log, removal);
  };

  /** Something is tried again, for what the kernel answered to a call. */
  readonly troubled = (code: string, call: string | undefined): void => {
    if (this.totals.retried++ === 0) sayTrouble(this.#log, code, call);
  };

  /** Somebody else changed the path between plan and publish. */
  readonly kept = (path: RelPath, reason: 'changed meanwhile' | 'not empty'): void => {
    this.#meanwhile.push({ path, reason });
  };

  /** What was planned and left alone after all. */
  get meanwhile(): readonly Kept[] {
    return this.#meanwhile;
  }

  /** Paths that there was a problem with. */
  get failed(): readonly RelPath[] {
    return this.#failed;
  }

  get listeners(): Pick<Account, 'problem' | 'done' | 'removed' | 'kept'> {
    return { problem: this.problem, done: this.done, removed: this.removed, kept: this.kept };
  }

  get exitCode(): number {
    if (this.totals.problems > 0) return EXIT.partial;
    return this.#vanished > 0 ? EXIT.vanished : EXIT.done;
  }

  /** Says what was kept, how it ended, and the totals. */
  end(plan: Plan): void {
    const kept = [...plan.kept, ...this.#meanwhile];
    sayKept(this.#log, kept);
    this.totals.same = plan.same;
    this.totals.kept = countReasons(kept);
    sayEnd(this.#log, this.totals, this.#vanished, this.#seconds(), this.#what);
  }

  /** What a plan would come to. */
  expected(plan: Plan): Totals {
    const totals: Totals = {
      ...noTotals(),
      same: plan.same,
      kept: countReasons(plan.kept),
      removed: plan.removals.length,
      problems: this.totals.problems,
    };
    for (const change of plan.changes) {
      totals[pastOf(change)]++;
      if (change.verb !== 'attributes' && change.new.kind === 'file') totals.bytes += change.new.size;
    }
    return totals;
  }

  #seconds(): number {
    return Number(process.hrtime.bigint() - this.#began) / 1e9;
  }
}

function countReasons(kept: readonly Kept[]): Totals['kept'] {
  const counts: Partial<Record<KeptReason, number>> = {};
  for (const { reason } of kept) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}
