/** Reads a backup's archive. Nothing in it is believed: not a name, not a size, not an order. */
import { Parser, type ReadEntry } from 'tar';
import { INDEX_NAME, parseIndex, type Backup, type Index, type Saved } from '../core/archive.ts';
import { Refused } from '../core/errors.ts';
import { toText } from '../core/path.ts';

/** The bytes of the archive, from its beginning, as often as it is called. */
export type Source = () => Iterable<Uint8Array>;

interface Member {
  readonly path: string;
  readonly type: string;
  readonly size: number;
}

/** @param given what the archive is to be, by the record beside it. Throws `Refused` where it is not. */
export async function readIndex(source: Source, { id, archive }: Backup): Promise<Index> {
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256');
  let size = 0;
  for (const bytes of source()) {
    hash.update(bytes);
    size += bytes.length;
  }
  if (size !== archive.size || hash.digest('hex') !== archive.sha256)
    throw damaged(id, 'does not match its checksum: it is truncated, or was changed');
  const members: Member[] = [];
  const parts: Uint8Array[] = [];
  await parse(source, id, (entry) => {
    const { path, type, size: length } = entry;
    members.push({ path, type, size: length });
    return path === INDEX_NAME ? (bytes) => void parts.push(bytes) : undefined;
  });
  const index = parseIndex(Buffer.concat(parts).toString('utf8'));
  if (typeof index === 'string') throw damaged(id, `cannot be trusted: ${index}`);
  if (!agree(members, index)) throw damaged(id, 'cannot be trusted: its members are not those of its index');
  return index;
}

/**
 * Hands out the content of the files that are wanted, in the order of the archive. Throws `Refused` where it is not that of the index.
 * @param open where a file's bytes are to go; undefined for one that is not wanted.
 */
export async function unpack(
  source: Source,
  id: string,
  index: Index,
  open: (saved: Saved) => { write: (bytes: Uint8Array) => void; end: () => void } | undefined,
): Promise<void> {
  const contents = index.entries.filter(({ holds }) => holds === 'content');
  const { createHash } = process.getBuiltinModule('node:crypto');
  let at = 0;
  await parse(source, id, (_entry) => {
    const saved = contents[at++];
    const target = saved?.kind === 'file' ? open(saved) : undefined;
    if (saved === undefined || target === undefined) return undefined;
    const hash = createHash('sha256');
    return (bytes, isEnd) => {
      hash.update(bytes);
      target.write(bytes);
      if (!isEnd) return;
      target.end();
      if (hash.digest('hex') !== saved.sha256)
        throw damaged(id, 'cannot be trusted: a content is not that of its index');
    };
  });
}

/** The members are those of the index, in its order, and the index itself is the last. */
function agree(members: readonly Member[], { entries }: Index): boolean {
  const expected = entries.filter(({ holds }) => holds === 'content');
  if (members.length !== expected.length + 1 || members.at(-1)?.path !== INDEX_NAME) return false;
  return expected.every(({ path, kind, size }, at) => {
    const member = members[at];
    const type = { file: 'File', directory: 'Directory', link: 'SymbolicLink' }[kind];
    const name = member?.path.replace(/\/$/, '');
    // A line feed in a name, or bytes that are not UTF-8, are more than tar's reader of PAX records can take.
    const sameName = name === toText(path) || /[\n\ufffd]/.test(toText(path));
    return member?.type === type && sameName && member.size === (kind === 'file' ? size : 0);
  });
}

type Taker = ((bytes: Uint8Array, isEnd: boolean) => void) | undefined;

async function parse(source: Source, id: string, take: (entry: ReadEntry) => Taker): Promise<void> {
  const { createGunzip } = process.getBuiltinModule('node:zlib');
  const { Readable } = process.getBuiltinModule('node:stream');
  let failure: unknown;
  const attempt = (action: () => void): void => {
    if (failure !== undefined) return;
    try {
      action();
    } catch (error) {
      failure = error;
    }
  };
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry) => {
      let taker: Taker;
      attempt(() => (taker = take(entry)));
      entry.on('data', (bytes: Buffer) => attempt(() => taker?.(bytes, false)));
      entry.on('end', () => attempt(() => taker?.(new Uint8Array(), true)));
      entry.resume();
    },
  });
  parser.on('error', (error: unknown) => (failure ??= error));
  const ended = new Promise<void>((resolve) => void parser.on('end', resolve));
  try {
    const packed = Readable.from(source());
    const unpacked = packed.pipe(createGunzip());
    // A pipe hands on bytes, and no errors: nobody would hear of this one.
    packed.on('error', (error) => unpacked.destroy(error));
    for await (const bytes of unpacked) {
      parser.write(bytes as Buffer);
      if (failure !== undefined) throw failure;
    }
    parser.end();
    if (failure === undefined) await ended;
  } catch (error) {
    failure ??= error;
  }
  if (failure === undefined) return;
  if (failure instanceof Refused || (failure as { syscall?: unknown }).syscall !== undefined) throw failure;
  throw new Refused(
    `backup ${id} cannot be read as an archive; nothing was touched: choose another, see volseed backups`,
    {
      cause: failure,
    },
  );
}

function damaged(id: string, what: string): Refused {
  return new Refused(`backup ${id} ${what}; nothing was touched: choose another, see volseed backups`);
}
