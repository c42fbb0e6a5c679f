/**
 * Becoming the service: execve in place, so that it has volseed's process id, no parent in between, and everything as a shell's
 * `exec` would have given it.
 */
import { CommandError, EXIT, explain, codeOf } from '../core/errors.ts';
import { displayText } from '../core/path.ts';
import { findCommand } from './command.ts';

export const canExec = typeof process.execve === 'function';

/** A command that has been found; all that is left is the exec itself. */
export interface Prepared {
  readonly file: string;
  readonly argv: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/** Throws `CommandError`, 127 or 126. */
export function prepare(argv: readonly string[]): Prepared {
  return { file: findCommand(argv[0] ?? '', process.env['PATH']), argv, environment: { ...process.env } };
}

/** Never returns. Throws `CommandError` (126) where the kernel refuses. */
export function become({ file, argv, environment }: Prepared): never {
  const [command = '', ...args] = argv;
  try {
    process.execve?.(file, argv, environment);
  } catch (error) {
    // What the kernel does not know how to start, every shell takes for a script of its own kind.
    if (codeOf(error) !== 'ENOEXEC') throw refused(command, error);
    try {
      process.execve?.('/bin/sh', ['sh', file, ...args], environment);
    } catch (again) {
      throw refused(command, again);
    }
  }
  throw new CommandError(EXIT.notExecutable, `cannot execute ${displayText(command)}: this runtime has no execve`);
}

/** What the kernel said to an execve, in words. */
export function refused(command: string, error: unknown): CommandError {
  const code = codeOf(error);
  const name = displayText(command);
  if (code === 'ENOENT') {
    return new CommandError(
      EXIT.notExecutable,
      `cannot execute ${name}: the interpreter or loader that it names is not in this image`,
    );
  }
  if (code === 'ENOEXEC') {
    return new CommandError(
      EXIT.notExecutable,
      `cannot execute ${name}: not a program for this machine, and there is no /bin/sh to run it`,
    );
  }
  return new CommandError(EXIT.notExecutable, `cannot execute ${name}: ${explain(error)}`, { cause: error });
}
