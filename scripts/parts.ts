/** The program without its packages, which a plain start does not use, and each package by itself (scripts/bundle.ts). */
import { isBuiltin } from 'node:module';
import { build, type BuildResult, type Plugin } from 'esbuild';

/** Each with what the program uses of it. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  micromatch: ['default'],
  pino: ['destination', 'pino'],
  tar: ['Header', 'Parser'],
  yaml: ['isAlias', 'isMap', 'isPair', 'isScalar', 'isSeq', 'LineCounter', 'parseDocument', 'visit'],
  yargs: ['default'],
};

/**
 * What packages import of Node is loaded when it is used, not when the program starts; some of Node's modules (assert, util) do
 * things to stderr when they are loaded (src/process/stdio.ts).
 */
const lateBuiltins: Plugin = {
  name: 'late builtins',
  setup(bundler) {
    bundler.onResolve({ filter: /./ }, ({ path }) =>
      isBuiltin(path) ? { path, namespace: 'late-builtin' } : undefined,
    );
    bundler.onLoad({ filter: /./, namespace: 'late-builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

/** Modules of Node by name, each with the variable that holds it. */
type Taken = Readonly<Record<string, string>>;

/** The modules of Node that our own code imports, each with what it imports by name. */
const IMPORTED: Readonly<Record<string, readonly string[]>> = {
  'node:child_process': ['spawn', 'spawnSync'],
  'node:fs': ['closeSync', 'constants', 'fstatSync', 'openSync', 'readFileSync', 'readSync'],
  'node:os': ['availableParallelism', 'constants', 'hostname'],
  'node:path': ['basename', 'dirname', 'resolve'],
};

/**
 * The interop between the two kinds of modules would copy the hundred names of node:fs for each of our modules: 7 ms in all.
 * @param taken what already has a name where the program will stand.
 */
const ownBuiltins = (taken: Taken = {}): Plugin => ({
  name: 'own builtins',
  setup(bundler) {
    bundler.onResolve({ filter: /^node:/ }, ({ path, importer }) =>
      importer.includes('/node_modules/') ? undefined : { path, namespace: 'own-builtin' },
    );
    bundler.onLoad({ filter: /./, namespace: 'own-builtin' }, ({ path }) => {
      const names = IMPORTED[path];
      if (names === undefined) throw new Error(`${path} is not in the list of scripts/parts.ts`);
      const it = taken[path] ?? `process.getBuiltinModule(${JSON.stringify(path)})`;
      return { contents: `const it = ${it}; export default it; export const { ${names.join(', ')} } = it;` };
    });
  },
});

const latePackages: Plugin = {
  name: 'late packages',
  setup(bundler) {
    bundler.onResolve({ filter: /^[a-z]/ }, ({ path }) =>
      Object.hasOwn(PACKAGES, path) ? { path, namespace: 'late-package' } : undefined,
    );
    bundler.onLoad({ filter: /./, namespace: 'late-package' }, ({ path }) => {
      const exported = PACKAGES[path]?.map(
        (name) => `export ${name === 'default' ? name : `const ${name} =`} it.${name};`,
      );
      return { contents: `const it = volseedLate(${JSON.stringify(path)}); ${exported?.join(' ')}` };
    });
  },
};

const common = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node22',
  minify: true,
  legalComments: 'inline',
  logLevel: 'warning',
  write: false,
  metafile: true,
  // Of no use to them: nothing lies beside the one file.
  define: { 'import.meta.url': '"file:///"' },
} as const;

/** The program of the second thread (src/fs/copyist.ts), as text in that of the first. */
async function copyist(inputs: (built: Built) => string): Promise<string> {
  const built = await build({ ...common, entryPoints: ['src/fs/copyist.ts'], plugins: [ownBuiltins()] });
  return inputs(built);
}

async function defined(version: string, inputs: (built: Built) => string): Promise<Record<string, string>> {
  const thread = await copyist(inputs);
  return { ...common.define, VOLSEED_VERSION: JSON.stringify(version), VOLSEED_COPYIST: JSON.stringify(thread) };
}

interface Parts {
  readonly program: string;
  /** Each package that the program takes later, by name. */
  readonly packages: ReadonlyMap<string, string>;
  /** The files that all of it was made of. */
  readonly inputs: readonly string[];
}

export async function parts(version: string, taken?: Taken): Promise<Parts> {
  const inputs: string[] = [];
  const noting = (built: Built): string => {
    const made = Object.values(built.metafile?.outputs ?? {}).flatMap((output) => Object.entries(output.inputs));
    inputs.push(...made.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([file]) => file));
    return only(built);
  };
  const packages = await Promise.all(
    Object.entries(PACKAGES).map(async ([name, exported]) => {
      const contents = `export { ${exported.join(', ')} } from '${name}'`;
      const stdin = { contents, resolveDir: '.', sourcefile: `${name}.js` };
      return [name, noting(await build({ ...common, stdin, plugins: [lateBuiltins] }))] as const;
    }),
  );
  const program = await build({
    ...common,
    entryPoints: ['entrypoint.ts'],
    plugins: [latePackages, ownBuiltins(taken)],
    define: await defined(version, noting),
  });
  return { program: noting(program), packages: new Map(packages), inputs };
}

type Built = Pick<BuildResult, 'outputFiles' | 'metafile'>;

function only({ outputFiles }: Built): string {
  const [file] = outputFiles ?? [];
  if (file === undefined) throw new Error('nothing was built');
  return file.text;
}
