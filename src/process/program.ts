/**
 * Whether the kernel will start a file. An execve that fails ends Node 22 and 24 with an abort and a stack trace, so there it is
 * asked for beforehand; Node 26 and Bun throw, and the kernel's own answer is the better one.
 */
import fs from 'node:fs';
import { codeOf } from '../core/errors.ts';

/** start: as far as can be told. script: no format the kernel knows; a shell's to run. orphan: its interpreter is missing. */
export type Verdict = 'start' | 'script' | 'orphan';

const HEAD = 4096;
const PT_INTERP = 3;

export const execveThrows = process.versions['bun'] !== undefined || Number.parseInt(process.versions.node, 10) >= 26;

export function judge(file: string): Verdict {
  try {
    const head = readHead(file);
    if (head.length === 0) return 'script';
    if (head.subarray(0, 2).toString('latin1') === '#!') return exists(shebang(head)) ? 'start' : 'orphan';
    if (head.subarray(0, 4).toString('latin1') !== '\x7fELF') return 'script';
    const loader = loaderOf(head);
    return loader === undefined || exists(loader) ? 'start' : 'orphan';
  } catch (error) {
    // May be executed but not read: the kernel's to answer.
    if (codeOf(error) === undefined) throw error;
    return 'start';
  }
}

function readHead(file: string): Buffer {
  const descriptor = fs.openSync(file, 'r');
  try {
    const head = Buffer.alloc(HEAD);
    return head.subarray(0, fs.readSync(descriptor, head, 0, HEAD, 0));
  } finally {
    fs.closeSync(descriptor);
  }
}

function shebang(head: Buffer): string {
  const line = head.toString('latin1').split('\n', 1)[0] ?? '';
  // Blanks and tabs alone: the carriage return of a script with DOS line ends is part of the name, for the kernel.
  return /^#![ \t]*([^ \t]*)/.exec(line)?.[1] ?? '';
}

/** The dynamic loader that a 64-bit little-endian ELF file names (elf(5)); undefined for a static one, and for any other kind. */
function loaderOf(head: Buffer): string | undefined {
  const is64BitLittleEndian = head[4] === 2 && head[5] === 1;
  if (!is64BitLittleEndian || head.length < 64) return undefined;
  const offset = Number(head.readBigUInt64LE(32));
  const size = head.readUInt16LE(54);
  for (let at = offset, left = head.readUInt16LE(56); left > 0 && at + size <= head.length; at += size, left--) {
    if (head.readUInt32LE(at) !== PT_INTERP) continue;
    const from = Number(head.readBigUInt64LE(at + 8));
    const length = Number(head.readBigUInt64LE(at + 32));
    return from + length <= head.length ? head.toString('latin1', from, from + length - 1) : undefined;
  }
  return undefined;
}

function exists(file: string): boolean {
  return file !== '' && fs.existsSync(file);
}
