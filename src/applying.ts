/**
 * Carries a plan out, whatever it was made from: back up → stage → flush → intend → publish → flush.
 *
 * Until the first publish the volume is as it was; from then on each path has its old content or its new, whole.
 */
import type { Settings } from './config/settings.ts';
import type { Context } from './core/context.ts';
import { isSame, type Directory, type Entry, type File } from './core/entry.ts';
import { codeOf, explain, VolumeError } from './core/errors.ts';
import type { Backup } from './core/archive.ts';
import type { Makings } from './core/makings.ts';
import { display, nameOf, parentOf, type RelPath } from './core/path.ts';
import { isIdle, type Change, type Plan, type Removal } from './core/plan.ts';
import type { Recording } from './core/recording.ts';
import type { Pulse } from './core/pulse.ts';
import { savingOf, type Saving } from './core/saving.ts';
import { count, sizeOf } from './core/words.ts';
import type { Anchor } from './fs/anchor.ts';
import type { Source } from './fs/copy.ts';
import { close, openForReading } from './fs/disk.ts';
import { lookAt } from './fs/look.ts';
import { flush } from './fs/flush.ts';
import { HardLinks } from './fs/hard-links.ts';
import { sha256 } from './fs/hash.ts';
import { StateDirectory } from './fs/private.ts';
import { keepParts } from './fs/parts.ts';
import { publish } from './fs/publish.ts';
import { freeAt, refuseIfLacking } from './fs/space.ts';
import { Stage } from './fs/stage.ts';
import type { Unlocked } from './fs/writable.ts';
import type { Account } from './report/account.ts';
import { ProgressLines } from './report/progress.ts';

export interface Work {
  readonly settings: Settings;
  readonly context: Context;
  readonly volume: Anchor;
  readonly state: StateDirectory;
  readonly account: Account;
  readonly unlocked: Unlocked;
  readonly run: string;
  /** What calls for it, as the list of backups says it; undefined for no backup. */
  readonly why: string | undefined;
  /** Told what was really done; undefined where nobody asks. */
  readonly recording?: Recording | undefined;
  /** Which files are hashed as they are written. */
  readonly proving?: 'small' | 'all' | undefined;
  /** Told once what was staged, before anything of it is published; undefined where nobody has to know afterwards. */
  readonly intend?: (staged: Makings) => void;
  /** Bytes of the new content that are holes; asked where there might be no room for it. */
  readonly holes?: () => number;
  /** Where new content comes from; asked for once the stage is there. */
  readonly source: (stage: Stage) => Source | Promise<Source>;
}

export async function carryOut(made: Plan, work: Work): Promise<void> {
  const held = keepParts(work.state, made);
  if (isIdle(made)) return;
  const spared = (): number => held + (work.holes?.() ?? 0);
  refuseIfLacking(made, work.volume, spared);
  const { account, context, run, state, volume } = work;
  const backup = work.why === undefined ? undefined : await backUp(made, work.why, work);
  let source: Source | undefined;
  const late: Source = {
    open: (path) => (source as Source).open(path),
    hash: (path) => source?.hash?.(path),
    get directory() {
      const from = source;
      return from?.directory && ((path: RelPath) => from.directory?.(path));
    },
    check: (descriptor, entry, length) => (source as Source).check(descriptor, entry, length),
  };
  const { pulse, self } = context;
  const progress = new ProgressLines(context.log);
  const { threads } = work.settings;
  const site = {
    threads,
    source: late,
    volume,
    state,
    self,
    pulse,
    problem: account.problem,
    proving: work.proving,
    progress,
  };
  const stage = Stage.open(site, run);
  try {
    // The backup may lie in the volume, too.
    if (backup !== undefined) refuseIfLacking(made, work.volume, spared);
    source = await work.source(stage);
    await apply(made, stage, work);
  } finally {
    stage[Symbol.dispose]();
    if (backup !== undefined) await closeBackups(backup, work);
  }
}

