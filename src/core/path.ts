/**
 * Names and paths as the kernel has them: bytes. Each character of a `Name` or `RelPath` is one byte (latin1), so a name that
 * is not UTF-8 is as good as any other, comparison is byte order, and two paths are equal exactly when the kernel says so.
 */
export type Name = string & { readonly name: unique symbol };
/** Names joined by '/'; '' is the root of the tree. Never '.', '..', an empty level, or a leading or trailing slash. */
export type RelPath = string & { readonly relative: unique symbol };

export const ROOT = '' as RelPath;

/** The path of an entry of a directory. */
export function join(directory: RelPath, name: Name): RelPath {
  return (directory === '' ? name : `${directory}/${name}`) as RelPath;
}

/** The directory that holds a path; the root holds itself. */
export function parentOf(path: RelPath): RelPath {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0)) as RelPath;
}

export function nameOf(path: RelPath): Name {
  return path.slice(path.lastIndexOf('/') + 1) as Name;
}

/** The names from the root down to a path; none for the root. */
export function namesOf(path: RelPath): readonly Name[] {
  return path === '' ? [] : (path.split('/') as Name[]);
}

export function isBelow(path: RelPath, directory: RelPath): boolean {
  if (directory === '') return path !== '';
  // Asked for every path of a seed: no string is made for it.
  return path[directory.length] === '/' && path.startsWith(directory);
}

/** Whether a text can be one name of a path: never a way up, down, or to the root. */
export function isName(text: string): text is Name {
  return text !== '' && text !== '.' && text !== '..' && !/[/\0]/.test(text);
}

/** Byte order, the order of every listing and so of every plan. */
export function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The text that bytes stand for, with U+FFFD for what is not UTF-8: for matching globs, never for reaching a file. */
export function toText(bytes: string): string {
  return isAscii(bytes) ? bytes : new TextDecoder('utf-8', { ignoreBOM: true }).decode(toOctets(bytes));
}

/**
 * Whether a text from the command line or the environment had a byte that is not UTF-8: the runtime gives U+FFFD for it. A name
 * that really has that character cannot be told apart.
 */
export function hadBadByte(text: string): boolean {
  return text.includes('\ufffd');
}

/** The bytes of a text, as a `Name` or `RelPath` holds them. */
export function fromText(text: string): string {
  if (isAscii(text)) return text;
  let bytes = '';
  for (const octet of new TextEncoder().encode(text)) bytes += String.fromCharCode(octet);
  return bytes;
}

/**
 * Bytes as a person may see them in a log, on one line whatever they are: UTF-8 as it is; control characters, marks that turn
 * the writing direction, and bytes that are not UTF-8 escaped; a backslash doubled. So no name can forge a line.
 */
export function display(bytes: string): string {
  if (PLAIN.test(bytes)) return bytes;
  let text = '';
  for (const piece of pieces(bytes)) text += piece;
  return text;
}

/** The same for a text that may hold anything, a path from a flag for one. */
export function displayText(text: string): string {
  return PLAIN.test(text) ? text : display(fromText(text));
}

const PLAIN = /^[ -[\]-~]*$/;
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

function* pieces(bytes: string): Generator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes.charCodeAt(at));
    const sequence = bytes.slice(at, at + length);
    const char = length > 0 && sequence.length === length ? decoded(decoder, sequence) : undefined;
    yield char === undefined ? hex(bytes.charCodeAt(at)) : (ESCAPES[char] ?? (HIDDEN.test(char) ? hidden(char) : char));
    at += char === undefined ? 1 : length;
  }
}

function decoded(decoder: TextDecoder, sequence: string): string | undefined {
  try {
    return decoder.decode(toOctets(sequence));
  } catch {
    return undefined;
  }
}

/** How many bytes a UTF-8 sequence has by its first; 0 where none begins so. */
function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

function hidden(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  return code < 0x80 ? hex(code) : `\\u{${code.toString(16)}}`;
}

function hex(octet: number): string {
  return `\\x${octet.toString(16).padStart(2, '0')}`;
}

function toOctets(bytes: string): Uint8Array {
  return Uint8Array.from(bytes, (char) => char.charCodeAt(0));
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}
