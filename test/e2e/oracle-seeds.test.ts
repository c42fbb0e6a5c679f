// Several seeds leave what rsync leaves of them: laid over each other by `rsync -a`, and then seeded by `rsync -avu`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isRoot, suite } from '../support/prerequisites.ts';
import { asMyself, asRoot, firstNumber, numberOfPairs, pair } from '../support/random.ts';
import { inLanes, run } from '../support/rsync.ts';
import { differences, snapshot } from '../support/snapshot.ts';
import { buildAll, scratch, show, type Tree } from '../support/tree.ts';
import { type Result, leading, runtime } from '../support/volseed.ts';

const timeout = 300_000 + numberOfPairs * 1000;
const flavour = isRoot() ? asRoot : asMyself;
const some = Math.ceil(numberOfPairs / 4);

interface Case {
  readonly number: number;
  readonly seeds: readonly Tree[];
  /** Where the second goes. */
  readonly into: string;
  readonly volume: Tree;
}

/** The volume of a pair is made from its seed so that the two collide: it serves as another seed. */
function caseOf(number: number): Case {
  const [one, other] = [pair(number, flavour), pair(number + 1, flavour)];
  const into = number % 3 === 0 ? 'a directory of its own' : '.';
  return { number, seeds: [one.seed, one.volume, other.seed], into, volume: number % 2 === 0 ? one.volume : new Map() };
}

async function judge(place: string, { number, seeds, into, volume }: Case): Promise<string[]> {
  const at = (name: string): string => join(place, String(number), name);
  mkdirSync(at('merged'), { recursive: true });
  buildAll([...seeds.map((seed, index) => [at(`seed${index}`), seed] as const), [at('a'), volume], [at('b'), volume]]);
  const goes = ['.', into, '.'];
  for (const [index, where] of goes.entries()) {
    // To the nanosecond: what is laid over is not asked whether it is newer.
    const merging = [
      '-aI',
      '--modify-window=-1',
      '--force',
      '--no-specials',
      '--no-devices',
      '--',
      `${at(`seed${index}`)}/`,
    ];
    expectToEnd(await run('rsync', [...merging, `${at('merged')}/${where}/`]));
  }
  const list = goes.map((where, index) => `- {source: seed${index}, into: ${where}}\n`);
  const threads = (number >> 1) % 2 === 0 ? 1 : 2;
  writeFileSync(at('volseed.yaml'), `target: b\nthreads: ${threads}\nseeds:\n${list.join('')}`);
  const before = snapshot(at('b'));
  const started = BigInt(Date.now()) * 1_000_000n;
  const expected = await run('rsync', [
    '-avu',
    '--no-specials',
    '--no-devices',
    '--',
    `${at('merged')}/`,
    `${at('a')}/`,
  ]);
  const actual = await run(runtime, [...leading, 'sync', '--config', at('volseed.yaml')]);
  const faults = differences(snapshot(at('a')), snapshot(at('b')), { before, started });
  if (actual.code !== expected.code)
    faults.push(`exit code ${actual.code}, expected ${expected.code}: ${actual.stderr}`);
  return faults.length === 0
    ? []
    : [`${number} into ${into}:`, ...seeds.map(show), `volume ${show(volume)}`, ...faults];
}

function expectToEnd({ code, stderr }: Result): void {
  if (code !== 0) throw new Error(`rsync ends ${code}: ${stderr}`);
}

suite('three seeds in one volume', ['rsync'], () => {
  it(
    'leave what rsync leaves of them',
    async () => {
      using place = scratch();
      const cases = Array.from({ length: some }, (_, index) => caseOf(firstNumber + 2 * index));
      const faults = await inLanes(cases, async (each) => judge(place.path, each));
      expect(faults.flat().slice(0, 60).join('\n')).toBe('');
    },
    timeout,
  );
});

describe('the cases', () => {
  it('have what collides, in every way', () => {
    const kinds = new Set<string>();
    for (let index = 0; index < 50; index++) {
      const [one, other] = caseOf(index).seeds;
      for (const [path, { type }] of one ?? []) {
        const against = other?.get(path)?.type;
        if (against !== undefined) kinds.add(`${type} ${against}`);
      }
    }
    expect([...kinds]).toEqual(
      expect.arrayContaining([
        'file file',
        'file directory',
        'directory file',
        'directory symlink',
        'symlink directory',
      ]),
    );
  });
});
