/** Globs by micromatch, made strict: what it would take literally or never match is an error here. */
import { UsageError } from '../core/errors.ts';
import { displayText, hadBadByte, toText } from '../core/path.ts';
import type { Matcher } from '../core/selection.ts';

/** Passed on to picomatch. `flags: 's'`: without, `**` does not cross a directory whose name has a newline in it. */
const OPTIONS: object = { dot: true, strictBrackets: true, debug: true, posix: true, flags: 's' };

/** One matcher for several globs; undefined for none. micromatch is loaded only where there is a glob. */
export async function compileGlobs(globs: readonly string[], by: string): Promise<Matcher | undefined> {
  if (globs.length === 0) return undefined;
  const { default: micromatch } = await import('micromatch');
  const matchers = globs.map((glob) => {
    const pattern = checkGlob(glob, by);
    try {
      return micromatch.matcher(pattern, OPTIONS);
    } catch (error) {
      throw bad(by, glob, (error as Error).message.split(' - ')[0] ?? '');
    }
  });
  return (path) => {
    const text = toText(path);
    return matchers.some((matches) => matches(text));
  };
}

/** Paths are matched as text, in which all such bytes are the same. Throws `UsageError`. */
export function checkBytes(glob: string, by: string): void {
  if (hadBadByte(glob)) throw bad(by, glob, "a byte of it is not UTF-8; write '?' or '*' in its place");
}

function checkGlob(glob: string, by: string): string {
  checkBytes(glob, by);
  if (glob === '') throw bad(by, glob, 'it is empty');
  const pattern = normalise(glob);
  if (pattern === '') throw bad(by, glob, 'it names the root; leave it out');
  if (pattern.startsWith('/'))
    throw bad(by, glob, "it begins with '/': globs are relative to the source, as in tables/**");
  if (pattern.split('/').includes('..')) throw bad(by, glob, "it goes up with '..': globs are relative to the source");
  const balance = braces(pattern);
  if (balance !== 0) throw bad(by, glob, balance > 0 ? 'a closing } is missing' : 'a } closes nothing');
  const negation = badNegation(pattern);
  if (negation !== undefined) throw bad(by, glob, negation);
  return pattern;
}

/**
 * A directory that a glob matches means all below it. So a negation that matches the directories above what it names takes in the
 * very thing that it was written to spare; undefined where it does not.
 */
function badNegation(pattern: string): string | undefined {
  // `!(a)` is a negation within its level, but where a `?` makes a group of a regular expression of it.
  if (/^!(?!\((?!\?))/.test(pattern))
    return `it begins with '!', which takes nothing back: say with --include what is meant, and with --exclude what is not; a name that begins with '!' is written '\\${displayText(pattern)}'`;
  if (negatesLevels(pattern))
    return "!(...) is of one level: with a '/' in it, it matches the directories above what it is to spare, and so all below them";
  if (/(?:^|\/)\*\*\/!\([^/]*\)(?:\/\*\*)*$/.test(pattern))
    return '**/!(...) matches the directories above what it is to spare, and so all below them; leave that out with --exclude';
  return undefined;
}

/** Whether a slash stands in a `!(...)`. */
function negatesLevels(pattern: string): boolean {
  const open: boolean[] = [];
  let before = '';
  for (const char of unquoted(pattern)) {
    if (char === '(') open.push(before === '!');
    if (char === ')') open.pop();
    if (char === '/' && open.includes(true)) return true;
    before = char;
  }
  return false;
}

/** `./a//b/` is `a/b`: the paths it is held against have no empty level, no `.` and no slash at an end. */
function normalise(glob: string): string {
  return glob
    .replaceAll(/\/{2,}/g, '/')
    .replaceAll(/(?<=^|\/)\.(?:\/|$)/g, '')
    .replace(/(?<=.)\/$/, '');
}

/** More than 0: one is left open. Less: one too many is closed. */
function braces(pattern: string): number {
  let depth = 0;
  for (const char of unquoted(pattern)) {
    if (char === '{') depth++;
    if (char === '}' && --depth < 0) return depth;
  }
  return depth;
}

/** With a `_` for what a backslash or square brackets take the meaning from. */
function unquoted(pattern: string): string {
  return pattern.replaceAll(/\\./gs, '_').replaceAll(/\[[^\]]*\]/g, '_');
}

function bad(by: string, glob: string, why: string): UsageError {
  return new UsageError(`${by}: bad glob '${displayText(glob)}': ${why}`);
}
