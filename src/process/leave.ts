/**
 * The end of a process that becomes no service. Node joins V8's threads when it exits, and one that is compiling may by then be
 * waiting for a collection of garbage that nobody makes any more: the process hangs for ever (nodejs/node#54918; seen in one of some
 * 400 runs on a busy machine). So it is left when they have nothing to do: asleep, and still asleep after the event loop has had
 * a turn, in which whoever waited for the main thread was answered.
 */
import fs from 'node:fs';

const TASKS = '/proc/self/task';
const V8_THREAD = /^\d+ \(node-V8Worker\) (.)/;
/** Turns of the event loop at once, before it pauses between them, and in all: 50 ms at the most. */
const AT_ONCE = 10;
const IN_ALL = 60;

export async function leave(code: number): Promise<never> {
  for (let turns = 0, quiet = 0; quiet < 2 && turns < IN_ALL; turns++) {
    await (turns < AT_ONCE ? new Promise(setImmediate) : new Promise((resolve) => setTimeout(resolve, 1)));
    quiet = areAsleep() ? quiet + 1 : 0;
  }
  process.exit(code);
}

/** Also where nobody can tell: under Bun, which joins no thread, and without /proc. */
function areAsleep(): boolean {
  if (process.versions['bun'] !== undefined) return true;
  try {
    return fs.readdirSync(TASKS).every((task) => {
      const [, state = 'S'] = V8_THREAD.exec(fs.readFileSync(`${TASKS}/${task}/stat`, 'latin1')) ?? [];
      return state === 'S';
    });
  } catch {
    return true;
  }
}
