/**
 * Becoming the service: execve in place, so that it has volseed's process id, no parent in between, and everything as a shell's
 * `exec` would have given it.
 */
import { CommandError, EXIT, explain, codeOf } from '../core/errors.ts';
import { displayText } from '../core/path.ts';
import { findCommand } from './command.ts';
import { execveThrows, judge } from './program.ts';

const SHELL = '/bin/sh';

export const canExec = typeof process.execve === 'function';

/** A command that has been found; all that is left is the exec itself. */
export interface Prepared {
  readonly file: string;
  readonly argv: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/** Throws `CommandError`, 127 or 126. */
export function prepare(argv: readonly string[]): Prepared {
  const [command = '', ...args] = argv;
  const file = findCommand(command, process.env['PATH']);
  const environment = { ...process.env };
  const verdict = execveThrows ? 'start' : judge(file);
  if (verdict === 'orphan') throw orphan(command);
  return verdict === 'script' ? shellFor(file, args, environment) : { file, argv, environment };
}

/** Never returns. Throws `CommandError` (126) where the kernel refuses. */
export function become({ file, argv, environment }: Prepared): never {
  const [command = '', ...args] = argv;
  try {
    process.execve?.(file, argv, environment);
  } catch (error) {
    if (codeOf(error) !== 'ENOEXEC' || file === SHELL) throw refused(command, error);
    become(shellFor(file, args, environment));
  }
  throw new CommandError(EXIT.notExecutable, `cannot execute ${displayText(command)}: this runtime has no execve`);
}

/** What the kernel does not know how to start, every shell takes for a script of its own kind. */
function shellFor(file: string, args: readonly string[], environment: NodeJS.ProcessEnv): Prepared {
  return { file: SHELL, argv: ['sh', file, ...args], environment };
}

/** What the kernel said to an execve, in words. */
export function refused(command: string, error: unknown): CommandError {
  const code = codeOf(error);
  const name = displayText(command);
  if (code === 'ENOENT') return orphan(command);
  if (code === 'ENOEXEC') {
    return new CommandError(
      EXIT.notExecutable,
      `cannot execute ${name}: not a program for this machine, and there is no /bin/sh to run it`,
    );
  }
  return new CommandError(EXIT.notExecutable, `cannot execute ${name}: ${explain(error)}`, { cause: error });
}

function orphan(command: string): CommandError {
  const why = 'the interpreter or loader that it names is not in this image';
  return new CommandError(EXIT.notExecutable, `cannot execute ${displayText(command)}: ${why}`);
}
