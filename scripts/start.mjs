// npm start [-- ARGUMENTS OF THE SERVICE]: the main job on this machine. Seeds the sample image's data into .local/data, then
// becomes the sample service. Remove .local to begin anew.
import { mkdirSync } from 'node:fs';
import { build, install, node, root, run } from './setup.mjs';

const [source, target] = [`${root}image/initialdata/common`, `${root}.local/data`];

install();
build();
mkdirSync(`${root}.local`, { recursive: true });
const service = [
  node,
  `${root}image/service/server.js`,
  '--port',
  process.env.PORT ?? '8080',
  ...process.argv.slice(2),
];
console.log(`\nvolseed run --source image/initialdata/common --target .local/data -- node image/service/server.js\n`);
const env = { ...process.env, DATA_DIR_PATH: target };
run(node, [`${root}dist/entrypoint.js`, 'run', '--source', source, '--', ...service], { env });
