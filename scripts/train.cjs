// node --random-seed=1 scripts/train.cjs PROGRAM CACHE: runs the program as most starts do, with nothing to do, and writes V8's code
// cache of what that has compiled: what is in it costs each start, so a first seeding compiles what only it takes. With a seed,
// because the cache is to be the same each time.
'use strict';
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const vm = require('node:vm');

const [program, cache] = process.argv.slice(2).map((file) => path.resolve(file));
const source = fs.readFileSync(program, 'latin1');
const script = new vm.Script(source, { filename: 'volseed' });
// By another name, because V8 knows the functions of one source as the same.
const other = new vm.Script(source, { filename: 'volseed, to prepare' });
const place = fs.mkdtempSync(path.join(os.tmpdir(), 'volseed-train-'));
const [seed, volume] = ['seed', 'volume'].map((name) => path.join(place, name));
const { execPath, exit } = process;
process.env = { PATH: process.env.PATH };

async function run(it, ...args) {
  process.argv = [execPath, program, ...args];
  const code = await new Promise((resolve) => {
    process.exit = resolve;
    it.runInThisContext()(require);
  });
  if (code !== 0) throw new Error(`the training ended with ${code} at ${args.join(' ')}`);
}

async function train() {
  fs.mkdirSync(path.join(seed, 'directory'), { recursive: true });
  fs.mkdirSync(volume);
  for (const [at, name] of ['one', 'two', 'directory/three'].entries()) {
    fs.writeFileSync(path.join(seed, name), name);
    fs.utimesSync(path.join(seed, name), at, at);
  }
  fs.symlinkSync('one', path.join(seed, 'link'));
  // Long ago, so that whether the clock goes on to its next second in between makes no difference.
  for (const directory of [path.join(seed, 'directory'), seed, volume]) fs.utimesSync(directory, 0, 0);
  const trees = ['--source', seed, '--target', volume, '--no-flush'];
  await run(other, 'sync', ...trees);
  await run(script, 'sync', ...trees);
  await run(other, 'manifest', '--source', seed);
  await run(script, 'sync', ...trees);
  await run(other, 'sync', ...trees, '--policy', 'merge');
  await run(script, 'sync', ...trees, '--policy', 'merge');
}

// On a clock that stands still nothing is done because it took long, whatever else the machine does.
process.hrtime.bigint = () => 0n;
// What it says on the way is of no interest.
const { writeSync } = fs;
fs.writeSync = (descriptor, ...rest) => (descriptor === 1 ? rest[0].length : writeSync(descriptor, ...rest));
train().then(
  () => {
    process.chdir('/');
    fs.rmSync(place, { recursive: true });
    fs.writeFileSync(cache, script.createCachedData());
    exit(0);
  },
  (error) => {
    writeSync(2, `${error.stack}\n`);
    exit(1);
  },
);
