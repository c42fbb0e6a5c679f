// The head of the program in an executable (standalone.ts), which fills PACKAGES in: names that are paths of files inside of it.
// Bun takes 2 ms longer to hand them out when it is asked by `process.getBuiltinModule`.
import nodeFs from 'node:fs';
// oxlint-disable-next-line no-unused-vars -- by what follows this head
import nodePath from 'node:path';

const places = { PACKAGES };
globalThis.volseedLate = function volseedLate(name) {
  const module = { exports: {} };
  const text = nodeFs.readFileSync(places[name], 'latin1');
  // oxlint-disable-next-line typescript/no-implied-eval -- it is this executable's own text
  new Function('module', 'exports', 'require', text)(module, module.exports, process.getBuiltinModule);
  return module.exports;
};
