/**
 * The backups of a volume: `ID.tar.gz`, and beside it `ID.json`, which says what it is and what its SHA-256 is. The archive is
 * written under another name and renamed last: where it stands, it is whole, and its record is there.
 */
import type { Backup, Index, Saved } from '../core/archive.ts';
import type { File } from '../core/entry.ts';
import { codeOf, explain, UsageError, VolseedError, VolumeError } from '../core/errors.ts';
import { displayText, type RelPath } from '../core/path.ts';
import type { PrivateDirectory } from '../core/private.ts';
import type { Saving, ToSave } from '../core/saving.ts';
import { sizeOf } from '../core/words.ts';
import { ArchiveWriter } from './write.ts';

export interface Making {
  readonly id: string;
  readonly why: string;
  readonly saving: Saving;
  readonly durable: boolean;
  /** How many bytes were free for it. */
  readonly free: number;
  /**
   * Hands out the bytes of a file; its SHA-256 is of what was handed out.
   * @returns undefined where it is not the file that the plan saw any more.
   */
  readonly read: (path: RelPath, entry: File, each?: (bytes: Uint8Array) => void) => Promise<string | undefined>;
}

const ID = /^[0-9A-Za-z-]{1,100}$/;
const ARCHIVE = '.tar.gz';
/** Bytes that a member takes besides its content: two headers, the records of one, what fills the last block. */
const MEMBER = 2048;

export function archiveName(id: string): string {
  return `${id}${ARCHIVE}`;
}

/** Throws `VolumeError` where it cannot be written; then nothing is left of it. */
export async function makeBackup(directory: PrivateDirectory, making: Making): Promise<Backup> {
  const temporary = `${making.id}.${directory.token(8)}.part`;
  try {
    const backup = await write(directory, temporary, making);
    directory.replace(`${making.id}.json`, recordOf(backup), making.durable);
    directory.rename(temporary, archiveName(making.id), making.durable);
    return backup;
  } catch (error) {
    directory.remove(temporary);
    if (error instanceof VolseedError || (error as NodeJS.ErrnoException).code === undefined) throw error;
    const figures = isFull(error)
      ? ` (it needs up to ${sizeOf(most(making))}, and ${sizeOf(making.free)} were free)`
      : '';
    const message = `the backup could not be written to ${directory.shownAs}: ${explain(error)}; nothing was touched: make room, or see --backup-dir${figures}`;
    throw new VolumeError(message, { cause: error });
  }
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(codeOf(error) ?? '');
}

/** Bytes of an archive that could not be packed at all. */
function most({ saving }: Making): number {
  const sizes = saving.entries.map(({ entry, holds }) =>
    entry.kind === 'file' && holds === 'content' ? entry.size : 0,
  );
  return sizes.reduce((sum, size) => sum + size + MEMBER, 0);
}

async function write(directory: PrivateDirectory, name: string, { id, why, saving, read }: Making): Promise<Backup> {
  const sink = directory.sink(name);
  try {
    const writer = new ArchiveWriter(sink);
    const entries: Saved[] = [];
    const untouched: RelPath[] = [];
    for (const item of saving.entries) {
      const added = await add(writer, item, read);
      if (added !== undefined) entries.push(added.saved);
      if (added?.torn !== false) untouched.push(item.path);
    }
    const index: Index = { format: 1, entries, absent: saving.absent };
    const archive = writer.end(index);
    const contents = entries.filter(({ kind, holds }) => kind === 'file' && holds === 'content');
    const bytes = contents.reduce((sum, { size = 0 }) => sum + size, 0);
    const files = saving.entries.filter(({ holds, entry }) => holds === 'content' || entry.kind === 'file').length;
    return { id, created: new Date().toISOString(), why, files, bytes, archive, untouched };
  } finally {
    sink.close();
  }
}

interface Added {
  readonly saved: Saved;
  /** It changed while it was read: what is in the archive is no state that it ever had. */
  readonly torn: boolean;
}

async function add(writer: ArchiveWriter, item: ToSave, read: Making['read']): Promise<Added | undefined> {
  const { path, entry, holds } = item;
  if (entry.kind === 'other') return undefined;
  const { mode, uid, gid, seconds, nanoseconds } = entry;
  const saved = { path, mode, uid, gid, seconds, nanoseconds, holds };
  if (entry.kind === 'file') return await addFile(writer, { ...saved, kind: 'file', size: entry.size }, entry, read);
  const whole: Saved =
    entry.kind === 'link' ? { ...saved, kind: 'link', target: entry.target } : { ...saved, kind: 'directory' };
  if (holds === 'content') writer.begin(whole);
  return { saved: whole, torn: false };
}

