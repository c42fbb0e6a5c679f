// The state directory was in other hands: anything stands at the names in it, and every command gives an honest answer.
import { describe, expect, test } from 'vitest';
import { runOnce } from '../support/attack/attack.ts';
import { COMMANDS } from '../support/attack/commands.ts';
import { AttackGround, KINDS } from '../support/attack/ground.ts';
import { isRoot } from '../support/prerequisites.ts';

const NAMES = ['lock', 'state.db', 'base', 'holder.json', 'stage', 'backups', 'lock-journal'];

/** One that looks, one that seeds, one that reads backups, one that makes them. */
const ALL = {
  status: COMMANDS.status,
  backups: { args: (on: AttackGround) => ['backups', '--target', on.volume], honest: [0, 2, 76] },
  restore: COMMANDS.restore,
  'sync, merge': COMMANDS['sync, merge'],
  reset: COMMANDS.reset,
};

describe.runIf(isRoot())('in the state, in the place of', () => {
  test.each(NAMES)('%s stands anything', (name) => {
    const on = new AttackGround();
    const bad: string[] = [];
    for (const kind of KINDS) {
      for (const [command, { args, honest }] of Object.entries(ALL)) {
        const what = `${kind} for ${name}, ${command}`;
        on.refresh();
        on.putIntoState(name, kind);
        const { code, said } = runOnce(args(on));
        if (!honest.includes(code) || /fault in volseed|^ {4}at /m.test(said))
          bad.push(`${what}: ended with ${code}: ${said.slice(-300)}`);
        bad.push(...on.harm().map((path) => `${what}: outside: ${path}`));
        bad.push(...on.leaks().map((path) => `${what}: leaked: ${path}`));
      }
    }
    expect(bad).toEqual([]);
  });
});
