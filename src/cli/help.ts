/** `--help` and `--version`, rendered by yargs from the one table of options; loaded only for them. */
import yargs from 'yargs';
import { COMMANDS, OPERANDS, optionsOf, type Command, type Option } from '../config/options.ts';

function usageOf(command: Command): string {
  if (command === 'run') return 'volseed run [options] -- COMMAND [ARG...]';
  const operands = OPERANDS[command];
  return `volseed ${command} [options]${operands === undefined ? '' : ` ${operands}`}`;
}

const EXIT_CODES = `Exit codes:
    0  done                                          75  another seeder held the lock too long
    1  a fault of volseed's own                      76  a safety rule refused
    2  bad usage or configuration, nothing touched  126  COMMAND cannot be executed
    3  something to do (plan --exit-code, verify)   127  COMMAND was not found
   23  some paths could not be seeded             128+n  ended by signal n
   24  seed files vanished meanwhile`;

export async function commandHelp(command: Command): Promise<string> {
  const parser = plain(`${usageOf(command)}\n\n${COMMANDS[command]}.`);
  for (const option of optionsOf(command)) parser.option(option.name, describe(option));
  parser.epilogue(
    'Each option is also read from the environment (--lock-timeout from VOLSEED_LOCK_TIMEOUT), and from the file that\n' +
      '--config names (lockTimeout). A flag beats the environment, the environment the file.',
  );
  return parser.getHelp();
}

export async function generalHelp(): Promise<string> {
  const parser = plain(
    'volseed COMMAND [options]\n\nSeeds a persisted volume from the data an image ships, and then becomes the service.',
  );
  for (const [name, description] of Object.entries(COMMANDS)) parser.command(name, description);
  parser.epilogue(`volseed COMMAND --help lists the options of a command.\n\n${EXIT_CODES}`);
  return parser.getHelp();
}

function plain(usage: string) {
  return yargs([]).scriptName('volseed').usage(usage).help(false).version(false).wrap(118).locale('en');
}

function describe(option: Option) {
  const value = option.value === undefined ? '' : `${option.value}: `;
  return {
    describe: `${value}${option.describe}`,
    type: option.kind === 'flag' ? ('boolean' as const) : ('string' as const),
    defaultDescription: option.fallback,
    default: option.fallback,
    ...(option.choices && { choices: option.choices }),
  };
}