async function addFile(
  writer: ArchiveWriter,
  saved: Saved & { readonly size: number },
  entry: File,
  read: Making['read'],
): Promise<Added | undefined> {
  if (saved.holds === 'attributes') {
    const sha256 = await read(saved.path, entry);
    return sha256 === undefined ? undefined : { saved: { ...saved, sha256 }, torn: false };
  }
  const { createHash } = process.getBuiltinModule('node:crypto');
  const hash = createHash('sha256');
  const rest = { bytes: saved.size };
  const take = (bytes: Uint8Array): void => {
    const part = Buffer.from(bytes.subarray(0, rest.bytes));
    rest.bytes -= part.length;
    hash.update(part);
    writer.content(part);
  };
  writer.begin(saved);
  const whole = await read(saved.path, entry, take);
  for (; rest.bytes > 0;) take(new Uint8Array(Math.min(rest.bytes, 65_536)));
  writer.endContent(saved.size);
  return { saved: { ...saved, sha256: hash.digest('hex') }, torn: whole === undefined };
}

/** Notes that a run left paths alone which it had meant to change. */
export function noteUntouched(directory: PrivateDirectory, backup: Backup, paths: readonly RelPath[]): void {
  const untouched = [...new Set([...backup.untouched, ...paths])];
  directory.replace(`${backup.id}.json`, recordOf({ ...backup, untouched }), false);
}

/** All backups, the oldest first. What is no record of a backup is passed over. */
export function listBackups(directory: PrivateDirectory): Backup[] {
  const names = new Set(directory.names());
  const found = [...names]
    .filter((name) => name.endsWith('.json') && names.has(archiveName(name.slice(0, -5))))
    .map((name) => readRecord(directory, name.slice(0, -5)))
    .filter((backup) => backup !== undefined);
  return found.toSorted((a, b) => (a.created < b.created ? -1 : a.created > b.created ? 1 : a.id < b.id ? -1 : 1));
}

/** Throws `UsageError` where there is none of that id. */
export function findBackup(directory: PrivateDirectory, id: string): Backup {
  const backup = ID.test(id) ? readRecord(directory, id) : undefined;
  if (backup !== undefined && directory.exists(archiveName(id))) return backup;
  const known = listBackups(directory)
    .toReversed()
    .slice(0, 3)
    .map((each) => each.id);
  const hint = known.length === 0 ? 'there is none' : `the latest are ${known.join(', ')}`;
  throw new UsageError(`there is no backup '${displayText(id)}' in ${directory.shownAs}; ${hint}`);
}

/** Removes all but the latest, and what was begun and never finished. */
export function prune(directory: PrivateDirectory, keep: number): void {
  for (const { id } of listBackups(directory).toReversed().slice(keep)) {
    directory.remove(archiveName(id));
    directory.remove(`${id}.json`);
  }
}

/** Removes what died before it was a backup; only the holder of the lock may. */
export function sweepParts(directory: PrivateDirectory): void {
  for (const name of directory.names()) {
    if (/^[0-9A-Za-z-]{1,100}\.([0-9a-f]{16}\.part|json\.[0-9a-f]{16})$/.test(name)) directory.remove(name);
    const id = name.endsWith('.json') ? name.slice(0, -5) : '';
    if (ID.test(id) && !directory.exists(archiveName(id)) && readRecord(directory, id)) directory.remove(name);
  }
}

function recordOf(backup: Backup): Uint8Array {
  return Buffer.from(`${JSON.stringify({ format: 1, ...backup })}\n`);
}

function readRecord(directory: PrivateDirectory, id: string): Backup | undefined {
  try {
    const record = JSON.parse(Buffer.from(directory.read(`${id}.json`) ?? '').toString('utf8')) as Partial<
      Record<string, unknown>
    >;
    const { created, why, files, bytes, untouched } = record;
    const archive = record['archive'] as Partial<Backup['archive']> | undefined;
    const isWhole =
      record['format'] === 1 &&
      record['id'] === id &&
      ID.test(id) &&
      typeof created === 'string' &&
      typeof why === 'string' &&
      Number.isSafeInteger(files) &&
      Number.isSafeInteger(bytes) &&
      Number.isSafeInteger(archive?.size) &&
      typeof archive?.sha256 === 'string' &&
      Array.isArray(untouched);
    if (!isWhole) return undefined;
    const { size = 0, sha256 = '' } = archive;
    const left = untouched.filter((path): path is RelPath => typeof path === 'string');
    const shown = { created: displayText(created), why: displayText(why) };
    return { id, ...shown, files: Number(files), bytes: Number(bytes), archive: { size, sha256 }, untouched: left };
  } catch {
    return undefined;
  }
}
