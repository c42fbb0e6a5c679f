// npm run schema: writes docs/volseed.schema.json anew, from what the program checks a configuration file by.
import { install, node, root, run } from './setup.mjs';

install();
run(node, [`${root}scripts/json-schema.ts`]);
run(`${root}node_modules/.bin/oxfmt`, [`${root}docs/volseed.schema.json`]);
