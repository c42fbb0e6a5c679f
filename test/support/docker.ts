// A container engine, as a person has it: through its own command line. What a run makes bears the run's label and a name
// with the run's suffix, so that all of it can be found and removed, whatever became of the tests.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';

/** The checkout, with the Dockerfile and compose.yaml that are put to the test. */
export const checkout = fileURLToPath(new URL('../..', import.meta.url));

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Options {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The checkout, where none is named. */
  readonly cwd?: string;
}

/** True where `docker` is there and an engine answers it. */
export function engineAnswers(): boolean {
  return spawnSync('docker', ['version', '--format', '{{.Server.Version}}'], { stdio: 'ignore' }).status === 0;
}

export function newSuffix(): string {
  return randomBytes(4).toString('hex');
}

export function labelOf(suffix: string): string {
  return `volseed.test=${suffix}`;
}

/** `docker ARGS`, whatever comes of it. */
export async function attempt(args: readonly string[], options: Options = {}): Promise<Output> {
  return await run('docker', args, options);
}

/** `docker ARGS`, which must succeed; its standard output, trimmed. */
export async function docker(args: readonly string[], options: Options = {}): Promise<string> {
  return await succeed('docker', args, options);
}

/** `docker compose ARGS` on the checkout, or docker-compose where the client has no plugin for it. */
export async function compose(args: readonly string[], options: Options = {}): Promise<string> {
  const plugin = spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status === 0;
  return await composeBy(plugin ? ['docker', 'compose'] : ['docker-compose'], args, options);
}

/** A compose by its command: `['docker', 'compose']`. */
export async function composeBy(
  [command = '', ...first]: readonly string[],
  args: readonly string[],
  options: Options = {},
): Promise<string> {
  return await succeed(command, [...first, ...args], options);
}

/** The two generations of compose, and how each is called here; undefined where the machine has none. */
export function composes(): Readonly<Record<'1' | '2', readonly string[] | undefined>> {
  const found = [['docker', 'compose'], ['docker-compose'], [`${checkout}.local/bin/docker-compose`]].map((words) => {
    const [command = '', ...first] = words;
    const { status, stdout } = spawnSync(command, [...first, 'version', '--short'], { encoding: 'utf8' });
    // The fifth is the second under another number.
    return { words, generation: status === 0 ? Math.min(Number.parseInt(stdout.replace(/^v/, ''), 10), 2) : 0 };
  });
  const of = (generation: number): readonly string[] | undefined =>
    found.find((each) => each.generation === generation)?.words;
  return { '1': of(1), '2': of(2) };
}

/** Removes everything with the label: containers and their volumes, named volumes, networks, images. */
export async function removeAll(label: string): Promise<void> {
  const filter = ['--quiet', '--filter', `label=${label}`];
  await removeEach(['ps', '--all', ...filter], ['rm', '--force', '--volumes']);
  await removeEach(['volume', 'ls', ...filter], ['volume', 'rm', '--force']);
  await removeEach(['network', 'ls', ...filter], ['network', 'rm']);
  // By name, so that an image of the same content under a name of somebody else's stays.
  const format = ['--format', '{{.Repository}}:{{.Tag}}'];
  await removeEach(['images', '--filter', `label=${label}`, ...format], ['rmi', '--force']);
}

async function removeEach(list: readonly string[], remove: readonly string[]): Promise<void> {
  const found = (await docker(list)).split('\n').filter((line) => line !== '' && !line.includes('<none>'));
  if (found.length > 0) await docker([...remove, ...found]);
}

/** A command that must succeed; its standard output, trimmed. */
export async function succeed(command: string, args: readonly string[], options: Options): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit code ${code}\n${stdout}${stderr}`);
  return stdout.trim();
}

/** A command, whatever comes of it. */
export async function run(
  command: string,
  args: readonly string[],
  { input = '', env = {}, cwd = checkout }: Options = {},
): Promise<Output> {
  return await new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env } });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
    // A command that ends before it has read its input is no error of the test.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
