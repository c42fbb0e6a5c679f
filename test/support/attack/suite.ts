// Every command, attacked for so many seconds; the random choices are those of one number, which is printed.
import { describe, expect, test } from 'vitest';
import { isRoot } from '../prerequisites.ts';
import { attack, type Assault } from './attack.ts';
import { COMMANDS } from './commands.ts';
import { hasCompiler } from './flipper.ts';

const seed = Number(process.env['VOLSEED_ATTACK_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

export function attackEach(seconds: number): void {
  if (process.env['CI'] && !(isRoot() && hasCompiler)) throw new Error('CI may skip nothing, and lacks root or cc');
  describe.runIf(isRoot() && hasCompiler)('attacked by the owner of the volume', () => {
    test.each(Object.entries<Pick<Assault, 'args' | 'honest' | 'targets'>>(COMMANDS))('%s', async (name, command) => {
      const { bad, ...told } = await attack({ ...command, seconds, seed });
      console.log(`attacked ${name} (VOLSEED_ATTACK_SEED=${seed}): ${JSON.stringify(told)}`);
      if (bad.length > 0) console.log(bad.join('\n'));
      expect(bad).toEqual([]);
      expect(told.swaps).toBeGreaterThan(told.runs);
    });
  });
}
