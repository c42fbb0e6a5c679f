// Entries as plain data, each a whole one of which a test names only what it is about.
import type { Directory, File, Link, Other, Witness } from '../../src/core/entry.ts';
import type { RelPath } from '../../src/core/path.ts';
import type { Change } from '../../src/core/plan.ts';

export const witness: Witness = { device: 1n, inode: 1n, changed: 1n, links: 1 };
const attributes = { uid: 0, gid: 0, seconds: 100, nanoseconds: 0, witness };

export const file = (over: Partial<File> = {}): File => ({
  kind: 'file',
  ...attributes,
  mode: 0o644,
  size: 3,
  ...over,
});
export const link = (over: Partial<Link> = {}): Link => ({
  kind: 'link',
  ...attributes,
  mode: 0o777,
  target: 'target',
  ...over,
});
export const directory = (over: Partial<Directory> = {}): Directory => ({
  kind: 'directory',
  ...attributes,
  mode: 0o755,
  ...over,
});
export const other = (over: Partial<Other> = {}): Other => ({ kind: 'other', ...attributes, mode: 0o644, ...over });

export const path = (text: string): RelPath => text as RelPath;

export function change(at: string, entry: Change['new'], verb: Change['verb'] = 'create'): Change {
  return { path: path(at), verb, old: undefined, new: entry, reason: 'missing' };
}
