// Root works on a volume whose owner swaps everything in it, without a pause: nothing outside is touched or read, nothing hangs.
import { attackEach } from '../support/attack/suite.ts';

/** Of attack on each command. */
attackEach(Number(process.env['VOLSEED_ATTACK_SECONDS'] ?? 60));
