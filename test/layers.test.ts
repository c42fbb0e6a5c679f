// Imports run one way (DESIGN §8): entrypoint → cli → seeding → {fs, state, process, report, config} → core.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const SHELLS = ['fs', 'state', 'archive', 'process', 'report', 'config'];

/** What puts the shells together: one file for each kind of run, and one for what they share. */
const WHOLE = [
  'seeding.ts',
  'restoring.ts',
  'archiving.ts',
  'verifying.ts',
  'manifesting.ts',
  'explaining.ts',
  'surveying.ts',
  'comparing.ts',
  'basing.ts',
  'guarding.ts',
  'resetting.ts',
  'applying.ts',
];

/** The folder of src/ that a file stands in, or its own name at the top. */
function layerOf(file: string): string {
  const [first = '', second] = file.split('/');
  if (first !== 'src') return first;
  return second?.endsWith('.ts') === true ? second : (second ?? '');
}

/** What each layer may import besides itself. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  ...Object.fromEntries(SHELLS.map((shell) => [shell, ['core']])),
  ...Object.fromEntries(WHOLE.map((file) => [file, ['core', ...SHELLS, ...WHOLE]])),
  cli: ['core', ...SHELLS, ...WHOLE],
  'entrypoint.ts': ['cli'],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

const files = ['entrypoint.ts', ...readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })]
  .filter((name) => name.endsWith('.ts'))
  .map((name) => (name === 'entrypoint.ts' ? name : `src/${name}`));

const imports: readonly Import[] = files.flatMap((from) =>
  [...readFileSync(join(root, from), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, to = '']) => ({
    from,
    to,
  })),
);

describe('imports run one way', () => {
  it('sees the imports of every source file', () => {
    expect(files.length).toBeGreaterThan(30);
    expect(imports).toContainEqual({ from: 'entrypoint.ts', to: './src/cli/main.ts' });
  });

  it('lets no layer reach up, and no shell reach into another', () => {
    const strays = imports
      .filter(({ to }) => to.startsWith('.'))
      .map(({ from, to }) => ({ from, to: normalize(join(dirname(from), to)) }))
      .filter(({ from, to }) => layerOf(from) !== layerOf(to) && !(ALLOWED[layerOf(from)] ?? []).includes(layerOf(to)));
    expect(strays).toEqual([]);
  });

  it('keeps core free of node:, of packages, of the clock and of the environment', () => {
    const core = files.filter((file) => layerOf(file) === 'core');
    expect(imports.filter(({ from, to }) => core.includes(from) && !to.startsWith('.'))).toEqual([]);
    const impure = core.filter((file) => /\b(process|performance|Date|Math\.random|globalThis)\b[.(]/.test(code(file)));
    expect(impure).toEqual([]);
  });

  it('lets only fs/ open what is on the volume, by one door', () => {
    const users = imports.filter(({ to }) => to === 'node:fs' || to === 'node:fs/promises').map(({ from }) => from);
    const elsewhere = users.filter((file) => !file.startsWith('src/fs/')).toSorted();
    // The configuration file, accounts, capabilities, threads, the command's own file, standard output, Kubernetes'
    // termination message: none of them on the volume.
    expect(elsewhere).toEqual([
      'src/config/configuration.ts',
      'src/process/accounts.ts',
      'src/process/command.ts',
      'src/process/identity.ts',
      'src/process/leave.ts',
      'src/process/program.ts',
      'src/process/stdio.ts',
      'src/process/supervise.ts',
      'src/process/terminal.ts',
      'src/report/last-words.ts',
      'src/report/output.ts',
    ]);
  });

  it('loads no package at a plain start: each waits behind an import() for what needs it', () => {
    const loaded = new Set<string>();
    const load = (file: string): void => {
      if (loaded.has(file)) return;
      loaded.add(file);
      if (file.startsWith('src/') || file === 'entrypoint.ts') for (const to of atOnce(file)) load(to);
    };
    load('entrypoint.ts');
    // What the start of a run itself waits for.
    load('src/cli/run.ts');
    expect(loaded).toContain('src/config/configuration.ts');
    expect(loaded).not.toContain('src/config/check.ts');
    expect([...loaded].filter((each) => !each.endsWith('.ts') && !each.startsWith('node:'))).toEqual([]);
  });

  it('lets no import circle', () => {
    const edges = new Map(
      files.map((file) => [
        file,
        imports
          .filter(({ from, to }) => from === file && to.startsWith('.'))
          .map(({ to }) => normalize(join(dirname(file), to))),
      ]),
    );
    const circles: string[][] = [];
    const walk = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) return void circles.push([...path.slice(path.indexOf(file)), file]);
      for (const next of edges.get(file) ?? []) walk(next, [...path, file]);
    };
    walk('entrypoint.ts', []);
    expect(circles).toEqual([]);
  });
});

/** What is loaded with a file: neither types, nor what it imports later. */
function atOnce(file: string): string[] {
  const statements = code(file).matchAll(/^(?:import|export)\s(?!type\b)(?:[^;']*\sfrom\s)?'([^']+)';$/gm);
  return [...statements].map(([, to = '']) => (to.startsWith('.') ? normalize(join(dirname(file), to)) : to));
}

function code(file: string): string {
  return readFileSync(join(root, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
}
