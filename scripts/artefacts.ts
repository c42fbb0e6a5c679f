// .local/artefacts: what the artefacts are run by in the black-box tests (test/support/volseed.ts), where it is not there yet.
import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { nodeOf, type NodeVersion } from './runtime.ts';

const place = '.local/artefacts';

mkdirSync(place, { recursive: true });
for (const artefact of process.argv.slice(2)) prepare(artefact);

function prepare(artefact: string): void {
  if (artefact === 'node22') link('22');
  else if (artefact === 'node24') link('24');
  else if (artefact === 'linux-x64-musl') {
    const { status, error } = spawnSync('bash', ['scripts/musl.sh', `${place}/musl`], { stdio: 'inherit' });
    if (error) throw error;
    if (status !== 0) throw new Error(`scripts/musl.sh: exit code ${status}`);
  }
}

function link(version: NodeVersion): void {
  const name = `${place}/node${version}`;
  rmSync(`${name}.new`, { force: true });
  symlinkSync(resolve(dirname(nodeOf(version)), '..'), `${name}.new`);
  renameSync(`${name}.new`, name);
}
