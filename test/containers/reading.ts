// What a start has left behind: in its log, and in the volume.
import { attempt } from '../support/docker.ts';
import type { Container } from './container.ts';

const opening = 'Initiating sync of initial data';
export const finished = 'Initial data sync operation completed successfully.';

/** The part of a log that the last start wrote. */
function lastStart(log: string): string {
  return log.slice(log.lastIndexOf(opening));
}

/** What the last start in a log says that it wrote: one path a line, directories with a slash at the end. */
export function written(log: string): string[] {
  const [, , , ...lines] = lastStart(log).split('\n');
  const end = lines.indexOf(finished);
  if (end < 0) throw new Error(`the seeding did not complete:\n${tail(log)}`);
  return lines.slice(0, end).filter((line) => !/^kept .*: /.test(line));
}

export function files(paths: readonly string[]): string[] {
  // The engine's layers give new times to the directories above a file that an image replaces.
  return paths.filter((path) => !path.endsWith('/'));
}

/** Every entry of the volume but directories: type, mode, owner, size, time and link target by path. */
export async function snapshot(container: Container): Promise<Record<string, string>> {
  const find = 'cd /data && find . -path ./.volseed -prune -o ! -type d -printf "%P\\t%y %m %U:%G %s %T@ %l\\n"';
  const lines = (await container.exec('sh', '-c', find)).split('\n').map((line) => line.split('\t'));
  return Object.fromEntries(lines.map(([path = '', attributes = '']) => [path, attributes]));
}

/** The differences between the seed and the volume, by content; nothing where there are none. */
export async function differences(container: Container): Promise<string> {
  const options = ['--recursive', '--no-dereference', '--exclude=.volseed', '--exclude=.volseed-manifest'];
  const command = ['diff', ...options, '/var/initialdata/common', '/data'];
  const { code, stdout, stderr } = await attempt(['exec', container.name, ...command]);
  if (code > 1) throw new Error(stderr);
  return stdout;
}

/** For a message: of a log that may name thousands of files, the end. */
export function tail(log: string): string {
  return log.slice(-2000);
}
