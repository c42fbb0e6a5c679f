/** A planning that is shown only some paths, what is above them, and what is below. */
import type { Entry } from '../core/entry.ts';
import { isBelow, join, type Name, type RelPath } from '../core/path.ts';
import type { Problem } from '../core/plan.ts';
import type { Planning } from '../core/planning.ts';
import type { Descent, Facts, Pair, Question, Visitor } from './scan.ts';

export class Narrow implements Visitor {
  readonly #planning: Planning;
  readonly #paths: readonly RelPath[];
  /** For each path, the directory above it below which nothing is seeded. */
  readonly stoppedAt = new Map<RelPath, RelPath>();

  constructor(planning: Planning, paths: readonly RelPath[]) {
    this.#planning = planning;
    this.#paths = paths;
  }

  asksContent(pair: Pair): boolean {
    return this.#concerns(pair.path) && this.#planning.asksContent(pair);
  }

  asks(pair: Pair, facts: Facts): Question | undefined {
    return this.#concerns(pair.path) ? this.#planning.asks(pair, facts) : undefined;
  }

  visit(pair: Pair, sameContent: boolean, facts: Facts): Descent {
    if (!this.#concerns(pair.path)) return 'skip';
    const descent = this.#planning.visit(pair, sameContent, facts);
    if (descent === 'skip')
      for (const path of this.#paths)
        if (isBelow(path, pair.path) && !this.stoppedAt.has(path)) this.stoppedAt.set(path, pair.path);
    return descent;
  }

  asksHash(path: RelPath, entry: Entry, inTheWay: boolean): boolean {
    return this.#concerns(path) && this.#planning.asksHash(path, entry, inTheWay);
  }

  known(directory: RelPath): readonly Name[] {
    return this.#planning.known(directory).filter((name) => this.#concerns(join(directory, name)));
  }

  obsolete(path: RelPath, entry: Entry | undefined, hash: string | undefined, beside: Facts['beside']): boolean {
    return this.#planning.obsolete(path, entry, hash, beside);
  }

  asksBeside(path: RelPath): boolean {
    return this.#concerns(path) && this.#planning.asksBeside(path);
  }

  stray(path: RelPath): void {
    this.#planning.stray(path);
  }

  extra(path: RelPath, entry: Entry, inTheWay: boolean, kept: boolean, hash?: string): boolean {
    return this.#planning.extra(path, entry, inTheWay, kept, hash);
  }

  problem(problem: Problem): void {
    if (this.#concerns(problem.path)) this.#planning.problem(problem);
  }

  #concerns(path: RelPath): boolean {
    return this.#paths.some((each) => path === each || isBelow(each, path) || isBelow(path, each));
  }
}
