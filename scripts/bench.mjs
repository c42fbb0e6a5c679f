// npm run bench [-- OPTIONS]: see test/bench/bench.ts. Builds the bundle and the executable for this machine first.
import { build, install, node, root, run } from './setup.mjs';

install();
build();
run(node, [`${root}scripts/standalone.ts`, '--here']);
run(node, [`${root}test/bench/bench.ts`, ...process.argv.slice(2)]);
