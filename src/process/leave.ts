/**
 * The end of a process that becomes no service. Node joins V8's threads when it exits, and one that is compiling may by then be
 * waiting for a collection of garbage that nobody makes any more: the process hangs for ever (nodejs/node#54918; seen in one of some
 * 400 runs on a busy machine). An exec ends all threads at once, so it is /bin/true, or a shell, that exits in our place.
 */
import { execveThrows } from './program.ts';

/** @param code 0 to 255. */
export function leave(code: number): never {
  // Where an exec that fails aborts (Node 22 and 24), and under Bun, which joins nobody, the exit is the runtime's own.
  if (execveThrows && process.versions['bun'] === undefined) {
    const [file, ...argv] = code === 0 ? ['/bin/true', 'true'] : ['/bin/sh', 'sh', '-c', `exit ${code}`];
    try {
      process.execve?.(file, argv, {});
    } catch {
      // Not in this image, or not for us.
    }
  }
  process.exit(code);
}
