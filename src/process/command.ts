/** The file that a command names, found as execvp and a shell's exec find it. */
import fs from 'node:fs';
import { codeOf, CommandError, EXIT, explain } from '../core/errors.ts';
import { displayText } from '../core/path.ts';

/** What a shell without PATH searches. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** @returns the file to execute. Throws `CommandError`, 127 or 126. */
export function findCommand(command: string, path = DEFAULT_PATH): string {
  const name = displayText(command);
  if (command.includes('/')) return checkExecutable(command, name);
  const searched = path.split(':').map((directory) => (directory === '' ? '.' : directory));
  let refused: string | undefined;
  for (const directory of command === '' ? [] : searched) {
    const file = `${directory}/${command}`;
    if (isExecutable(file)) return file;
    if (isRegular(file)) refused ??= file;
  }
  if (refused !== undefined) throw notExecutable(name, displayText(refused));
  throw new CommandError(
    EXIT.notFound,
    `command not found: ${name === '' ? "''" : name} (searched PATH=${displayText(path)}); name it by its full path, or set PATH`,
  );
}

function checkExecutable(file: string, name: string): string {
  if (isExecutable(file)) return file;
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

function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return isRegular(file);
  } catch {
    return false;
  }
}

function isRegular(file: string): boolean {
  try {
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}
