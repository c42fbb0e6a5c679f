// A container as the tests see it: through the engine's client, and through the port that the service listens on.
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { attempt, docker, type Output } from '../support/docker.ts';
import { label, named, sample } from './lab.ts';
import { tail } from './reading.ts';

/** How long a container may take to be where a test wants it: the machine may be busy, and seeding tens of thousands of files. */
const patience = 180_000;

export interface Launch {
  readonly image?: string;
  readonly volume?: string;
  /** Options of `docker run`. */
  readonly options?: readonly string[];
  /** In the place of the image's CMD. */
  readonly command?: readonly string[];
}

/** Starts a container, and does not wait for what it does. */
export async function start({ image = sample(), volume, options = [], command = [] }: Launch = {}): Promise<Container> {
  const name = named('container');
  onTestFinished(async () => {
    await attempt(['rm', '--force', '--volumes', name]);
  });
  const mount = volume === undefined ? [] : ['--volume', `${volume}:/data`];
  const fixed = ['--detach', '--name', name, '--label', label(), '--publish', '127.0.0.1::8080'];
  await docker(['run', ...fixed, ...mount, ...options, image, ...command]);
  return new Container(name);
}

/** Starts a container and waits until its service answers. */
export async function serve(launch: Launch = {}): Promise<Container> {
  const container = await start(launch);
  await container.answer();
  return container;
}

/** What the service says of itself. */
export interface Answer {
  readonly pid: number;
  readonly ppid: number;
  readonly uptime: number;
  readonly dataDir: string;
  readonly tables: number;
}

function answerOf(body: string): Answer {
  const answer: Answer = JSON.parse(body);
  return answer;
}

export class Container {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** GET /, as soon as the service answers; an error with the log where the container ends before. */
  async answer(): Promise<Answer> {
    const deadline = Date.now() + patience;
    while (Date.now() < deadline) {
      // oxlint-disable no-await-in-loop -- waiting is the point
      const body = await this.get('/').catch(() => undefined);
      if (body !== undefined) return answerOf(body);
      if (!(await this.running())) throw new Error(`ended with ${await this.exitCode()}\n${tail(await this.log())}`);
      await sleep(50);
      // oxlint-enable no-await-in-loop
    }
    throw new Error(`no answer within ${patience / 1000} s\n${tail(await this.log())}`);
  }

  /** The body of a page of the service's, through the published port. */
  async get(path: string): Promise<string> {
    // A restart may publish another port.
    const address = await docker(['port', this.name, '8080/tcp']);
    const response = await fetch(`http://${address.split('\n')[0]}${path}`, { headers: { connection: 'close' } });
    if (!response.ok) throw new Error(`GET ${path}: ${response.status}`);
    return await response.text();
  }

  async running(): Promise<boolean> {
    return (await this.inspect('{{.State.Running}}')) === 'true';
  }

  async exitCode(): Promise<number> {
    return Number(await this.inspect('{{.State.ExitCode}}'));
  }

  /** Waits for the end of the container, and returns the exit code. */
  async ended(): Promise<number> {
    return Number(await docker(['wait', this.name]));
  }

  async inspect(format: string): Promise<string> {
    return await docker(['inspect', '--format', format, this.name]);
  }

  async output(): Promise<Output> {
    return await attempt(['logs', this.name]);
  }

  /** Everything that was logged, standard output first. */
  async log(): Promise<string> {
    const { stdout, stderr } = await this.output();
    return stdout + stderr;
  }

  /** `docker exec`, without a terminal, which must succeed; its standard output, trimmed. */
  async exec(...command: readonly string[]): Promise<string> {
    return await docker(['exec', this.name, ...command]);
  }

  /** `docker stop`; the seconds that it took. */
  async stop(): Promise<number> {
    const from = Date.now();
    await docker(['stop', this.name]);
    return (Date.now() - from) / 1000;
  }

  /** Starts it again after it has ended, and waits until the service answers. */
  async startAgain(): Promise<void> {
    await docker(['start', this.name]);
    await this.answer();
  }
}

/** Runs a container to its end. */
export async function runToEnd(launch: Launch): Promise<Output> {
  const container = await start(launch);
  const code = await container.ended();
  return { ...(await container.output()), code };
}

/** Waits until `holds` gives a value that is true, and returns it. */
export async function until<T>(what: string, holds: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + patience;
  while (Date.now() < deadline) {
    // oxlint-disable no-await-in-loop -- waiting is the point
    const value = await holds();
    if (value) return value;
    await sleep(20);
    // oxlint-enable no-await-in-loop
  }
  throw new Error(`${what}: not within ${patience / 1000} s`);
}
