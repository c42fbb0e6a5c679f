// Root works on a volume whose owner swaps everything in it, without a pause: nothing outside is touched or read, nothing hangs.
import { describe, expect, test } from 'vitest';
import { attack, type Assault } from '../support/attack/attack.ts';
import { COMMANDS } from '../support/attack/commands.ts';
import { hasCompiler } from '../support/attack/flipper.ts';
import { isRoot } from '../support/prerequisites.ts';

/** Of attack on each command. */
const seconds = Number(process.env['VOLSEED_ATTACK_SECONDS'] ?? 60);
const seed = Number(process.env['VOLSEED_ATTACK_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

describe.runIf(isRoot() && hasCompiler)('attacked by the owner of the volume', () => {
  test.each(Object.entries<Pick<Assault, 'args' | 'honest'>>(COMMANDS))('%s', async (name, command) => {
    const { bad, ...told } = await attack({ ...command, seconds, seed });
    console.log(`attacked ${name} (VOLSEED_ATTACK_SEED=${seed}): ${JSON.stringify(told)}`);
    expect(bad).toEqual([]);
    expect(told.swaps).toBeGreaterThan(told.runs);
  });
});
