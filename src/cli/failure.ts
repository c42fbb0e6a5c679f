/** How a run that failed ends. */
import { codeOf, EXIT, explain, Mistakes, VolseedError, VolumeError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { displayText } from '../core/path.ts';

/** The one place where an error becomes words and an exit code. */
export function fail(error: unknown, log: Log): number {
  const known = asKnown(error);
  log.write('error', known?.message ?? `fault in volseed: ${describeFault(error)}; please report it`, {
    event: 'error',
  });
  if (known instanceof Mistakes) for (const other of known.others) log.write('error', other, { event: 'error' });
  return known?.exitCode ?? EXIT.fault;
}

/** What the kernel refused, outside any one path, is trouble with the volume. */
function asKnown(error: unknown): VolseedError | undefined {
  if (error instanceof VolseedError) return error;
  const code = codeOf(error);
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return undefined;
  const { syscall } = error as NodeJS.ErrnoException;
  return new VolumeError(
    `the volume could not be worked on: ${explain(error)}${syscall === undefined ? '' : ` (${syscall})`}`,
  );
}

function describeFault(error: unknown): string {
  if (!(error instanceof Error)) return displayText(String(error));
  const at = /\n\s+at (.*)/.exec(error.stack ?? '')?.[1];
  return displayText(`${error.name}: ${error.message}${at === undefined ? '' : ` (${at})`}`);
}
