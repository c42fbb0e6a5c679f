// The same process against copies that people write: it leads each of them out of the volume. So the test sees the difference.
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { Flipper, hasCompiler, type Places } from '../support/attack/flipper.ts';
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

/** Some times over, since each takes but a moment. */
const often = (...command: readonly string[]): string[] => [
  'sh',
  '-c',
  'for n in 1 2 3 4 5 6 7 8 9 10; do timeout 1 "$@"; done',
  'sh',
  ...command,
];
const SECONDS = 120;

const NAIVE = {
  'cp -a': (from: string, to: string) => often('cp', '-a', '-T', '--remove-destination', from, to),
  'lstat, then write': (from: string, to: string) => ['timeout', '5', node, '-e', careful, from, to],
} as const;

const where = ({ volume, lair, outside }: AttackGround): Omit<Places, 'targets'> => ({ volume, lair, outside });

const seed = Number(process.env['VOLSEED_ATTACK_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

describe.runIf(isRoot() && hasCompiler)('attacked by the same process', () => {
  test.each(Object.entries(NAIVE))('%s writes outside the volume', async (name, command) => {
    const on = new AttackGround();
    const flipper = await Flipper.start(
      { ...where(on), targets: on.targets.filter((target) => target !== '.volseed') },
      seed,
    );
    let harm: string[] = [];
    let runs = 0;
    const deadline = performance.now() + SECONDS * 1000;
    try {
      for (; harm.length === 0 && performance.now() < deadline; runs++) {
        on.refresh();
        flipper.resume();
        const [program = '', ...args] = command(on.seed(1), on.volume);
        spawnSync(program, args, { stdio: 'ignore' });
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
