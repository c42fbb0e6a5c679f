/** `run`, `sync` and `plan`: seed; and for `run`, become the service. */
import type { Service, Settings } from '../config/settings.ts';
import type { Context } from '../core/context.ts';
import { EXIT, Interrupted, VolseedError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { WorkingDirectory } from '../fs/anchor.ts';
import { account } from '../process/accounts.ts';
import { checkCommand } from '../process/command.ts';
import { identity } from '../process/identity.ts';
import { Signals } from '../process/signals.ts';
import { seed } from '../seeding.ts';
import { fail } from './failure.ts';

/** @param leave called before it becomes the service, or its parent: what is said from then on is not of the seeding. */
export async function runCommand(settings: Settings, log: Log, leave: () => void): Promise<number> {
  const signals = new Signals();
  signals.listen();
  const service = settings.service;
  // Before anything is touched: a typing error must not cost a seeding first.
  if (service !== undefined) checkCommand(service.argv[0] ?? '', process.env['PATH'], settings.target);
  const user = service?.user === undefined ? undefined : account(service.user.value, service.user.by);
  const directory = new WorkingDirectory();
  const umask = process.umask(0);
  let code: number;
  try {
    const work = await workOf(settings);
    code = await work(settings, { log, pulse: signals, self: identity() });
    signals.check();
  } catch (error) {
    if (!mayStartAfter(error, service)) throw error;
    code = fail(error, log);
  } finally {
    directory.restore();
    process.umask(umask);
  }
  if (service === undefined || settings.dryRun) return code;
  if (code !== EXIT.done && !service.startOnFailure) {
    log.write(
      'error',
      `the service is not started, because seeding failed (exit code ${code}); --on-failure start would start it`,
    );
    return code;
  }
  if (code !== EXIT.done) log.write('warn', `the service is started although seeding failed (exit code ${code})`);
  leave();
  const { start } = await import('./start.ts');
  return await start(service, user, { log, signals, volume: settings.flush ? settings.target : undefined });
}

type Work = (settings: Settings, context: Context) => number | Promise<number>;

/** What archives needs is loaded only for it. */
async function workOf({ command }: Settings): Promise<Work> {
  if (command === 'restore') return (await import('../restoring.ts')).restore;
  if (command === 'explain') return (await import('../explaining.ts')).explain;
  if (command === 'status') return (await import('../surveying.ts')).status;
  if (command === 'verify') return (await import('../verifying.ts')).verify;
  if (command === 'manifest') return (await import('../manifesting.ts')).manifest;
  if (command === 'backup') return (await import('../archiving.ts')).backup;
  return command === 'backups' ? (await import('../archiving.ts')).backups : seed;
}

function mayStartAfter(error: unknown, service: Service | undefined): boolean {
  if (service?.startOnFailure !== true || error instanceof Interrupted) return false;
  return !(error instanceof VolseedError) || error.exitCode !== EXIT.usage;
}
