// One executable, with a runtime that nobody who uses it asked for: nothing but volseed's own options may reach it.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { changesBy, ground, lines, unlikeSeed } from '../support/probe.ts';
import { program, runToEnd, volseed } from '../support/volseed.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(checkout, path), 'utf8');
const { version } = JSON.parse(read('package.json')) as { version: string };
const isVersion = { code: 0, stdout: `volseed ${version}\n`, stderr: '' };

test('--version is that of the package', () => {
  expect(volseed(['--version'])).toEqual(isVersion);
});

describe('what lies in the working directory', () => {
  test.each([
    ['.env', 'DATA_DIR_PATH=VOLUME\nVOLSEED_TARGET=VOLUME\n'],
    ['.env.local', 'DATA_DIR_PATH=VOLUME\n'],
    ['.env.production', 'DATA_DIR_PATH=VOLUME\n'],
    ['bunfig.toml', 'preload = ["./planted.js"]\n'],
    ['tsconfig.json', '{ "compilerOptions": { "paths": { "*": ["./planted.js"] } } }\n'],
    ['package.json', '{ "type": "commonjs", "imports": { "#x": "./planted.js" }, "main": "planted.js" }\n'],
  ])('is no configuration: %s', (name, text) => {
    const on = ground();
    writeFileSync(join(on.root, name), text.replaceAll('VOLUME', on.volume));
    writeFileSync(join(on.root, 'planted.js'), plant(on.root));
    const { changed } = changesBy(on.volume, () => {
      const { code, stdout, stderr } = volseed(['sync', '--source', on.seed], { cwd: on.root });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/^volseed: no target[^\n]*\n$/);
    });
    expect(changed).toEqual([]);
    expect(existsSync(join(on.root, 'was-here'))).toBe(false);
  });
});

describe('what is set for a service that is a Bun or Node program itself', () => {
  const switches = [
    ['BUN_OPTIONS', '--preload ROOT/planted.js'],
    ['BUN_OPTIONS', '--version'],
    ['BUN_OPTIONS', '--print 1'],
    ['BUN_OPTIONS', '--no-such-option'],
    ['BUN_BE_BUN', '1'],
    ['BUN_INSPECT', 'ws://127.0.0.1:0/'],
    ['BUN_INSPECT_CONNECT_TO', 'ws://127.0.0.1:1/'],
    ['BUN_INSPECT_PRELOAD', 'ROOT/planted.js'],
    ['BUN_BYTECODE_ORDER_OUT', 'ROOT/was-here'],
    ['BUN_BYTECODE_ORDER_NAMES_OUT', 'ROOT/was-here'],
    ['BUN_BYTECODE_DIGEST_OUT', 'ROOT/was-here'],
    ['BUN_CONFIG_VERBOSE_FETCH', 'curl'],
    ['BUN_INSTALL', 'ROOT'],
    ['BUN_GARBAGE_COLLECTOR_LEVEL', '2'],
    ['BUN_JSC_useJIT', '0'],
    ['NODE_OPTIONS', '--require ROOT/planted.js'],
    ['NODE_PATH', 'ROOT'],
    ['NODE_V8_COVERAGE', 'ROOT/was-here'],
    ['NODE_ENV', 'production'],
  ] as const;

  test.each(switches)('%s=%s changes nothing, and reaches the service as it is', (name, pattern) => {
    const on = ground();
    const value = pattern.replaceAll('ROOT', on.root);
    writeFileSync(join(on.root, 'planted.js'), plant(on.root));
    expect(volseed(['--version'], { env: { [name]: value } })).toEqual(isVersion);
    const asService = ['--', '/bin/sh', '-c', `printf '%s\\n' "$${name}"`];
    const { code, stdout, stderr } = volseed(['run', ...on.where, ...asService], { env: { [name]: value } });
    expect({ code, stderr, last: lines(stdout).at(-1) }).toEqual({ code: 0, stderr: '', last: value });
    expect(unlikeSeed(on)).toEqual([]);
    expect(existsSync(join(on.root, 'was-here'))).toBe(false);
  });

  test.each(['--preload=./planted.js', '--eval=1', '-e', '--inspect', '--smol', '--bun'])(
    'an argument of the runtime is none of volseed: %s',
    (argument) => {
      expect(volseed([argument])).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(argument) });
    },
  );
});

describe('dist', () => {
  test('has the sums of all that ships', () => {
    const sums = lines(read('dist/SHA256SUMS')).map((line) => line.split('  '));
    expect(sums.map(([, name]) => name)).toEqual(
      expect.arrayContaining(['LICENSES-standalone.txt', 'LICENSES.txt', 'entrypoint.js']),
    );
    expect(sums.map(([, name]) => `dist/${name}`)).toContain(program.at(-1)?.slice(checkout.length));
    for (const [sum, name] of sums) {
      expect(
        createHash('sha256')
          .update(readFileSync(`${checkout}dist/${name}`))
          .digest('hex'),
      ).toBe(sum);
    }
    expect(runToEnd('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: `${checkout}dist` }).code).toBe(0);
  });

  test('has the licences of volseed, of the packages in the bundle, and of Bun', () => {
    const [bundle, standalone] = [read('dist/LICENSES.txt'), read('dist/LICENSES-standalone.txt')];
    const titles = [...standalone.matchAll(/^==== (\S+)/gm)].map(([, title]) => title);
    expect(titles).toEqual(
      expect.arrayContaining(['volseed', 'micromatch', 'pino', 'tar', 'valibot', 'yaml', 'yargs', 'Bun']),
    );
    expect(standalone.startsWith(bundle)).toBe(true);
    expect(standalone).toContain('JavaScriptCore (and WebKit) which is LGPL-2 licensed');
  });
});

/** A module that leaves a mark where it is loaded. */
function plant(root: string): string {
  return `require('node:fs').writeFileSync(${JSON.stringify(join(root, 'was-here'))}, '');`;
}
