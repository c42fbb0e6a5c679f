// Losing power: a file system in a file, of which a copy is taken at many moments of a run, as it has reached the disk, and
// mounted, which replays the journal. A service writes to the volume meanwhile, and has it on the disk when it says so (fsync):
// that commits the journal, and with it whatever names volseed has given so far, with or without what is in the files.
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Disk, kernelHas, type Kind } from '../support/block.ts';
import { lacks } from '../support/prerequisites.ts';
import { start, type Running } from '../support/process.ts';
import { scratch } from '../support/tree.ts';
import { leading, runtime, runToEnd, volseed } from '../support/volseed.ts';

/** Milliseconds of volseed's work from one copy to the next. */
const STEP = Number(process.env['VOLSEED_POWER_STEP'] ?? (process.env['VOLSEED_FAULT_POINTS'] === undefined ? 2 : 30));

const files = Array.from({ length: 300 }, (_, n) => `d${n % 7}/e${n % 3}/f${n}`);
const contentOf = (path: string, version: number): string =>
  `${path} of version ${version} `.repeat(path.endsWith('9') ? 9000 : 20);

/** Version 2 changes two files of three, brings as many new ones, and makes a directory of a file. */
function versionOf(version: number): Map<string, string> {
  const all = new Map(files.map((path, n) => [path, contentOf(path, n % 3 === 0 ? 1 : version)]));
  if (version === 2) for (const path of files) all.set(path.replace('d', 'new'), contentOf(path, 2));
  all.set(version === 1 ? 'turned' : 'turned/inside', contentOf('turned', version));
  return all;
}

function put(root: string, contents: ReadonlyMap<string, string>, time: number): void {
  for (const [path, content] of contents) {
    fs.mkdirSync(dirname(join(root, path)), { recursive: true });
    fs.writeFileSync(join(root, path), content);
    fs.utimesSync(join(root, path), time, time);
  }
}

interface Case {
  readonly kind: Kind;
  readonly policy: string;
  readonly what: 'first seeding' | 'update';
  readonly options: readonly string[];
}

interface Found {
  moments: number;
  /** Files under their real names that are no version of themselves. */
  readonly broken: string[];
  /** What else does not hold. */
  readonly wrong: string[];
}

/** Runs volseed, stops it again and again, and looks at what is on the disk at each of these moments. */
async function cutAtManyMoments({ kind, policy, what, options }: Case): Promise<Found> {
  const held = scratch();
  onTestFinished(() => held[Symbol.dispose]());
  const root = held.path;
  const [one, two] = [join(root, 'v1'), join(root, 'v2')];
  put(one, versionOf(1), 1_600_000_000);
  put(two, versionOf(2), 1_700_000_000);
  using disk = Disk.make(kind, join(root, 'image'), join(root, 'volume'));
  const argsTo = (target: string, from: string): string[] => [
    'sync',
    '--policy',
    policy,
    '--source',
    from,
    '--target',
    target,
  ];
  if (what === 'update') volseed(argsTo(disk.path, one));
  const seed = what === 'update' ? two : one;
  const allowed = what === 'update' ? [versionOf(1), versionOf(2)] : [versionOf(1)];
  const found: Found = { moments: 0, broken: [], wrong: [] };
  const service = new Service(disk.path);
  const running = start(runtime, [...leading, ...argsTo(disk.path, seed), ...options]);
  const look = (): void => {
    const words = service.write();
    using cut = disk.cut(join(root, 'copy'), join(root, 'cut'));
    found.moments++;
    const at = `moment ${found.moments}`;
    if (service.read(cut.path) !== words) found.wrong.push(`${at}: what the service wrote is lost`);
    found.broken.push(...brokenIn(cut.path, allowed).map((each) => `${at}: ${each}`));
    if (options.length > 0) return;
    const { code, stderr } = volseed(argsTo(cut.path, seed));
    if (code !== 0) found.wrong.push(`${at}: the next run ended with ${code}: ${stderr}`);
    found.wrong.push(...unlike(cut.path, versionOf(what === 'update' ? 2 : 1)).map((each) => `${at}, healed: ${each}`));
    if (service.read(cut.path) !== words)
      found.wrong.push(`${at}: what the service wrote did not outlive the next run`);
  };
  while (await goesOn(running)) look();
  expect(await running.ended).toEqual({ code: 0, signal: null });
  look();
  return found;
}

