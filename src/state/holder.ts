/** `holder.json`: who holds the lock, for people; and, found by the next holder, that the last one died in its run. */
import type { PrivateDirectory } from '../core/private.ts';
import { MODES, type Holder } from '../core/run.ts';
import { displayText } from '../core/path.ts';

const FILE = 'holder.json';

export function writeHolder(directory: PrivateDirectory, holder: Holder): void {
  directory.replace(FILE, Buffer.from(`${JSON.stringify(holder)}\n`), false);
}

/** Undefined where there is none, or it is not one. What it says is only ever shown, and shown escaped. */
export function readHolder(directory: PrivateDirectory): Holder | undefined {
  try {
    const content = directory.read(FILE);
    if (content === undefined) return undefined;
    const { run, mode, host, pid, since } = JSON.parse(Buffer.from(content).toString('utf8')) as Partial<
      Record<string, unknown>
    >;
    if (![run, mode, host, since].every((field) => typeof field === 'string' && field.length < 300)) return undefined;
    const shown = [run, host, since].map((field) => displayText(field as string)) as [string, string, string];
    return {
      run: shown[0],
      mode: MODES.find((known) => known === mode) ?? 'sync',
      host: shown[1],
      pid: Number(pid),
      since: shown[2],
    };
  } catch {
    return undefined;
  }
}

export function removeHolder(directory: PrivateDirectory): void {
  directory.remove(FILE);
}
