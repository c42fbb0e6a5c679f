// npm test [-- VITEST ARGUMENTS]: what needs neither a container engine nor a cluster, and not much time. --containers, --faults,
// --k8s: the rest.
import { build, install, node, root, run } from './setup.mjs';

const [first = '', ...rest] = process.argv.slice(2);
const asked = ['--containers', '--faults', '--k8s'].includes(first);
const project = asked ? first.slice(2) : 'local';
const args = asked ? rest : process.argv.slice(2);

install();
build();
run(node, [`${root}node_modules/vitest/vitest.mjs`, 'run', '--project', project, ...args]);
