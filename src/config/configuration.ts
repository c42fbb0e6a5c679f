/**
 * The configuration file: found, read, and put under flags and environment. Everything that only a file needs is loaded where
 * there is one.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { codeOf, explain, Mistakes, UsageError } from '../core/errors.ts';
import { displayText, hadBadByte } from '../core/path.ts';
import type { Arguments, Given } from './arguments.ts';
import type { Place } from './document.ts';
import { DEFAULT_FILE, optionsOf, type Command, type Option } from './options.ts';
import { BAD_BYTE } from './patterns.ts';
import { expand } from './variables.ts';
import type { Found, Written } from './written.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** How many mistakes of one file are listed. */
const LISTED = 20;
/** Bytes. */
const LARGEST = 1024 * 1024;

/**
 * Adds to flags and environment what the file says where they say nothing. Throws `UsageError` where the file that is named
 * cannot be read, and `Mistakes` for what is wrong in it.
 */
export async function configure(command: Command, given: Arguments, environment: Environment): Promise<Arguments> {
  const named = given.given.get('config');
  const file = resolve(named?.values[0] ?? DEFAULT_FILE);
  const text = read(file, named);
  if (text === undefined) return given;
  const { check } = await import('./check.ts');
  const written = await check(text);
  const shown = displayText(file);
  if ('mistakes' in written) {
    const lines = written.mistakes.map(({ line, column, message }) => `${shown}:${line}:${column}: ${message}`);
    const more = lines.length > LISTED ? [`${shown}: and ${lines.length - LISTED} more mistakes`] : [];
    throw new Mistakes([...lines.slice(0, LISTED), ...more]);
  }
  return merge(command, given, written, { file, shown, environment });
}

interface Terms {
  readonly file: string;
  readonly shown: string;
  readonly environment: Environment;
}

function merge(command: Command, given: Arguments, written: Written, terms: Terms): Arguments {
  const { file, shown } = terms;
  const merged = new Map(given.given);
  const options = optionsOf(command);
  for (const option of options) {
    if (merged.has(option.name)) continue;
    const found = written.values(option);
    if (found !== undefined) merged.set(option.name, asGiven(option, found, terms));
  }
  const hasSeeds = options.some(({ name }) => name === 'source') && !merged.has('source');
  const seeds = hasSeeds
    ? written.seeds?.map(({ source, into, policy, key, place, intoPlace }) => ({
        source: pathOf(source, `${key}.source`, place, terms),
        into: into === undefined ? undefined : expanded(into, `${key}.into`, intoPlace, terms),
        policy,
        by: `${key} of ${shown}:${place.line}`,
      }))
    : undefined;
  const rules = written.rules.map((rule) => ({ ...rule, by: `${rule.key} of ${shown}:${rule.line}` }));
  return { ...given, given: merged, configured: { file, seeds, rules } };
}

function asGiven(option: Option, { values, key, place }: Found, terms: Terms): Given {
  const isPath = option.value === 'DIR' || option.value === 'FILE';
  return {
    values: isPath ? values.map((value) => pathOf(value, key, place, terms)) : values,
    by: `${key} of ${terms.shown}:${place.line}`,
  };
}

/** Relative to the file, wherever volseed is started. */
function pathOf(text: string, key: string, place: Place, terms: Terms): string {
  return resolve(dirname(terms.file), expanded(text, key, place, terms));
}

function expanded(text: string, key: string, { line, column }: Place, { shown, environment }: Terms): string {
  const result = expand(text, environment);
  if ('value' in result && result.value !== '' && !result.value.includes('\0')) return result.value;
  const mistake = 'mistake' in result ? result.mistake : 'the path is empty, or has a NUL byte in it';
  throw new UsageError(`${shown}:${line}:${column}: ${key}: ${mistake}`);
}

/** Undefined where none is named, and there is none by default. */
function read(file: string, named: Given | undefined): string | undefined {
  const by = named === undefined ? '' : ` (${named.by})`;
  const bad = (why: string, cause?: unknown): UsageError =>
    new UsageError(`configuration file ${displayText(file)}${by} ${why}`, { cause });
  if (hadBadByte(named?.values[0] ?? '')) throw bad(BAD_BYTE);
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const isMissing = codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
    if (isMissing && named === undefined) return undefined;
    throw bad(isMissing ? 'does not exist' : `cannot be opened: ${explain(error)}`, error);
  }
  try {
    const stat = fstatSync(descriptor);
    if (stat.isDirectory()) throw bad('is a directory; name the file in it');
    if (stat.isCharacterDevice() && stat.rdev === DEV_NULL) return undefined;
    if (!stat.isFile()) throw bad('is no regular file');
    return decode(readAll(descriptor, bad), displayText(file));
  } finally {
    closeSync(descriptor);
  }
}

/** Device 1, 3 on every Linux. */
const DEV_NULL = 0x103;

type Bad = (why: string, cause?: unknown) => UsageError;

function readAll(descriptor: number, bad: Bad): Uint8Array {
  const bytes = new Uint8Array(LARGEST + 1);
  let length = 0;
  try {
    for (;;) {
      const count = readSync(descriptor, bytes, length, bytes.length - length, null);
      if (count === 0) return bytes.subarray(0, length);
      length += count;
      if (length > LARGEST) break;
    }
  } catch (error) {
    throw bad(`cannot be read: ${explain(error)}`, error);
  }
  throw bad('is larger than 1 MiB; it is a few lines of YAML, or it is another file');
}

function decode(bytes: Uint8Array, shown: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new UsageError(`${shown}:${lineOfFault(bytes)}: not UTF-8 here; save the file as UTF-8`, { cause: error });
  }
}

/** A line feed is never part of another character, so that lines can be looked at one by one. */
function lineOfFault(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (let line = 1, from = 0; ; line++) {
    const end = bytes.indexOf(0x0a, from);
    try {
      decoder.decode(bytes.subarray(from, end < 0 ? bytes.length : end));
    } catch {
      return line;
    }
    if (end < 0) return line;
    from = end + 1;
  }
}
