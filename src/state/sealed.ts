/**
 * A file of the state in two lines and a body: what it is, with the sums of the rest; a header in JSON, which can be read alone;
 * and bytes. It is written anew under another name and renamed.
 */
import { crc32 } from '../core/checksum.ts';
import type { PrivateDirectory } from '../core/private.ts';

export interface Kind {
  readonly file: string;
  /** What its first line begins with. */
  readonly format: string;
}

/** The header alone; undefined where there is none, or it cannot be read. */
export function readHeader(directory: PrivateDirectory, { file, format }: Kind): unknown {
  if (!directory.holdsFile(file)) return undefined;
  let head: Buffer = Buffer.alloc(0);
  for (const piece of directory.pieces(file)) {
    head =
      head.length === 0 ? Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength) : Buffer.concat([head, piece]);
    const end = head.indexOf('\n', head.indexOf('\n') + 1);
    if (end !== -1) return parse(head.toString('latin1', 0, end), format)?.header;
    if (!head.subarray(0, format.length).equals(Buffer.from(format))) return undefined;
  }
  return undefined;
}

/** What a function makes of header and body; undefined where there is no such file; 'damaged' where it is not as it was written, or the function throws. */
export function readSealed<T>(
  directory: PrivateDirectory,
  { file, format }: Kind,
  make: (header: unknown, body: Buffer) => T,
): T | 'damaged' | undefined {
  if (!directory.exists(file)) return undefined;
  const content = directory.holdsFile(file) ? directory.read(file) : undefined;
  if (content === undefined) return 'damaged';
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const end = bytes.indexOf('\n', bytes.indexOf('\n') + 1);
  const head = end === -1 ? undefined : parse(bytes.toString('latin1', 0, end), format);
  const body = bytes.subarray(end + 1);
  if (head === undefined || sha256(body) !== head.body) return 'damaged';
  try {
    return make(head.header, body);
  } catch {
    return 'damaged';
  }
}

/**
 * @param durable whether it is on the disk when this returns.
 * @param encodeBehind writes the body behind a head.
 */
export function writeSealed(
  directory: PrivateDirectory,
  { file, format }: Kind,
  header: object,
  durable: boolean,
  encodeBehind: (head: Uint8Array) => Buffer,
): void {
  // Patterns may have any character; a byte has room for the first 256.
  const line = JSON.stringify(header).replaceAll(/[^\0-\xff]/g, escaped);
  const sums = `${format} ${crc32(line)} `;
  const head = Buffer.from(`${sums}${'0'.repeat(64)}\n${line}\n`, 'latin1');
  const whole = encodeBehind(head);
  // In its place only now, so that eleven megabytes for 100,000 paths are not copied for it.
  whole.write(sha256(whole.subarray(head.length)), sums.length, 'latin1');
  directory.replace(file, whole, durable);
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function parse(text: string, format: string): { readonly header: unknown; readonly body: string } | undefined {
  const [first = '', line = ''] = text.split('\n');
  const [, sum, body] = /^([0-9a-f]{8}) ([0-9a-f]{64})$/.exec(first.slice(format.length + 1)) ?? [];
  if (body === undefined || !first.startsWith(`${format} `) || crc32(line) !== sum) return undefined;
  try {
    return { header: JSON.parse(line), body };
  } catch {
    return undefined;
  }
}

function sha256(bytes: Uint8Array): string {
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(bytes).digest('hex');
}
