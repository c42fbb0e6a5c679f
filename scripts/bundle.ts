// dist/entrypoint.js: the whole program as one ESM file, without anything to install beside it.
import { build } from 'esbuild';
import { chmodSync, readFileSync, renameSync } from 'node:fs';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

await build({
  entryPoints: ['entrypoint.ts'],
  outfile: 'dist/entrypoint.new.js',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  minify: true,
  keepNames: false,
  legalComments: 'inline',
  logLevel: 'warning',
  define: { VOLSEED_VERSION: JSON.stringify(version) },
  // CommonJS packages (micromatch, pino) ask for `require` when they are first used.
  banner: {
    js: "#!/usr/bin/env node\nimport{createRequire as volseedRequire}from'node:module';const require=volseedRequire(import.meta.url);",
  },
});
chmodSync('dist/entrypoint.new.js', 0o755);
// In one step, because what is running may start it again at any moment.
renameSync('dist/entrypoint.new.js', 'dist/entrypoint.js');
