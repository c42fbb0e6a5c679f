/**
 * Becoming the service: execve in place, so that it has volseed's process id, no parent in between, and everything as a shell's
 * `exec` would have given it.
 */
import { CommandError, EXIT, explain, codeOf } from '../core/errors.ts';
import { displayText } from '../core/path.ts';
import { findCommand } from './command.ts';

export const canExec = typeof process.execve === 'function';

/** Never returns. Throws `CommandError` (126, 127) where the kernel refuses. */
export function become([command = '', ...args]: readonly string[]): never {
  const file = findCommand(command, process.env['PATH']);
  try {
    execve(file, [command, ...args]);
  } catch (error) {
    // What the kernel does not know how to start, every shell takes for a script of its own kind.
    if (codeOf(error) !== 'ENOEXEC') throw refused(command, error);
    try {
      execve('/bin/sh', ['sh', file, ...args]);
    } catch (again) {
      throw refused(command, again);
    }
  }
  throw new CommandError(EXIT.notExecutable, `cannot execute ${displayText(command)}`);
}

function execve(file: string, argv: readonly string[]): void {
  process.execve?.(file, argv, process.env);
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
