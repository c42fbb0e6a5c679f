// Whatever the files of the state hold: what reads them answers, and never with a path outside.
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Anchor } from '../../src/fs/anchor.ts';
import { StateDirectory } from '../../src/fs/private.ts';
import { writeHolder } from '../../src/state/holder.ts';
import { TARGETS } from '../support/attack/fuzzing.ts';
import { place } from '../fs/place.ts';
import { ground } from '../support/probe.ts';
import { firstNumber, Random } from '../support/random.ts';
import { volseed } from '../support/volseed.ts';

const times = Number(process.env['VOLSEED_FUZZ'] ?? 150);

describe('fuzzed', () => {
  it.each(Object.entries(TARGETS))(`%s (VOLSEED_TEST_SEED=${firstNumber}) is answered`, async (_, target) => {
    place();
    const on = ground();
    expect(volseed(['sync', '--policy', 'merge', ...on.where]).code).toBe(0);
    fs.appendFileSync(`${on.volume}/tables/t1.csv`, 'edited');
    expect(volseed(['reset', '--all', '--yes', ...on.where]).code).toBe(0);
    const anchor = Anchor.open(on.volume);
    using state = StateDirectory.open(anchor, undefined);
    anchor.close();
    const at = `${on.volume}/.volseed`;
    writeHolder(state, { run: 'r1', mode: 'sync', host: 'pod-1', pid: 1, since: 'noon' });
    const id =
      fs
        .readdirSync(`${at}/backups`)
        .find((name) => name.endsWith('.tar.gz'))
        ?.slice(0, -7) ?? '';
    const configuration =
      'target: ${DATA}\nseeds:\n  - source: /a\n    into: b\nrules:\n  - match: [a, "b/**"]\n    mode: D0750\n';
    for (let n = 0; n < times; n++) await target({ state, at, id, configuration }, new Random(firstNumber + n));
  });
});
