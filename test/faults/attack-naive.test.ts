// The same process against copies that people write: it leads each of them out of the volume. So the test sees the difference.
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { Flipper, hasCompiler } from '../support/attack/flipper.ts';
import { AttackGround } from '../support/attack/ground.ts';
import { isRoot } from '../support/prerequisites.ts';
import { node } from '../support/volseed.ts';

/** Each path is looked at, and written by its full name if it is no link. */
const careful = `
  const fs = require('node:fs');
  const [from, to] = process.argv.slice(1);
  const isLink = (path) => fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  const copy = (path) => {
    for (const entry of fs.readdirSync(from + path, { withFileTypes: true })) {
      const below = path + '/' + entry.name;
      try {
        if (isLink(to + path) || isLink(to + below)) continue;
        if (entry.isDirectory()) fs.mkdirSync(to + below, { recursive: true }), copy(below);
        else if (entry.isFile()) fs.rmSync(to + below, { force: true }), fs.writeFileSync(to + below, fs.readFileSync(from + below), { flag: 'wx' });
      } catch {}
    }
  };
  for (let times = 0; times < 20; times++) copy('');`;

const NAIVE = {
  'cp -a': (from: string, to: string) => ['cp', '-a', '-T', '--remove-destination', from, to],
  'lstat, then write': (from: string, to: string) => [node, '-e', careful, from, to],
} as const;

const seed = Number(process.env['VOLSEED_ATTACK_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

describe.runIf(isRoot() && hasCompiler)('attacked by the same process', () => {
  test.each(Object.entries(NAIVE))('%s writes outside the volume', async (name, command) => {
    const on = new AttackGround();
    const flipper = await Flipper.start(on, seed);
    let harm: string[] = [];
    let runs = 0;
    try {
      for (; harm.length === 0 && runs < 1000; runs++) {
        on.refresh();
        flipper.resume();
        const [program = '', ...args] = command(on.seed(1), on.volume);
        // One that copies to a FIFO would wait for ever.
        spawnSync(program, args, { stdio: 'ignore', timeout: 2000, killSignal: 'SIGKILL' });
        flipper.pause();
        harm = on.harm();
      }
    } finally {
      await flipper.end();
    }
    console.log(`${name} (VOLSEED_ATTACK_SEED=${seed}): led astray in run ${runs}: ${harm.slice(0, 3).join('; ')}`);
    expect(harm).not.toEqual([]);
  });
});
