/** Questions to a person, where there is one. */
import fs from 'node:fs';

export function isTerminal(): boolean {
  const { isatty } = process.getBuiltinModule('node:tty');
  return isatty(0) && isatty(2);
}

/** Asks on stderr and waits for a line on stdin; true for yes. */
export function ask(question: string): boolean {
  fs.writeSync(2, question);
  const buffer = Buffer.alloc(1000);
  const count = fs.readSync(0, buffer);
  return /^y(es)?$/i.test(buffer.toString('utf8', 0, count).trim());
}
