// Bun reads options from the environment, in an executable that it has compiled too, and before any code of ours runs. What is
// set for a service that is itself a Bun program (BUN_OPTIONS="--preload ./agent.js") would be done by volseed as well, which may
// be root at that time; with BUN_BE_BUN=1 it would not be volseed at all. No flag of the compiler turns that off. So the names
// under which Bun looks for them are made ones that nobody can set by accident, in the copy of Bun that an executable is made of.
// The environment itself is left alone: the service finds it as it was. docs/standalone.md says what remains.
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

const NAMES = [
  'BUN_OPTIONS',
  'BUN_BE_BUN',
  'BUN_INSPECT',
  'BUN_INSPECT_CONNECT_TO',
  'BUN_INSPECT_PRELOAD',
  'BUN_BYTECODE_DIGEST_OUT',
  'BUN_BYTECODE_ORDER_OUT',
  'BUN_BYTECODE_ORDER_NAMES_OUT',
];

/** Writes the copy, and returns its path. Throws where a name is not found once: then this is another Bun, to be looked at anew. */
export function withoutSwitches(bun: string): string {
  const program = readFileSync(bun);
  for (const name of NAMES) {
    const text = Buffer.from(`\0${name}\0`, 'latin1');
    const at = program.indexOf(text);
    if (at === -1 || program.indexOf(text, at + 1) !== -1) throw new Error(`${bun}: ${name} is not in there just once`);
    program[at + 1] = 1;
  }
  const copy = `${bun}-without-switches`;
  writeFileSync(`${copy}.new`, program);
  chmodSync(`${copy}.new`, 0o755);
  renameSync(`${copy}.new`, copy);
  return copy;
}
