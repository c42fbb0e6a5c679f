// The head of dist/entrypoint.js. What follows it in that file are comments to the runtime's parser, which passes over them: the
// program, V8's code cache of it, and the packages that only some starts use. MARK is filled in where the file is put together.
'use strict';
const fs = require('node:fs');
const { Script } = require('node:vm');
const text = fs.readFileSync(__filename, 'latin1');
// The mark is of the content, so that no part of it can hold the mark by chance.
function part(name) {
  const head = '/*MARK ' + name + '\n';
  const from = text.indexOf(head) + head.length;
  if (from < head.length) return undefined;
  const found = text.slice(from, text.indexOf('\n*/', from));
  return found.includes('*\u0001/') ? found.replaceAll('*\u0001/', '*/') : found;
}
globalThis.volseedLate = function volseedLate(name) {
  const module = { exports: {} };
  // oxlint-disable-next-line typescript/no-implied-eval -- it is this file's own text
  new Function('module', 'exports', 'require', part(name))(module, module.exports, require);
  return module.exports;
};
// Another V8 passes over a cache that is not its own; so it is not even decoded for it.
const cache = part('cache ' + process.versions.v8 + ' ' + process.arch);
const cachedData = cache && Buffer.from(cache, 'base64');
new Script(part('program'), { filename: __filename, cachedData }).runInThisContext()(require);