/** Stage, flush, intend, publish, flush. */
async function apply(plan: Plan, stage: Stage, work: Work): Promise<void> {
  const { account, context, settings, unlocked, volume } = work;
  const { self, pulse } = context;
  const publication = {
    volume,
    self,
    pulse,
    opened: unlocked,
    hardLinks: new HardLinks(plan, volume),
    trash: () => stage.trash,
    ...account.listeners,
    done: (change: Change, placed?: Entry) => {
      work.recording?.done(change, stage.made, placed);
      account.done(change);
    },
    removed: (removal: Removal) => {
      work.recording?.removed(removal);
      account.removed(removal);
    },
  };
  let made = plan;
  let staged = await stage.fill(made);
  stage.hold(made, lookAt(volume.descriptorOfRoot) as Directory);
  for (;;) {
    if (settings.flush)
      await flush(volume.descriptorOfRoot, stage.written(staged), { pulse, bytes: stage.bytes(staged) });
    stage.settle(staged);
    if (made === plan) work.intend?.(stage.made);
    const { crossing, touched } = await publish(made, staged, publication);
    if (crossing.length === 0) stage.release();
    if (settings.flush) await flush(volume.descriptorOfRoot, touched, { pulse });
    if (crossing.length === 0) return;
    made = { ...made, removals: [], changes: crossing.flatMap(({ top, below }) => [top, ...below]) };
    staged = await stage.fillBeside(crossing);
  }
}

async function backUp(plan: Plan, why: string, { volume, ...work }: Work): Promise<Backup> {
  const saving = savingOf(plan, (path) => {
    volume.moveTo(path);
    return lookAt(volume.descriptor);
  });
  for (const path of saving.special) {
    const message = 'is a FIFO, socket or device that goes, and cannot be in a backup';
    work.account.problem({ path, kind: 'passed over', message });
  }
  return await save(saving, why, volume, work);
}

export async function save(
  saving: Saving,
  why: string,
  volume: Anchor,
  { settings, state, context, run }: Pick<Work, 'settings' | 'state' | 'context' | 'run'>,
): Promise<Backup> {
  const { makeBackup, sweepParts } = await import('./archive/backups.ts');
  using directory = StateDirectory.backups(state, settings.backup.directory);
  sweepParts(directory);
  const { log, pulse } = context;
  const read = readerOf(volume, pulse);
  const free = freeAt(directory.path);
  const backup = await makeBackup(directory, { id: run, why, saving, durable: settings.flush, free, read });
  const { id, files, bytes, archive } = backup;
  const size = `${sizeOf(bytes)}, ${sizeOf(archive.size)} packed`;
  log.write(
    'info',
    `Backed up ${count(files, 'path')} (${size}) as backup ${id}; volseed restore ${id} brings it back.`,
    {
      event: 'backup',
      id,
      files,
      bytes,
    },
  );
  return backup;
}

/** What was to be changed and was not is not the run's to undo. The oldest backups go last: one of them may be what is restored. */
async function closeBackups(backup: Backup, { account, settings, state }: Work): Promise<void> {
  const paths = [...account.meanwhile.map(({ path }) => path), ...account.failed];
  const { noteUntouched, prune } = await import('./archive/backups.ts');
  using directory = StateDirectory.backups(state, settings.backup.directory);
  if (paths.length > 0) noteUntouched(directory, backup, paths);
  prune(directory, settings.backup.keep);
}

function readerOf(volume: Anchor, pulse: Pulse) {
  return async (path: RelPath, entry: File, each?: (bytes: Uint8Array) => void): Promise<string | undefined> => {
    let descriptor: number;
    try {
      volume.moveTo(parentOf(path));
      descriptor = openForReading(nameOf(path));
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(codeOf(error) ?? '')) return undefined;
      const message = `${display(path)} cannot be read for the backup: ${explain(error)}; nothing was touched`;
      throw new VolumeError(message, { cause: error });
    }
    try {
      if (!isSame(lookAt(descriptor), entry)) return undefined;
      const hash = await sha256(descriptor, pulse, each);
      return isSame(lookAt(descriptor), entry) ? hash : undefined;
    } finally {
      close(descriptor);
    }
  };
}
