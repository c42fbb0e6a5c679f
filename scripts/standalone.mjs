// npm run build:standalone [-- ARTEFACT... | --here]: dist/volseed-linux-*, see standalone.ts.
import { build, install, node, root, run } from './setup.mjs';

install();
build();
run(node, [`${root}scripts/standalone.ts`, ...process.argv.slice(2)]);
