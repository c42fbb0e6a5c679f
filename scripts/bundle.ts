// dist/entrypoint.js: the whole program as one ESM file, without anything to install beside it.
import { build, type Plugin } from 'esbuild';
import { isBuiltin } from 'node:module';
import { chmodSync, readFileSync, renameSync } from 'node:fs';
import { writeLicences } from './licences.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

/**
 * What a package imports of Node is loaded when the package is used, not when the bundle starts: a plain start uses none of
 * them, and some of Node's modules (assert, util) do things to stderr when they are loaded (src/process/stdio.ts).
 */
const lateBuiltins: Plugin = {
  name: 'late builtins',
  setup(bundler) {
    bundler.onResolve({ filter: /./ }, ({ path, importer }) => {
      if (!isBuiltin(path) || !importer.includes('/node_modules/')) return undefined;
      return { path, namespace: 'late-builtin' };
    });
    bundler.onLoad({ filter: /./, namespace: 'late-builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

const { metafile } = await build({
  entryPoints: ['entrypoint.ts'],
  outfile: 'dist/entrypoint.new.js',
  bundle: true,
  metafile: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  minify: true,
  keepNames: false,
  legalComments: 'inline',
  logLevel: 'warning',
  plugins: [lateBuiltins],
  define: { VOLSEED_VERSION: JSON.stringify(version) },
  // CommonJS packages (micromatch, pino) ask for `require` when they are first used.
  banner: {
    js: "#!/usr/bin/env node\nimport{createRequire as volseedRequire}from'node:module';const require=volseedRequire(import.meta.url);",
  },
});
chmodSync('dist/entrypoint.new.js', 0o755);
// In one step, because what is running may start it again at any moment.
renameSync('dist/entrypoint.new.js', 'dist/entrypoint.js');
const inside = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
writeLicences(inside.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([file]) => file));
