// One command of volseed's, run by root over and over while the volume's owner swaps what is in it.
import { spawnSync } from 'node:child_process';
import { leading, runtime } from '../volseed.ts';
import { Flipper, type Flips } from './flipper.ts';
import { AttackGround } from './ground.ts';

/** Seconds after which a run counts as hung; an undisturbed one takes a tenth of one. */
const HUNG = Number(process.env['VOLSEED_ATTACK_HUNG'] ?? 30);

export interface Attacked extends Flips {
  readonly runs: number;
  /** For how long volseed was at work and attacked. */
  readonly seconds: number;
  /** How often it ended how. */
  readonly codes: Readonly<Record<string, number>>;
  /** What must not have happened; nothing where all is well. */
  readonly bad: readonly string[];
}

export interface Assault {
  /** The arguments of the nth run. */
  readonly args: (on: AttackGround, n: number) => readonly string[];
  readonly seconds: number;
  /** Exit codes that are honest answers. */
  readonly honest: readonly number[];
  readonly seed: number;
  /** What is gone for, where it is not all. */
  readonly targets?: readonly string[];
}

/** Ends early where something bad happened. */
export async function attack({ args, seconds, honest, seed, targets }: Assault): Promise<Attacked> {
  const on = new AttackGround();
  const { volume, lair, outside } = on;
  const flipper = await Flipper.start({ volume, lair, outside, targets: targets ?? on.targets }, seed);
  const codes: Record<string, number> = {};
  const bad: string[] = [];
  let [runs, spent] = [0, 0];
  try {
    for (; spent < seconds * 1000 && bad.length === 0; runs++) {
      on.refresh();
      flipper.resume();
      const ended = runOnce(args(on, runs));
      flipper.pause();
      spent += ended.took;
      codes[ended.code] = (codes[ended.code] ?? 0) + 1;
      if (!honest.includes(ended.code) || /fault in volseed|^ {4}at /m.test(ended.said))
        bad.push(`${args(on, runs).join(' ')}: ended with ${ended.code}\n${ended.said}`);
      bad.push(...on.harm().map((what) => `outside: ${what}`), ...on.leaks().map((path) => `leaked: ${path}`));
    }
  } finally {
    const flips = await flipper.end();
    // oxlint-disable-next-line no-unsafe-finally -- never with an error under way
    if (spent > 0) return { ...flips, runs, seconds: spent / 1000, codes, bad };
  }
  throw new Error('nothing was run');
}

interface Ended {
  readonly code: number;
  readonly said: string;
  /** Milliseconds. */
  readonly took: number;
}

/** One run of volseed, undisturbed or not, that is killed where it hangs. */
export function runOnce(args: readonly string[]): Ended {
  const from = performance.now();
  const { status, signal, stdout, stderr } = spawnSync(runtime, [...leading, ...args], {
    env: { PATH: process.env['PATH'] ?? '' },
    encoding: 'utf8',
    timeout: HUNG * 1000,
    killSignal: 'SIGKILL',
    maxBuffer: 64 * 1024 * 1024,
  });
  const said = `${signal === null ? '' : `killed by ${signal}: it hung, or crashed\n`}${stdout}${stderr}`;
  return { code: status ?? -1, said, took: performance.now() - from };
}
