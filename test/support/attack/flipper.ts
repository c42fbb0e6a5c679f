// The process that owns the volume and swaps what is in it: compiled where the test runs, run as an ordinary user.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ordinary } from '../prerequisites.ts';

const source = fileURLToPath(new URL('flipper.c', import.meta.url));

export const hasCompiler = spawnSync('cc', ['--version'], { stdio: 'ignore' }).status === 0;

export interface Flips {
  /** Exchanges of two names, each in one system call. */
  readonly swaps: number;
  /** Things made where nothing stood. */
  readonly plants: number;
}

export interface Places {
  readonly volume: string;
  /** A directory of the attacker's on the same file system. */
  readonly lair: string;
  readonly outside: string;
  /** Paths below the volume. */
  readonly targets: readonly string[];
}

/** Works from the first `resume` on, until it is held up. */
export class Flipper {
  readonly #child: ChildProcess;
  readonly #workshop: string;
  #said = '';

  private constructor(child: ChildProcess, workshop: string) {
    this.#child = child;
    this.#workshop = workshop;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
  }

  static async start({ volume, lair, outside, targets }: Places, seed: number): Promise<Flipper> {
    const workshop = mkdtempSync(join(tmpdir(), 'volseed-flipper-'));
    const program = join(workshop, 'flipper');
    const { status, stderr } = spawnSync('cc', ['-O2', '-o', program, source], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    spawnSync('chmod', ['755', workshop, program]);
    const child = spawn(program, [volume, lair, outside, String(seed)], { ...ordinary });
    const flipper = new Flipper(child, workshop);
    child.stdin?.end(targets.map((target) => `${target}\n`).join(''));
    if (child.stdout === null) throw new Error('no output');
    await once(child.stdout, 'data');
    flipper.pause();
    return flipper;
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** When this returns it does nothing any more. */
  pause(): void {
    this.#child.kill('SIGSTOP');
    const deadline = Date.now() + 10_000;
    while (!/^State:\s+T/m.test(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')))
      if (Date.now() > deadline) throw new Error('the flipper does not stand still');
  }

  async end(): Promise<Flips> {
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    this.#child.kill('SIGCONT');
    await ended;
    rmSync(this.#workshop, { recursive: true, force: true });
    const [, swaps, plants] = /(\d+) (\d+)\n$/.exec(this.#said) ?? [];
    if (swaps === undefined) throw new Error(`the flipper died: ${JSON.stringify(this.#said)}`);
    return { swaps: Number(swaps), plants: Number(plants) };
  }
}
