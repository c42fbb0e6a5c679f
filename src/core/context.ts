/** What every command works with. */
import type { Identity } from './identity.ts';
import type { Log } from './log.ts';
import type { Pulse } from './pulse.ts';

export interface Context {
  readonly log: Log;
  readonly pulse: Pulse;
  readonly self: Identity;
}
