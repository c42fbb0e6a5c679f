/** The blocks of a tar archive. What tar's own fields cannot hold exactly, bytes and nanoseconds, goes into PAX records. */
import { Header } from 'tar';
import { display } from '../core/path.ts';
import type { Saved } from '../core/archive.ts';

export const BLOCK = 512;
const TYPES = { file: 'File', directory: 'Directory', link: 'SymbolicLink' } as const;

/** All that comes before a member's content. */
export function headerOf(saved: Saved): Buffer {
  const { path, kind, mode, uid, gid, seconds, nanoseconds, target } = saved;
  const name = kind === 'directory' ? `${path}/` : path;
  const records = Buffer.concat([
    record('path', name),
    ...(target === undefined ? [] : [record('linkpath', target)]),
    record('mtime', timeOf(seconds, nanoseconds)),
    record('uid', String(uid)),
    record('gid', String(gid)),
    ...(kind === 'file' ? [record('size', String(saved.size ?? 0))] : []),
  ]);
  const size = kind === 'file' ? (saved.size ?? 0) : 0;
  return Buffer.concat([
    header({ path: 'PaxHeader', size: records.length, type: 'ExtendedHeader' }),
    padded(records),
    header({ path: safeName(path), linkpath: safeName(target ?? ''), size, mode, type: TYPES[kind] }),
  ]);
}

/** A whole member of plain text. */
export function textMember(path: string, text: string): Buffer {
  const content = Buffer.from(text);
  return Buffer.concat([header({ path, size: content.length, mode: 0o600, type: 'File' }), padded(content)]);
}

export function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** Two empty blocks. */
export function trailer(): Buffer {
  return Buffer.alloc(2 * BLOCK);
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, padding(content.length)]);
}

type Fields = {
  readonly path: string;
  readonly size: number;
  readonly mode?: number;
  readonly linkpath?: string;
  readonly type: 'File' | 'Directory' | 'SymbolicLink' | 'ExtendedHeader';
};

function header({ path, size, mode = 0o644, linkpath = '', type }: Fields): Buffer {
  const block = Buffer.alloc(BLOCK);
  const nobody = { uid: 0, gid: 0, uname: '', gname: '', mtime: new Date(0) };
  new Header({ ...nobody, path, size, mode, linkpath, type }).encode(block);
  return block;
}

/** For programs that know no PAX: what fits, in ASCII. */
function safeName(path: string): string {
  return display(path)
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(-99);
}

function timeOf(seconds: number, nanoseconds: number): string {
  if (nanoseconds === 0) return String(seconds);
  // -1.25 is a second below -0.25, where the entry has -2 s and 750,000,000 ns.
  const [whole, part] = seconds < 0 ? [seconds + 1, 1_000_000_000 - nanoseconds] : [seconds, nanoseconds];
  const sign = seconds < 0 && whole === 0 ? '-' : '';
  return `${sign}${whole}.${String(part).padStart(9, '0')}`;
}

/** `LENGTH KEY=VALUE\n`, where LENGTH counts itself. */
function record(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`, 'latin1');
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}
