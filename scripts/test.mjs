// npm test [-- VITEST ARGUMENTS]: everything that needs neither a container engine nor a cluster. --containers: what needs the
// one; --k8s: what needs the other.
import { build, install, node, root, run } from './setup.mjs';

const [first = '', ...rest] = process.argv.slice(2);
const project = { '--containers': 'containers', '--k8s': 'k8s' }[first];
const args = project === undefined ? process.argv.slice(2) : rest;

install();
build();
run(node, [`${root}node_modules/vitest/vitest.mjs`, 'run', '--project', project ?? 'local', ...args]);
