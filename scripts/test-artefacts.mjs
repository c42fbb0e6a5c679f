// npm run test:artefacts [-- ARTEFACT...] [--all] [--reports DIRECTORY]: the black-box tests against what ships, one artefact after
// the other: the executables for this kind of machine (x64), and the bundle on the oldest Nodes it is for. Node 26 is `npm test`'s.
// Without --all, the files that hang most on the runtime, and fewer random cases; VOLSEED_ORACLE_PAIRS and the like have their way.
import { spawnSync } from 'node:child_process';
import { build, install, node, root, run } from './setup.mjs';

const ALL = ['linux-x64', 'linux-x64-musl', 'node22', 'node24'];
const MOST_TELLING = [
  'exec',
  'output',
  'oracle',
  'restore',
  'locking',
  'reset-question',
  'config',
  'manifest',
  'mounts',
];
const args = process.argv.slice(2);
const reports = valueOf('--reports');
const whole = args.includes('--all');
const named = args.filter((arg) => !arg.startsWith('--') && arg !== reports);
const artefacts = named.length === 0 ? ALL : named;

install();
build();
const executables = artefacts.filter((name) => name.startsWith('linux-'));
if (executables.length > 0) run(node, [`${root}scripts/standalone.ts`, ...executables]);
run(node, [`${root}scripts/artefacts.ts`, ...artefacts]);
for (const artefact of artefacts) {
  console.log(`\n== ${artefact}`);
  const files = whole ? ['test/e2e/'] : MOST_TELLING.map((name) => `test/e2e/${name}.test.ts`);
  // What is about Node itself.
  const notForAll = artefact.startsWith('linux-') ? ['--exclude', 'test/e2e/lazy.test.ts'] : [];
  const few = whole ? {} : { VOLSEED_ORACLE_PAIRS: '40', VOLSEED_TEST_HISTORIES: '20' };
  const projects = ['--project', 'local', ...(artefact.startsWith('linux-') ? ['--project', 'artefacts'] : [])];
  const report =
    reports === undefined
      ? []
      : ['--reporter=default', '--reporter=json', `--outputFile.json=${reports}/${artefact}.json`];
  const tests = [
    `${root}node_modules/vitest/vitest.mjs`,
    'run',
    ...projects,
    ...files,
    'test/artefacts/',
    ...notForAll,
    ...report,
  ];
  const env = { ...few, ...process.env, VOLSEED_ARTEFACT: artefact };
  // Goes on after a failure, so that one run shows all that is wrong.
  const { status } = spawnSync(node, tests, { cwd: root, stdio: 'inherit', env });
  if (status !== 0) process.exitCode = 1;
}

function valueOf(name) {
  const at = args.indexOf(name);
  return at === -1 ? undefined : args[at + 1];
}
