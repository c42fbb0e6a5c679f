/** Globs by micromatch, made strict: what it would take literally or never match is an error here. */
import { UsageError } from '../core/errors.ts';
import { displayText, toText } from '../core/path.ts';
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

function checkGlob(glob: string, by: string): string {
  if (glob === '') throw bad(by, glob, 'it is empty');
  const pattern = normalise(glob);
  if (pattern === '') throw bad(by, glob, 'it names the root; leave it out');
  if (pattern.startsWith('/'))
    throw bad(by, glob, "it begins with '/': globs are relative to the source, as in tables/**");
  if (pattern.split('/').includes('..')) throw bad(by, glob, "it goes up with '..': globs are relative to the source");
  const balance = braces(pattern);
  if (balance !== 0) throw bad(by, glob, balance > 0 ? 'a closing } is missing' : 'a } closes nothing');
  return pattern;
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
  for (const [char] of pattern.replaceAll(/\\./gs, '').replaceAll(/\[[^\]]*\]/g, '')) {
    if (char === '{') depth++;
    if (char === '}' && --depth < 0) return depth;
  }
  return depth;
}

function bad(by: string, glob: string, why: string): UsageError {
  return new UsageError(`${by}: bad glob '${displayText(glob)}': ${why}`);
}
