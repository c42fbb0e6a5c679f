// The runtimes that standalone executables are made of, and that the bundle is tested on: npm packages, fetched once into
// .local/runtimes by npm itself, so by whatever registry and proxy it is configured for. Not devDependencies: npm installs a
// package for another processor or C library only by force, and four runtimes are 400 MB that most checkouts never need.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { extract } from 'tar';
import pinned from './runtimes.json' with { type: 'json' };

export type Artefact = keyof typeof pinned.artefacts;
export type NodeVersion = keyof typeof pinned.node;

export const bunVersion = pinned.bun;
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its keys are what the type says
export const artefacts = Object.keys(pinned.artefacts) as Artefact[];

interface Package {
  readonly package: string;
  readonly version: string;
  /** As in package-lock.json. */
  readonly integrity: string;
}

const cache = '.local/runtimes';

/** The path of the Bun that an artefact is made of. */
export function bunFor(artefact: Artefact): string {
  return `${fetch({ version: pinned.bun, ...pinned.artefacts[artefact] })}/bin/bun`;
}

/** The path of a Node for this machine (x64) of the version named. */
export function nodeOf(version: NodeVersion): string {
  return `${fetch(pinned.node[version])}/bin/node`;
}

/** The directory of an unpacked package, fetched where it is not there yet. Throws where it is not the one that was pinned. */
function fetch({ package: name, version, integrity }: Package): string {
  const place = `${cache}/${name.replace('@', '').replace('/', '-')}-${version}`;
  if (existsSync(place)) return place;
  console.log(`Fetching ${name}@${version} (once) ...`);
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(`${cache}/new-`);
  try {
    npm(['pack', '--silent', '--pack-destination', work, `${name}@${version}`]);
    const [tarball = ''] = readdirSync(work);
    const found = `sha512-${createHash('sha512')
      .update(readFileSync(`${work}/${tarball}`))
      .digest('base64')}`;
    if (found !== integrity) throw new Error(`${name}@${version}: ${found} is not what scripts/runtimes.json expects`);
    extract({ file: `${work}/${tarball}`, cwd: work, strip: 1, sync: true });
    rmSync(`${work}/${tarball}`);
    chmodSync(work, 0o755);
    // In one step, for another build may do the same; whoever comes second has no use for its own.
    if (!existsSync(place)) renameSync(work, place);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return place;
}

function npm(args: readonly string[]): void {
  const { status, error } = spawnSync('npm', [...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (error) throw error;
  if (status !== 0) throw new Error(`npm ${args.join(' ')}: exit code ${status}`);
}
