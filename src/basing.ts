/** The base in a run: read where a decision turns on it, and brought up to date by what was really done. */
import type { Settings } from './config/settings.ts';
import { Base } from './core/base.ts';
import type { Context } from './core/context.ts';
import type { RelPath } from './core/path.ts';
import type { Plan } from './core/plan.ts';
import type { Rules } from './core/planning.ts';
import type { Recording } from './core/recording.ts';
import { count } from './core/words.ts';
import { Anchor } from './fs/anchor.ts';
import { list } from './fs/disk.ts';
import { StateDirectory } from './fs/private.ts';
import type { Seed } from './fs/seed.ts';
import { passedOver, type Opened } from './fs/trees.ts';
import { moveAside, readBase, readStanding, writeBase, type Standing } from './state/base.ts';
import { ROOT } from './core/path.ts';

/** What the decisions need of the base; undefined where none of them turns on it. */
export function mergingOf(
  settings: Settings,
  { seed, volume }: Opened,
  base: Base | undefined,
  { log }: Context,
): Rules['merging'] {
  if (base === undefined || volume === undefined) return undefined;
  const wasShipped = (path: RelPath, sha256: string): boolean => seed.wasShipped(path, sha256);
  if (base.size === 0 || !isEmptied(settings, volume)) return { base, wasShipped };
  const message = `The volume was emptied since the last run (${count(base.size, 'path')} were known); it is seeded anew.`;
  log.write('info', message, { event: 'emptied' });
  return { base: new Base(), wasShipped };
}

/** Whether any decision may turn on the base. */
export function needsBase({ policy, prune }: Settings): boolean {
  return policy === 'merge' || prune;
}

/** For those who only look. */
export function lookAtBase(settings: Settings, volume: Anchor | undefined, { log }: Context): Base | undefined {
  if (!needsBase(settings) || volume === undefined) return undefined;
  using directory = StateDirectory.look(volume, settings.stateDir);
  const base = directory && readBase(directory);
  if (base === 'damaged') {
    log.write(
      'warn',
      `the base in ${directory?.shownAs} cannot be read; the next run moves it aside and begins a new one`,
    );
    return new Base();
  }
  return base ?? new Base();
}

/** Never fails for what it finds: a base that cannot be read is moved aside, and what it knew is found out anew. */
export function openBase(state: StateDirectory, { log }: Context): Base {
  const base = readBase(state);
  if (base !== 'damaged') return base ?? new Base();
  const name = moveAside(state);
  const message = `the base in ${state.shownAs} could not be read; it was moved to ${name} and a new one begun: what equals the image is adopted, all else is kept`;
  log.write('warn', message, { event: 'state', movedAside: name });
  return new Base();
}

/** Records what a run has done, and on what. */
export function saveBase(
  settings: Settings,
  state: StateDirectory,
  known: Base | undefined,
  made: Plan,
  recording: Recording,
  run: { readonly id: string; readonly exitCode: number; readonly seed: Seed },
  context: Context,
): void {
  if (known === undefined && recording.isEmpty) return;
  const base = known ?? openBase(state, context);
  const changed = recording.apply(base, made, run.id);
  const standing = standingOf(settings, base, run, made);
  if (changed || !isSame(readStanding(state), standing)) writeBase(state, base, standing, settings.flush);
}

/** Whether a run would find what the last one left: the same image, the same rules, and nothing that was left undone. */
export function isStanding(
  settings: Settings,
  seed: Seed,
  volume: Anchor,
  state: StateDirectory,
): Standing | undefined {
  if (settings.policy !== 'merge' || seed.digest === undefined) return undefined;
  const standing = readStanding(state);
  const same =
    standing?.complete === true && standing.seedDigest === seed.digest && standing.rules === rulesText(settings);
  return same && !isEmptied(settings, volume) ? standing : undefined;
}

function standingOf(
  settings: Settings,
  base: Base,
  { exitCode, seed }: { readonly exitCode: number; readonly seed: Seed },
  { same }: Plan,
): Standing {
  const open: RelPath[] = [];
  for (const [directory, entries] of base.directories())
    for (const [name, { offer }] of entries)
      if (offer !== undefined) open.push((directory === ROOT ? name : `${directory}/${name}`) as RelPath);
  return {
    seedDigest: seed.digest ?? null,
    rules: rulesText(settings),
    complete: exitCode === 0 && settings.policy === 'merge',
    open: open.toSorted(),
    same,
  };
}

function rulesText({ decisive }: Settings): string {
  return decisive;
}

function isSame(a: Standing | undefined, b: Standing): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

/** Nothing is in it but what is not data. */
function isEmptied(settings: Settings, volume: Anchor): boolean {
  const ignored = passedOver(settings);
  volume.moveTo(ROOT);
  return list().every((name) => ignored(name as string as RelPath));
}
