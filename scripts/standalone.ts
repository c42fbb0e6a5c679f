// dist/volseed-linux-*: the bundle and Bun in one executable, for images without Node; with what is inside by its licences,
// and the sums of all. Names of artefacts as arguments build those; --here the one for this machine; none builds all four.
// --fetch only fetches the runtimes that this takes.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { parts } from './parts.ts';
import { artefacts, bunFor, bunVersion, type Artefact } from './runtime.ts';
import { withoutSwitches } from './switches.ts';

const FLAGS = [
  '--compile',
  '--minify',
  '--bytecode',
  '--format=esm',
  '--target=bun',
  // A file that happens to lie in the working directory of an entrypoint must not configure it.
  '--no-compile-autoload-dotenv',
  '--no-compile-autoload-bunfig',
  '--no-compile-autoload-tsconfig',
  '--no-compile-autoload-package-json',
];

const [first, ...others] = process.argv.slice(2);
const onlyFetch = first === '--fetch';
const chosen = asked(onlyFetch || first === undefined ? others : [first, ...others]);
const compiler = bunFor(here());
const place = '.local/standalone';
const source = `${place}/program.js`;
if (!onlyFetch) await writeSources();
for (const artefact of chosen) {
  const runtime = bunFor(artefact);
  if (!onlyFetch) compile(artefact, runtime);
}
if (!onlyFetch) {
  writeLicences();
  writeSums();
}

function asked(names: readonly string[]): readonly Artefact[] {
  if (names.length === 0) return artefacts;
  return names.map((name) => {
    const found = name === '--here' ? here() : artefacts.find((artefact) => artefact === name);
    if (found === undefined) throw new Error(`no artefact ${name}; there are ${artefacts.join(', ')}, and --here`);
    return found;
  });
}

/** The program as one module, and each package as a file of its own, read where it is first asked for: loading them was a tenth of a start. */
async function writeSources(): Promise<void> {
  const { program, packages } = await parts(version(), { 'node:fs': 'nodeFs', 'node:path': 'nodePath' });
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  const names = [...packages.keys()];
  for (const [name, code] of packages) writeFileSync(`${place}/${name}.txt`, code, 'latin1');
  const imports = names.map((name) => `import ${name} from './${name}.txt' with { type: 'file' };\n`);
  const head = readFileSync(new URL('standalone-head.js', import.meta.url), 'latin1');
  writeFileSync(
    source,
    `${imports.join('')}${head.replace('{ PACKAGES }', `{ ${names.join(', ')} }`)}${program}`,
    'latin1',
  );
}

function version(): string {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own package.json
  return (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;
}

/** The artefact that runs on this machine. */
function here(): Artefact {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the report's type leaves its header open
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  const name = `linux-${process.arch}${header.glibcVersionRuntime === undefined ? '-musl' : ''}`;
  const found = artefacts.find((artefact) => artefact === name);
  if (found === undefined)
    throw new Error(`no Bun is pinned that runs here (${name}); there are ${artefacts.join(', ')}`);
  return found;
}

function compile(artefact: Artefact, runtime: string): void {
  const file = `dist/volseed-${artefact}`;
  const from = [source, '--outfile', `${file}.new`, `--compile-executable-path=${withoutSwitches(runtime)}`];
  // Nothing of the builder's environment but what finding a directory for temporary files takes.
  const { PATH = '', HOME = '/', TMPDIR = '/tmp' } = process.env;
  const { status, error, stdout, stderr } = spawnSync(compiler, ['build', ...FLAGS, ...from], {
    encoding: 'utf8',
    env: { PATH, HOME, TMPDIR },
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`bun build: exit code ${status}\n${stdout}${stderr}`);
  chmodSync(`${file}.new`, 0o755);
  renameSync(`${file}.new`, file);
  console.log(`${file}: ${(statSync(file).size / 1e6).toFixed(1)} MB`);
}

/** What the executables hold besides the bundle; the bundle's own are in the other file. */
function writeLicences(): void {
  const bun = readFileSync('licences/bun.md', 'utf8');
  const bundle = readFileSync('dist/LICENSES.txt', 'utf8');
  writeFileSync('dist/LICENSES-standalone.txt', `${bundle}\n==== Bun ${bunVersion}\n\n${bun}`);
}

/** For `sha256sum --check SHA256SUMS` beside the files. */
function writeSums(): void {
  const names = readdirSync('dist').filter((name) => /^(entrypoint\.js|LICENSES.*\.txt|volseed-linux-.*)$/.test(name));
  rmSync('dist/SHA256SUMS', { force: true });
  writeFileSync(
    'dist/SHA256SUMS',
    names
      .toSorted()
      .map((name) => `${sumOf(name)}  ${name}\n`)
      .join(''),
  );
}

function sumOf(name: string): string {
  return createHash('sha256')
    .update(readFileSync(`dist/${name}`))
    .digest('hex');
}
