/** From arguments and environment to an exit code: every error comes out here, as one line. */
// oxlint-disable-next-line import/no-unassigned-import -- what it does, it does by being first
import '../process/stdio.ts';
import { optionsOf, type Command } from '../config/options.ts';
import { isCommand, readArguments, unknownCommand, type Arguments, type Given } from '../config/arguments.ts';
import { configure } from '../config/configuration.ts';
import { settle, settleLog } from '../config/settings.ts';
import { EXIT, UsageError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { LastWords, placeOf } from '../report/last-words.ts';
import { TextLog } from '../report/text.ts';
import { fail } from './failure.ts';

export { leave } from '../process/leave.ts';

declare const VOLSEED_VERSION: string;

type Environment = Readonly<Record<string, string | undefined>>;

/** @param args without runtime and script. Returns the exit code, unless volseed becomes the service. */
export async function main(args: readonly string[], environment: Environment): Promise<number> {
  const [command = '', ...rest] = args;
  let words = lastWordsOf(command, environment);
  let log = words.over(new TextLog('info'));
  try {
    checkRuntime();
    if (!isCommand(command)) return await withoutCommand(command, rest, log);
    const said = readArguments(command, rest, environment);
    if (said.help) return await help(command, log);
    const named = said.given.get('termination-log');
    if (named !== undefined) words = lastWordsOf(command, environment, named);
    // What is wrong in the file is said as flags and environment have it.
    log = words.over(await openLog(said));
    const given = await configure(command, said, environment);
    if (given !== said) log = words.over(await openLog(given));
    return await dispatch(command, given, environment, { log, leave: () => words.forget() });
  } catch (error) {
    return fail(error, log);
  } finally {
    words.leave(log);
    log.flush();
  }
}

/** @param given the option, once the arguments are read: what is wrong with them is said where the environment has it. */
function lastWordsOf(command: string, environment: Environment, given?: Given): LastWords {
  const by = 'VOLSEED_TERMINATION_LOG';
  const { values, by: name } = given ?? { values: [environment[by] ?? ''], by };
  const [path = ''] = values;
  const takesIt = isCommand(command) && optionsOf(command).some((option) => option.name === 'termination-log');
  if (!takesIt) return new LastWords(undefined);
  return new LastWords(placeOf(command, path === '' ? undefined : { path, by: name }));
}

/** node:sqlite is the latest that volseed needs to be there. */
function checkRuntime(): void {
  if (process.getBuiltinModule?.('node:sqlite') !== undefined) return;
  throw new UsageError(`Node ${process.versions.node} is too old: volseed needs Node 22.13 or later`);
}

interface Output {
  readonly log: Log;
  /** Called where volseed has nothing more to say, because it becomes the service. */
  readonly leave: () => void;
}

async function dispatch(
  command: Command,
  given: Arguments,
  environment: Environment,
  { log, leave }: Output,
): Promise<number> {
  const settings = await settle(command, given, environment);
  if (command === 'reset' || command === 'restore') {
    const { confirm } = await import('./confirm.ts');
    confirm(settings, log);
  }
  const { runCommand } = await import('./run.ts');
  return await runCommand(settings, log, leave);
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
