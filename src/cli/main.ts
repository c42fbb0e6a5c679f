/** From arguments and environment to an exit code: every error comes out here, as one line. */
// oxlint-disable-next-line import/no-unassigned-import -- what it does, it does by being first
import '../process/stdio.ts';
import type { Command } from '../config/options.ts';
import { isCommand, readArguments, unknownCommand, type Arguments } from '../config/arguments.ts';
import { configure } from '../config/configuration.ts';
import { settle, settleLog } from '../config/settings.ts';
import { EXIT, UsageError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { TextLog } from '../report/text.ts';
import { fail } from './failure.ts';

declare const VOLSEED_VERSION: string;

type Environment = Readonly<Record<string, string | undefined>>;

/** @param args without runtime and script. Returns the exit code, unless volseed becomes the service. */
export async function main(args: readonly string[], environment: Environment): Promise<number> {
  let log: Log = new TextLog('info');
  try {
    checkRuntime();
    const [command = '', ...rest] = args;
    if (!isCommand(command)) return await withoutCommand(command, rest, log);
    const said = readArguments(command, rest, environment);
    if (said.help) return await help(command, log);
    // What is wrong in the file is said as flags and environment have it.
    log = await openLog(said);
    const given = await configure(command, said, environment);
    if (given !== said) log = await openLog(given);
    return await dispatch(command, given, environment, log);
  } catch (error) {
    return fail(error, log);
  } finally {
    log.flush();
  }
}

/** node:sqlite is the latest that volseed needs to be there. */
function checkRuntime(): void {
  if (process.getBuiltinModule?.('node:sqlite') !== undefined) return;
  throw new UsageError(`Node ${process.versions.node} is too old: volseed needs Node 22.13 or later`);
}

async function dispatch(command: Command, given: Arguments, environment: Environment, log: Log): Promise<number> {
  const settings = await settle(command, given, environment);
  if (command === 'reset' || command === 'restore') {
    const { confirm } = await import('./confirm.ts');
    confirm(settings, log);
  }
  const { runCommand } = await import('./run.ts');
  return await runCommand(settings, log);
}

async function openLog(given: Arguments): Promise<Log> {
  const { format, level } = settleLog(given);
  if (format === 'text') return new TextLog(level);
  const { jsonLog } = await import('../report/json.ts');
  return await jsonLog(level);
}

async function withoutCommand(word: string, rest: readonly string[], log: Log): Promise<number> {
  if (word === '--version' || word === 'version') {
    log.write('info', `volseed ${VOLSEED_VERSION}`);
    return EXIT.done;
  }
  if (word === '--help' || word === '-h' || word === 'help') {
    const [command] = rest;
    if (command !== undefined && isCommand(command)) return await help(command, log);
    const { generalHelp } = await import('./help.ts');
    log.write('info', await generalHelp());
    return EXIT.done;
  }
  if (word === '') throw new UsageError('no command: volseed run, sync, plan, reset and others; see volseed --help');
  throw unknownCommand(word);
}

async function help(command: Command, log: Log): Promise<number> {
  const { commandHelp } = await import('./help.ts');
  log.write('info', await commandHelp(command));
  return EXIT.done;
}
