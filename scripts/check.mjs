// npm run check: types, lint, format.
import { install, root, run } from './setup.mjs';

install();
run(`${root}node_modules/.bin/tsc`, []);
run(`${root}node_modules/.bin/oxlint`, ['--type-aware', '--deny-warnings']);
run(`${root}node_modules/.bin/oxfmt`, ['--check']);
