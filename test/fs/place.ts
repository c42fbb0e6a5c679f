// A real directory for one test, and the phases of a seeding in it one by one.
import { spawnSync } from 'node:child_process';
import { onTestFinished } from 'vitest';
import type { Identity } from '../../src/core/identity.ts';
import type { Name, RelPath } from '../../src/core/path.ts';
import type { Change, Plan, Problem, Removal } from '../../src/core/plan.ts';
import { Planning } from '../../src/core/planning.ts';
import type { Rules } from '../../src/core/rulebook.ts';
import type { Pulse } from '../../src/core/pulse.ts';
import { ALL } from '../../src/core/selection.ts';
import { Anchor, WorkingDirectory } from '../../src/fs/anchor.ts';
import { seedSource } from '../../src/fs/copy.ts';
import { HardLinks } from '../../src/fs/hard-links.ts';
import { StateDirectory, STATE_NAME } from '../../src/fs/private.ts';
import { publish } from '../../src/fs/publish.ts';
import { scan } from '../../src/fs/scan.ts';
import { DirectorySeed, type Seed } from '../../src/fs/seed.ts';
import { Stage } from '../../src/fs/stage.ts';
import { Unlocked } from '../../src/fs/writable.ts';
import { build, remove, scratch, tree, type Entry } from '../support/tree.ts';

export type Literal = Readonly<Record<string, Entry>>;

export const name = (text: string): Name => text as Name;
export const path = (text: string): RelPath => text as RelPath;

/** A pulse that never beats. */
export const still: Pulse = { ended: false, due: () => false, beat: async () => undefined };

/** A directory of the test's own. It is removed after the test, and the working directory is what it was. */
export function place(literal: Literal = {}): string {
  const held = scratch();
  const before = new WorkingDirectory();
  const umask = process.umask(0);
  onTestFinished(() => {
    process.umask(umask);
    before.restore();
    remove(held.path);
  });
  build(held.path, tree(literal));
  return held.path;
}

export function anchorAt(root: string): Anchor {
  const anchor = Anchor.open(root);
  onTestFinished(() => anchor.close());
  return anchor;
}

/** Does something as an ordinary user, and is root again afterwards. */
export async function as<T>({ uid, gid }: { uid: number; gid: number }, action: () => T | Promise<T>): Promise<T> {
  const groups = process.getgroups?.() ?? [];
  process.setgroups?.([gid]);
  process.setegid?.(gid);
  process.seteuid?.(uid);
  try {
    return await action();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(groups);
  }
}

export function self(): Identity {
  const uid = process.geteuid?.() ?? 0;
  return { privileged: uid === 0, uid, groups: new Set([process.getegid?.() ?? 0]) };
}

/** Whether this machine lets a test mount; a container seldom does. */
export function canMount(): boolean {
  return spawnSync('unshare', ['--mount', 'true'], { stdio: 'ignore' }).status === 0;
}

/** Mounts for one test. */
export function mount(at: string, ...options: readonly string[]): void {
  const { status, stderr } = spawnSync('mount', [...options, at], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  onTestFinished(() => void spawnSync('umount', ['--lazy', at]));
}

export interface Outcome {
  readonly done: string[];
  readonly kept: string[];
  readonly problems: Problem[];
}

/** Seed and volume side by side in `root`, and what a run does with them, phase by phase. */
export class Bench {
  readonly root: string;
  readonly seed: string;
  readonly volume: string;
  readonly outcome: Outcome = { done: [], kept: [], problems: [] };
  readonly unlocked = new Unlocked();
  /** Which files are hashed as they are written. */
  proving: 'all' | undefined;
  threads: number | undefined;

  constructor(seed: Literal, volume: Literal = {}) {
    this.root = place({ seed: { type: 'directory' }, volume: { type: 'directory' } });
    this.seed = `${this.root}/seed`;
    this.volume = `${this.root}/volume`;
    build(this.seed, tree(seed));
    build(this.volume, tree(volume));
  }

  /** Runs all phases; `between` comes after the staging and before the publishing, as another process might. */
  async run(over: Partial<Rules> = {}, between: () => void = () => undefined, pulse: Pulse = still): Promise<Outcome> {
    const { done, kept, problems } = this.outcome;
    const anchors = { seed: DirectorySeed.open(this.seed), volume: Anchor.open(this.volume) };
    const listeners = {
      done: (change: Change) => void done.push(`${change.verb} ${change.path}`),
      removed: ({ path: at }: Removal) => void done.push(`remove ${at}`),
      kept: (at: RelPath) => void kept.push(at),
      problem: (problem: Problem) => void problems.push(problem),
    };
    using state = StateDirectory.open(anchors.volume, undefined);
    try {
      const plan = await this.plan(anchors, over);
      problems.push(...plan.problems);
      const site = {
        source: seedSource(anchors.seed),
        volume: anchors.volume,
        state,
        self: self(),
        pulse,
        problem: listeners.problem,
        proving: this.proving,
        threads: this.threads,
      };
      using stage = Stage.open(site, 'run-1');
      const staged = await stage.fill(plan);
      between();
      const hardLinks = new HardLinks(plan, anchors.volume);
      const context = { volume: anchors.volume, self: self(), pulse, opened: this.unlocked, hardLinks, ...listeners };
      await publish(plan, staged, { ...context, trash: () => stage.trash });
    } finally {
      anchors.seed.close();
      anchors.volume.close();
    }
    return this.outcome;
  }

  async plan(anchors: { readonly seed: Seed; readonly volume: Anchor }, over: Partial<Rules> = {}): Promise<Plan> {
    const rules: Rules = {
      policy: 'newer',
      selection: ALL,
      checksum: false,
      chmod: undefined,
      owner: { uid: undefined, gid: undefined },
      self: self(),
      ...over,
    };
    const planning = new Planning(rules, undefined);
    await scan({ ...anchors, passedOver: (at) => at === STATE_NAME, unlocked: this.unlocked }, still, planning);
    return planning.plan();
  }
}
