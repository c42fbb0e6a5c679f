// npm test [-- VITEST ARGUMENTS]: everything that needs no container engine. --containers: the rest.
import { build, install, node, root, run } from './setup.mjs';

const [first, ...rest] = process.argv.slice(2);
const project = first === '--containers' ? 'containers' : 'local';
const args = first === '--containers' ? rest : process.argv.slice(2);

install();
build();
run(node, [`${root}node_modules/vitest/vitest.mjs`, 'run', '--project', project, ...args]);
