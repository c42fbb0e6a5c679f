/** The end of `run`: drop privileges, set the limit, and become the service, or its parent. */
import type { Service } from '../config/settings.ts';
import type { Log } from '../core/log.ts';
import type { Account } from '../process/accounts.ts';
import { become, canExec, prepare } from '../process/exec.ts';
import { behindLimit, limitOpenFiles } from '../process/limits.ts';
import { dropTo } from '../process/privileges.ts';
import type { Signals } from '../process/signals.ts';

interface Context {
  readonly log: Log;
  readonly signals: Signals;
  /** What `--supervise` flushes on the way out; undefined where nothing is to be. */
  readonly volume: string | undefined;
}

export async function start(
  service: Service,
  user: Account | undefined,
  { log, signals, volume }: Context,
): Promise<number> {
  let argv = service.argv;
  if (service.nofile !== undefined && !limitOpenFiles(service.nofile)) argv = behindLimit(service.nofile, argv);
  log.flush();
  if (service.supervise || !canExec) {
    const { superviseAndFlush } = await import('../process/supervise.ts');
    await signals.beat();
    return await superviseAndFlush(argv, { grace: service.grace, volume, before: () => user && dropTo(user) });
  }
  if (user !== undefined) dropTo(user);
  const command = prepare(argv);
  await signals.handOver();
  // Nothing may come between here and the exec: for process 1 of a container, a signal that arrives now is lost.
  return become(command);
}
