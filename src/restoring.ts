/**
 * One restore: a run like any other, whose image is a backup.
 *
 *   lock → verify the archive → compare it with the volume → back up → unpack → stage → flush → publish → flush → record
 *
 * What the run before it created is removed. Nothing is touched before the whole archive was found to be what it was written as.
 */
import { carryOut } from './applying.ts';
import { archiveName, findBackup, listBackups } from './archive/backups.ts';
import { readIndex, unpack } from './archive/read.ts';
import { selectBy } from './config/patterns.ts';
import type { Settings } from './config/settings.ts';
import { byDepth, entryOf, type Backup, type Index, type Saved } from './core/archive.ts';
import type { Context } from './core/context.ts';
import type { Entry } from './core/entry.ts';
import { codeOf, EXIT, UsageError } from './core/errors.ts';
import { isBelow, nameOf, parentOf, type Name, type RelPath } from './core/path.ts';
import { isIdle, type Plan } from './core/plan.ts';
import { Planning } from './core/planning.ts';
import type { Matcher } from './core/selection.ts';
import { ALL } from './core/selection.ts';
import type { Anchor } from './fs/anchor.ts';
import { putBackTime } from './fs/attributes.ts';
import type { Source } from './fs/copy.ts';
import { close, createFile, openForReading, write } from './fs/disk.ts';
import { look, lookAt } from './fs/look.ts';
import { sha256 } from './fs/hash.ts';
import { onTrouble } from './fs/patience.ts';
import { StateDirectory } from './fs/private.ts';
import { scanInTheWay } from './fs/scan.ts';
import { DirectorySeed, SeedChanged } from './fs/seed.ts';
import type { Stage } from './fs/stage.ts';
import { sweep } from './fs/sweep.ts';
import { isReadOnly, openVolume, passedOver, readOnly, refuseWithoutProc } from './fs/trees.ts';
import { closeAgain, moveInto, Unlocked } from './fs/writable.ts';
import { Account } from './report/account.ts';
import { sayPlan, sayRestoring } from './report/lines.ts';
import { Session } from './state/session.ts';

/** Restores, or says what it would do. Returns the exit code. */
export async function restore(settings: Settings, context: Context): Promise<number> {
  const { log, pulse, self } = context;
  const [id, patterns] = wanted(settings);
  const volume = openVolume(settings);
  try {
    refuseWithoutProc(volume, self);
    if (settings.dryRun) return await foresee(settings, context, volume, id, patterns);
    if (isReadOnly(volume)) throw readOnly(settings.target, 1);
    using state = StateDirectory.open(volume, settings.stateDir);
    using directory = StateDirectory.backups(state, settings.backup.directory);
    using session = await Session.begin(state, { ...settings, imageVersion: null, log, pulse });
    const account = new Account(log, 'Restore');
    onTrouble(account.troubled);
    const unlocked = new Unlocked();
    let before = lookAt(volume.descriptorOfRoot);
    try {
      sweep(state, volume, self);
      before = lookAt(volume.descriptorOfRoot);
      const backup = id === undefined ? lastOf(directory) : findBackup(directory, id);
      const bytes = () => directory.pieces(archiveName(backup.id));
      const index = await readIndex(bytes, backup);
      sayRestoring(log, settings.target, backup);
      const matches = await matcherOf(patterns, backup, index, settings);
      const made = await reconcile(index, matches, volume, unlocked, settings, context);
      for (const problem of made.problems) account.problem(problem);
      const source = (stage: Stage): Promise<Source> => unpacked(stage, index, made, bytes, backup.id);
      const why = `before restore of ${backup.id}`;
      await carryOut(made, { settings, context, volume, state, account, unlocked, run: session.id, why, source });
      account.end(made);
      session.complete(account, settings.flush && !isIdle(made));
      return account.exitCode;
    } catch (error) {
      session.fail(account, error);
      throw error;
    } finally {
      closeAgain(volume, unlocked);
      putBackTime(volume.descriptorOfRoot, before);
    }
  } finally {
    volume.close();
  }
}

/** What a restore would do: no lock, no state, nothing touched. */
async function foresee(
  settings: Settings,
  context: Context,
  volume: Anchor,
  id: string | undefined,
  patterns: readonly string[],
): Promise<number> {
  const { log } = context;
  using state = StateDirectory.look(volume, settings.stateDir);
  using directory = StateDirectory.lookAtBackups(state, settings.backup.directory);
  if (directory === undefined) throw new UsageError('there are no backups of this volume; see --backup-dir');
  const backup = id === undefined ? lastOf(directory) : findBackup(directory, id);
  const index = await readIndex(() => directory.pieces(archiveName(backup.id)), backup);
  sayRestoring(log, settings.target, backup);
  const matches = await matcherOf(patterns, backup, index, settings);
  const made = await reconcile(index, matches, volume, undefined, settings, context);
  const account = new Account(log);
  onTrouble(account.troubled);
  for (const problem of made.problems) account.problem(problem);
  sayPlan(log, made, account.expected(made));
  return made.problems.some(({ kind }) => kind === 'failed') ? EXIT.partial : EXIT.done;
}

function wanted({ last, operands }: Settings): [string | undefined, readonly string[]] {
  if (last) return [undefined, operands];
  const [id, ...patterns] = operands;
  if (id !== undefined) return [id, patterns];
  throw new UsageError('restore needs the ID of a backup, or --last; volseed backups lists them');
}

