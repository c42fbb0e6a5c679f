/** The file that a command names, found as execvp and a shell's exec find it. */
import fs from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { codeOf, CommandError, EXIT, explain } from '../core/errors.ts';
import { displayText } from '../core/path.ts';

/** As many links as the kernel follows on one path. */
const MOST_LINKS = 40;
/** What a shell without PATH searches. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** @returns the file to execute. Throws `CommandError`, 127 or 126. */
export function findCommand(command: string, path = DEFAULT_PATH): string {
  const name = displayText(command);
  if (command.includes('/')) return checkExecutable(command, name);
  let refused: string | undefined;
  for (const directory of command === '' ? [] : directoriesOf(path)) {
    const file = `${directory}/${command}`;
    if (!isRegular(file)) continue;
    if (mayExecute(file)) return file;
    refused ??= file;
  }
  if (refused !== undefined) throw notExecutable(name, displayText(refused));
  throw new CommandError(
    EXIT.notFound,
    `command not found: ${name === '' ? "''" : name} (searched PATH=${displayText(path)}); name it by its full path, or set PATH`,
  );
}

/**
 * The same before the seeding, so that a typing error costs none. A command that the seeding may bring, because it would lie on
 * the volume, is not looked for yet.
 * @param volume the absolute path of the volume.
 */
export function checkCommand(command: string, path: string | undefined, volume: string): void {
  try {
    findCommand(command, path);
  } catch (error) {
    if (!mayBeBrought(command, path, volume)) throw error;
  }
}

function mayBeBrought(command: string, path: string | undefined, volume: string): boolean {
  const root = whereabouts(volume);
  const places = command.includes('/') ? [command] : directoriesOf(path).map((directory) => `${directory}/${command}`);
  return places.some((place) => `${whereabouts(resolve(place))}/`.startsWith(`${root}/`));
}

/** Where a path leads, all links on the way followed, though its end may not exist yet. */
function whereabouts(path: string, links = 0): string {
  try {
    return fs.realpathSync(path);
  } catch {
    const parent = whereabouts(dirname(path), links);
    const here = `${parent === '/' ? '' : parent}/${basename(path)}`;
    const target = links < MOST_LINKS ? linkAt(here) : undefined;
    return target === undefined ? here : whereabouts(resolve(parent, target), links + 1);
  }
}

function linkAt(path: string): string | undefined {
  try {
    return fs.readlinkSync(path);
  } catch {
    return undefined;
  }
}

function directoriesOf(path = DEFAULT_PATH): string[] {
  return path.split(':').map((directory) => (directory === '' ? '.' : directory));
}

function checkExecutable(file: string, name: string): string {
  if (isRegular(file) && mayExecute(file)) return file;
  const stat = statOf(file, name);
  if (stat === undefined) throw new CommandError(EXIT.notFound, `command not found: ${name} (there is no such file)`);
  if (stat.isDirectory()) throw new CommandError(EXIT.notExecutable, `command not executable: ${name} is a directory`);
  throw notExecutable(name, name);
}

function statOf(file: string, name: string): fs.Stats | undefined {
  try {
    return fs.statSync(file, { throwIfNoEntry: false });
  } catch (error) {
    if (codeOf(error) === 'ENOTDIR') return undefined;
    throw new CommandError(EXIT.notExecutable, `command not executable: ${name}: ${explain(error)}`, { cause: error });
  }
}

function notExecutable(name: string, file: string): CommandError {
  const uid = process.geteuid?.() ?? 0;
  return new CommandError(
    EXIT.notExecutable,
    `command not executable: ${name}: uid ${uid} may not execute ${file}; chmod +x it in the image`,
  );
}

function mayExecute(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Most of what is looked for along a PATH is not there, which is no error: throwing one would cost more than the look. */
function isRegular(file: string): boolean {
  try {
    return fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
}
