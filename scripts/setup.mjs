// What every npm script of this project begins with: the packages installed, and the runtime they bring. Plain JavaScript,
// because it runs under whatever Node the host has (20 or later); everything after it runs under the Node of devDependencies.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const node = `${root}node_modules/node/bin/node`;

/** Installs the locked packages unless they are there already; says so, because it takes a while. */
export function install() {
  const mark = `${root}node_modules/.package-lock.json`;
  const upToDate =
    existsSync(node) && existsSync(mark) && statSync(mark).mtimeMs >= statSync(`${root}package-lock.json`).mtimeMs;
  if (upToDate) return;
  console.log('Installing packages (once) ...');
  // Not `npm ci`: it refuses a lock file without the optional packages of other platforms, which not every registry has.
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']);
}

/** Bundles the program into dist/entrypoint.js. */
export function build() {
  run(node, [`${root}scripts/bundle.ts`]);
}

/** Runs a command in the project's root; a failure ends this script with the command's own exit code. */
export function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) throw error;
  if (signal) process.kill(process.pid, signal);
  if (status !== 0) process.exit(status ?? 1);
}
