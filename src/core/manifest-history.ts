/** What earlier images shipped, as a manifest tells it. */
import { HASH, LONGEST_PATH, readHash, Texts, type Tools } from './manifest-format.ts';
import { Damaged, Reader } from './octets.ts';
import type { RelPath } from './path.ts';

/** SHA-256s in hex by path, both in byte order. */
export type History = ReadonlyMap<RelPath, readonly string[]>;

/** Throws `Damaged`. */
export function readHistory(bytes: Uint8Array, tools: Tools): History {
  const part = new Reader(bytes, 0, bytes.length);
  const texts: Texts = new Texts(bytes, part, tools);
  const hashes = part.part(part.number(part.end) * HASH);
  const history = new Map<RelPath, readonly string[]>();
  let before = '';
  while (part.at < part.end) {
    const shared = part.number(before.length);
    const path = before.slice(0, shared) + texts.next(part.number(LONGEST_PATH - shared));
    if (path <= before) throw new Damaged('has names out of order');
    for (const name of path.split('/')) texts.checkName(name);
    before = path;
    const versions: string[] = [];
    for (let left = part.number(); left > 0; left--) versions.push(readHash(bytes, hashes));
    history.set(path as RelPath, versions);
  }
  hashes.finish();
  texts.finish();
  return history;
}