/** The last that a run made of what it changed; one that a person asked for undoes nothing. */
function lastOf(directory: StateDirectory): Backup {
  const last = listBackups(directory).findLast(({ why }) => why.startsWith('before '));
  if (last === undefined)
    throw new UsageError(`there is nothing to undo: no run has made a backup in ${directory.shownAs}`);
  return last;
}

async function matcherOf(
  patterns: readonly string[],
  { id, untouched }: Backup,
  { entries, absent }: Index,
  { target }: Settings,
): Promise<Matcher> {
  const left = new Set(untouched);
  const known = [...entries.filter(isRestored).map(({ path }) => path), ...absent].toSorted(byDepth);
  if (patterns.length === 0) return (path) => !left.has(path);
  const paths = withParents(known);
  const terms = { by: 'restore', target, paths, selection: ALL, of: `backup ${id}` };
  const matches = await selectBy(patterns, terms);
  const said = new Map<RelPath, boolean>();
  for (const path of paths) said.set(path, said.get(parentOf(path)) === true || matches(path));
  return (path) => !left.has(path) && said.get(path) === true;
}

function withParents(paths: readonly RelPath[]): RelPath[] {
  const all = new Set<RelPath>();
  for (const path of paths) for (let at = path; at !== '' && !all.has(at); at = parentOf(at)) all.add(at);
  return [...all].toSorted(byDepth);
}

/** A directory that was saved for what is in it is none that comes back by itself. */
function isRestored({ kind, holds }: Saved): boolean {
  return holds === 'content' || kind === 'file';
}

/** Compares the backup with the volume, path by path. */
async function reconcile(
  { entries, absent }: Index,
  matches: Matcher,
  volume: Anchor,
  unlocked: Unlocked | undefined,
  settings: Settings,
  { pulse, self }: Context,
): Promise<Plan> {
  const saved = new Map(entries.map((entry) => [entry.path, entry]));
  const exactly = (path: RelPath): boolean => {
    const entry = saved.get(path);
    return entry !== undefined && isRestored(entry) && matches(path);
  };
  const owner = { uid: undefined, gid: undefined };
  const rules = { policy: 'never', selection: ALL, checksum: false, chmod: undefined, owner, self } as const;
  const planning = new Planning({ ...rules, reset: { include: exactly, deleteExtra: false } }, undefined);
  const trees = {
    seed: new DirectorySeed(volume),
    volume,
    passedOver: passedOver({ ...settings, seeds: [] }),
    unlocked,
  };
  let cleared: RelPath | undefined;
  for (const path of [...saved.keys(), ...absent].toSorted(byDepth)) {
    if (pulse.due()) await pulse.beat();
    if (cleared !== undefined && isBelow(path, cleared)) continue;
    const found = entryAt(volume, path, unlocked);
    const entry = saved.get(path);
    if (entry === undefined) {
      if (found !== undefined && matches(path)) planning.gone(path, found);
      continue;
    }
    const same = entry.kind === 'file' && found?.kind === 'file' && (await hasContent(volume, path, entry, pulse));
    if (entry.kind === 'file' && entry.holds === 'attributes' && !same) {
      if (exactly(path)) planning.keep(path, 'edited since the backup');
      continue;
    }
    const descent = planning.visit({ path, seed: entryOf(entry), volume: found }, same);
    if (descent !== 'clear') continue;
    cleared = path;
    await scanInTheWay(trees, pulse, planning, path);
  }
  return planning.plan();
}

function entryAt(volume: Anchor, path: RelPath, unlocked: Unlocked | undefined): Entry | undefined {
  try {
    const parent = parentOf(path);
    const mode = unlocked && moveInto(volume, parent);
    if (mode !== undefined) unlocked?.set(parent, mode);
    volume.moveTo(parent);
    return look(nameOf(path));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** Whether the volume's file has the bytes that were saved. */
async function hasContent(volume: Anchor, path: RelPath, saved: Saved, pulse: Context['pulse']): Promise<boolean> {
  volume.moveTo(parentOf(path));
  const descriptor = openForReading(nameOf(path));
  try {
    const found = lookAt(descriptor);
    return found.kind === 'file' && found.size === saved.size && (await sha256(descriptor, pulse)) === saved.sha256;
  } finally {
    close(descriptor);
  }
}

/** The contents that a plan wants, each in a file of the stage under the number of its entry. */
async function unpacked(
  stage: Stage,
  index: Index,
  made: Plan,
  bytes: () => Iterable<Uint8Array>,
  id: string,
): Promise<Source> {
  const wantedPaths = new Set(made.changes.filter(({ verb }) => verb !== 'attributes').map(({ path }) => path));
  const numbers = new Map(index.entries.map(({ path }, at) => [path, String(at) as Name]));
  const room = stage.room('unpacked' as Name);
  await unpack(bytes, id, index, ({ path }) => {
    const name = numbers.get(path);
    if (name === undefined || !wantedPaths.has(path)) return undefined;
    room.here();
    const descriptor = createFile(name, 0o600);
    return { write: (part) => write(descriptor, part, 0, part.length), end: () => close(descriptor) };
  });
  return {
    open: (path) => {
      room.here();
      return openForReading(numbers.get(path) as Name);
    },
    check: (_descriptor, entry, count) => {
      if (count !== entry.size) throw new SeedChanged('changed while it was unpacked; run again');
    },
  };
}