/** Lets it work for a step, and stops it; false once it has ended. */
async function goesOn(running: Running): Promise<boolean> {
  signal(running, 'SIGCONT');
  await sleep(STEP);
  if (running.ending() !== undefined) return false;
  signal(running, 'SIGSTOP');
  return true;
}

function signal({ pid }: Running, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch {
    // It has ended, and its end is not told yet.
  }
}

/** Another program that works on the volume. */
class Service {
  readonly #path: string;
  #words = '';

  constructor(volume: string) {
    this.#path = join(volume, 'service.log');
  }

  write(): string {
    this.#words += `line ${this.#words.length}\n`;
    const descriptor = fs.openSync(this.#path, 'w');
    fs.writeSync(descriptor, this.#words);
    fs.fsyncSync(descriptor);
    fs.closeSync(descriptor);
    return this.#words;
  }

  read(volume: string): string | undefined {
    return contentAt(volume, 'service.log');
  }
}

function brokenIn(volume: string, versions: readonly ReadonlyMap<string, string>[]): string[] {
  const paths = new Set(versions.flatMap((version) => [...version.keys()]));
  return [...paths].flatMap((path) => {
    const content = contentAt(volume, path);
    if (content === undefined || versions.some((version) => version.get(path) === content)) return [];
    return [`${path} has ${content.length} bytes that are no version of it`];
  });
}

function unlike(volume: string, version: ReadonlyMap<string, string>): string[] {
  const wrong = [...version]
    .filter(([path, content]) => contentAt(volume, path) !== content)
    .map(([path]) => `${path} is not what it is to be`);
  const strays = runToEnd('find', [volume, '-name', '*.volseed-*', '-o', '-path', '*/stage/*']).stdout;
  return strays === '' ? wrong : [...wrong, `left behind: ${strays}`];
}

function contentAt(volume: string, path: string): string | undefined {
  try {
    return fs.readFileSync(join(volume, path), 'utf8');
  } catch {
    return undefined;
  }
}

const cases: readonly Omit<Case, 'kind' | 'options'>[] = [
  { policy: 'newer', what: 'first seeding' },
  { policy: 'merge', what: 'update' },
];

for (const kind of ['ext4', 'xfs'] as const) {
  const missing = !kernelHas(kind);
  if (missing) process.stderr.write(`Skipping ${kind}, which this kernel does not have.\n`);
  describe.skipIf(missing || lacks('root', 'loop devices', `mkfs.${kind}`))(`losing power on ${kind}`, () => {
    it.each(cases)(
      'at any moment of a $what ($policy) leaves whole files, and the next run heals the rest',
      async (each) => {
        const { moments, broken, wrong } = await cutAtManyMoments({ ...each, kind, options: [] });
        console.log(`${kind}, ${each.what}, ${each.policy}: ${moments} moments`);
        expect(moments).toBeGreaterThan(2);
        expect({ broken, wrong }).toEqual({ broken: [], wrong: [] });
      },
    );

    it('is seen by this test: without the flush, files under their real names are empty', async () => {
      const unflushed = { policy: 'newer', what: 'first seeding', kind, options: ['--no-flush'] } as const;
      const { moments, broken, wrong } = await cutAtManyMoments(unflushed);
      console.log(`${kind}, without the flush: ${moments} moments, ${broken.length} broken files in all`);
      expect(broken.length).toBeGreaterThan(0);
      expect(broken[0]).toContain('has 0 bytes');
      expect(wrong).toEqual([]);
    });
  });
}
