/**
 * dist/entrypoint.js: the whole program as one file, without anything to install beside it. A short head is all that the runtime
 * parses; behind it, as comments, stand the program, a code cache of it for the Node that builds this, and its packages, each
 * taken when it is first asked for. What that saves: docs/performance.md.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeLicences } from './licences.ts';
import { parts } from './parts.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const built = await parts(version);
const program = `(function(require){${built.program}\n})`;
const head = readFileSync(new URL('loader.cjs', import.meta.url), 'latin1');
const behind = new Map([
  ['program', program],
  [`cache ${process.versions.v8} ${process.arch}`, cacheOf(program)],
  ...built.packages,
]);
const mark = `volseed:${createHash('sha256')
  .update(JSON.stringify([...behind]))
  .digest('hex')
  .slice(0, 16)}`;
const comments = [...behind].map(([name, code]) => `/*${mark} ${name}\n${code.replaceAll('*/', '*\u0001/')}\n*/\n`);
const whole = `#!/usr/bin/env node\n${head.replaceAll('MARK', mark)}${comments.join('')}`;
// It is read as bytes where it runs.
if (/[^\0-\x7f]/.test(whole)) throw new Error('the bundle has characters beyond ASCII');

mkdirSync('dist', { recursive: true });
// Of the kind that a file without an extension is, as it is called in an image; ESM would be read twice there.
writeFileSync('dist/package.json', '{ "type": "commonjs" }\n');
// Of its own, because two suites may build at once.
const fresh = `dist/entrypoint.${process.pid}.new`;
writeFileSync(fresh, whole);
chmodSync(fresh, 0o755);
// In one step, because what is running may start it again at any moment.
renameSync(fresh, 'dist/entrypoint.js');
writeLicences(built.inputs);

/** In base64. Made until it comes out the same twice: what V8's own timing decides is in it as well. */
function cacheOf(code: string): string {
  const place = mkdtempSync(join(tmpdir(), 'volseed-build-'));
  try {
    const [file, cache] = [join(place, 'program.js'), join(place, 'cache')];
    writeFileSync(file, code, 'latin1');
    const seen = new Set<string>();
    for (let left = 8; ; left--) {
      execFileSync(process.execPath, ['--random-seed=1', 'scripts/train.cjs', file, cache], { stdio: 'inherit' });
      const made = readFileSync(cache, 'base64');
      if (seen.has(made) || left === 0) return made;
      seen.add(made);
    }
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
