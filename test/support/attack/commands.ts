// The commands that are attacked, each with what it may honestly end with: done, differences, paths that could not be done, refused.
import type { Assault } from './attack.ts';
import type { AttackGround } from './ground.ts';

type Attackable = Pick<Assault, 'args' | 'honest' | 'targets'>;

const at = (on: AttackGround): readonly string[] => ['--target', on.volume];
const where = (on: AttackGround): readonly string[] => ['--source', on.seed(1), ...at(on)];

const WRITING = [0, 23, 24, 76];
const LOOKING = [0, 3, 23, 76];

export const COMMANDS = {
  'sync, newer': { args: (on) => ['sync', ...where(on)], honest: WRITING },
  'sync, merge': { args: (on) => ['sync', '--policy', 'merge', '--prune', ...where(on)], honest: WRITING },
  'sync, always, backed up': {
    args: (on) => ['sync', '--policy', 'always', '--backup', ...where(on)],
    honest: WRITING,
  },
  'sync, and its state alone': { args: (on) => ['sync', ...where(on)], honest: WRITING, targets: ['.volseed'] },
  reset: { args: (on) => ['reset', '--all', '--delete-extra', '--yes', ...where(on)], honest: [...WRITING, 2] },
  backup: { args: (on) => ['backup', ...where(on)], honest: WRITING },
  // 2: the backups that it is to find are not there at the moment.
  restore: { args: (on) => ['restore', '--last', '--yes', ...at(on)], honest: [...WRITING, 2] },
  verify: { args: (on) => ['verify', ...where(on)], honest: LOOKING },
  plan: { args: (on) => ['plan', '--policy', 'merge', ...where(on)], honest: LOOKING },
  // 2: neither seed nor volume has the path at the moment.
  explain: { args: (on, n) => ['explain', PATHS[n % PATHS.length] ?? '', ...where(on)], honest: [...LOOKING, 2] },
  status: { args: (on) => ['status', '--policy', 'merge', ...where(on)], honest: LOOKING },
  'status, and its state alone': { args: (on) => ['status', ...at(on)], honest: LOOKING, targets: ['.volseed'] },
} as const satisfies Record<string, Attackable>;

const PATHS = ['d0/f0', 'd0/sub/f1', 'd0', 'f0', 'nested/d/f2', 'd0/f0.volseed-new'];
