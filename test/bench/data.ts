/** Seeds of many shapes, the same bytes for the same arguments. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

const IN_A_DIRECTORY = 100;
/** 2024-01-01: older than whatever is written now. */
const MADE = 1_704_067_200;

/** So many files (from a million on, empty ones: what is in them is not looked at) of 200 bytes to 6 KB, a hundred to a directory, directories two deep, each with a time of its own. */
export function makeSmall(root: string, count: number): void {
  const chance = random(count);
  const filling = Buffer.from(Array.from({ length: 8192 }, () => 32 + Math.floor(chance() * 90)));
  for (let made = 0, directory = 0; made < count; directory++) {
    const path = join(root, `d${Math.floor(directory / 30)}`, `e${directory % 30}`);
    mkdirSync(path, { recursive: true });
    for (let n = 0; n < IN_A_DIRECTORY && made < count; n++, made++) {
      const size = count >= 1_000_000 ? 0 : 200 + Math.floor(chance() ** 3 * 5800);
      const file = join(path, `file-${made}.json`);
      writeFileSync(file, filling.subarray(made % 2000, (made % 2000) + size));
      utimesSync(file, MADE + made, MADE + made);
    }
  }
  age(root);
}

/** Gives directories a time as an image's have it: of the second in which a manifest was written, each is looked into. */
function age(root: string): void {
  for (const entry of readdirSync(root, { withFileTypes: true })) if (entry.isDirectory()) age(join(root, entry.name));
  utimesSync(root, MADE, MADE);
}

export function makeLarge(root: string, count: number, megabytes: number): void {
  mkdirSync(root, { recursive: true });
  const chance = random(count);
  const piece = Buffer.from(Array.from({ length: 1024 * 1024 }, () => Math.floor(chance() * 256)));
  for (let n = 0; n < count; n++) {
    const file = join(root, `large-${n}.bin`);
    const descriptor = openSync(file, 'w');
    for (let done = 0; done < megabytes; done++) {
      piece.writeUInt32LE(done + n * 10_000, 0);
      writeSync(descriptor, piece);
    }
    closeSync(descriptor);
    utimesSync(file, MADE + n, MADE + n);
  }
}

/** Files of a tree, as paths. */
export function filesOf(root: string): string[] {
  return readdirSync(root, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.volseed'))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

/** Copies a seed and gives each nth file of it other content and a later time. */
export function makeNext(from: string, to: string, nth: number): void {
  cpSync(from, to, {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => !path.endsWith('.volseed-manifest'),
  });
  for (const [at, file] of filesOf(to).entries()) {
    if (at % nth !== 0) continue;
    const { size, mtimeMs } = statSync(file);
    writeFileSync(file, Buffer.alloc(size, 46));
    utimesSync(file, mtimeMs / 1000 + 86_400, mtimeMs / 1000 + 86_400);
  }
  age(to);
}

/** 0 to 1, the same row for the same number. */
function random(number: number): () => number {
  let state = number >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export function remove(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** Throws where the volume is not what the seed is: names, kinds, bytes, modes, owners, and times in whole seconds. */
export function compare(seed: string, volume: string): void {
  execFileSync('diff', ['-rq', '--no-dereference', '--exclude=.volseed', '--exclude=.volseed-manifest', seed, volume]);
  const [a, b] = [seed, volume].map(listing);
  if (a !== b) throw new Error(`${volume} is not what ${seed} is`);
}

/** Directories' times are not compared: cp and the others part there. */
function listing(root: string): string {
  const of = (kind: string, format: string): string =>
    execFileSync(
      'find',
      [root, '-mindepth', '1', '-name', '.volseed*', '-prune', '-o', '-type', kind, '-printf', format],
      {
        encoding: 'utf8',
        maxBuffer: 2 ** 30,
      },
    );
  const lines = [...of('f', '%P %m %U:%G %s %Ts\n').split('\n'), ...of('d', '%P %m %U:%G\n').split('\n')];
  return lines
    .filter((line) => line !== '')
    .toSorted()
    .join('\n');
}
