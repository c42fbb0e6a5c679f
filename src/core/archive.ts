/** What a backup says of the volume: the paths that were about to change, as they were. Pure; read as if an enemy wrote it. */
import { NOBODY, type Attributes, type Entry } from './entry.ts';
import { namesOf, parentOf, type RelPath } from './path.ts';

/** One path. Strings hold bytes, as in core/path.ts. */
export interface Saved extends Attributes {
  readonly path: RelPath;
  readonly kind: 'file' | 'directory' | 'link';
  readonly size?: number;
  /** Of a file's content, in hex. */
  readonly sha256?: string;
  readonly target?: string;
  /**
   * content: the archive has a member for it. attributes: of a file, all else was the image's, and is not in the archive; a
   * directory is only made where it is missing.
   */
  readonly holds: 'content' | 'attributes';
}

export interface Index {
  readonly format: 1;
  readonly entries: readonly Saved[];
  /** Where nothing was, and something came. */
  readonly absent: readonly RelPath[];
}

/** What is known of a backup without opening it. */
export interface Backup {
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly created: string;
  readonly why: string;
  readonly files: number;
  /** Of content, before it was packed. */
  readonly bytes: number;
  readonly archive: { readonly size: number; readonly sha256: string };
  /** Paths that the run left alone after all: they are not what it would undo. */
  readonly untouched: readonly RelPath[];
}

export const INDEX_NAME = '.volseed-backup.json';

/** Depth first, each directory before what is in it, names in byte order: the order of every plan. */
export function byDepth(a: RelPath, b: RelPath): number {
  const [left, right] = [namesOf(a), namesOf(b)];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const [one, other] = [left[at] ?? '', right[at] ?? ''];
    if (one !== other) return one < other ? -1 : 1;
  }
  return left.length - right.length;
}

/** The entry that a saved path stood for; its witness is nobody's. */
export function entryOf(saved: Saved): Exclude<Entry, { kind: 'other' }> {
  const { mode, uid, gid, seconds, nanoseconds } = saved;
  const attributes = { mode, uid, gid, seconds, nanoseconds, witness: NOBODY };
  if (saved.kind === 'file') return { kind: 'file', ...attributes, size: saved.size ?? 0 };
  if (saved.kind === 'link') return { kind: 'link', ...attributes, target: saved.target ?? '' };
  return { kind: 'directory', ...attributes };
}

/** @returns the index, or what is wrong with it: the rest of a sentence. */
export function parseIndex(text: string): Index | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'its index is not JSON';
  }
  const { format, entries, absent } = (value ?? {}) as Record<string, unknown>;
  if (format !== 1) return 'its index has a format that this volseed does not know';
  if (!Array.isArray(entries) || !Array.isArray(absent)) return 'its index is not complete';
  if (!entries.every(isSaved) || !absent.every(isPath)) return 'its index names what cannot be in a volume';
  const index: Index = { format, entries, absent };
  return contradiction(index) ?? index;
}

function contradiction({ entries, absent }: Index): string | undefined {
  const kinds = new Map<RelPath, string>(entries.map(({ path, kind }) => [path, kind]));
  const gone = new Set(absent);
  const paths = [...entries.map(({ path }) => path), ...absent];
  if (new Set(paths).size < paths.length) return 'its index names a path twice';
  for (const path of paths) {
    for (let above = parentOf(path); above !== ''; above = parentOf(above)) {
      const kind = kinds.get(above);
      if (kind === 'link' && !gone.has(path)) return 'its index leads through a link';
      if (kind === 'file' && !gone.has(path)) return 'its index leads through a file';
      if (gone.has(above) && !gone.has(path)) return 'its index contradicts itself';
    }
  }
  return undefined;
}

function isPath(value: unknown): value is RelPath {
  if (typeof value !== 'string' || value.length > 1_000_000 || !isBytes(value)) return false;
  const names = value.split('/');
  return names[0] !== '.volseed' && names.every((name) => name !== '' && name !== '.' && name !== '..');
}

/** Characters up to 255 stand for bytes; none of them is NUL. */
function isBytes(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 255 || text.charCodeAt(at) === 0) return false;
  return true;
}

function isSaved(value: unknown): value is Saved {
  if (typeof value !== 'object' || value === null) return false;
  const { path, kind, mode, uid, gid, seconds, nanoseconds, size, sha256, target, holds } = value as Record<
    string,
    unknown
  >;
  const attributes =
    isWhole(mode, 0, 0o7777) &&
    isWhole(uid, 0, 0xffff_ffff) &&
    isWhole(gid, 0, 0xffff_ffff) &&
    isWhole(seconds, -(2 ** 40), 2 ** 40) &&
    isWhole(nanoseconds, 0, 999_999_999);
  if (!attributes || !isPath(path) || (holds !== 'content' && holds !== 'attributes')) return false;
  if (kind === 'file') return isWhole(size, 0, 2 ** 53) && typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256);
  if (kind === 'link') return typeof target === 'string' && target !== '' && target.length < 4096 && isBytes(target);
  return kind === 'directory';
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}
