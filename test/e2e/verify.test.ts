// `verify` finds by content what no time tells.
import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { changesBy, type Ground, ground } from '../support/probe.ts';
import { file } from '../support/tree.ts';
import { volseed, type Result } from '../support/volseed.ts';

const names = ['a', 'b', 'c', 'd', 'dir/e'];
const verify = (on: Ground, ...args: string[]): Result => volseed(['verify', ...on.where, ...args]);

function spoiled(): Ground {
  const on = ground(Object.fromEntries(names.map((name) => [name, file('image', { mtime: 1_500_000_000 })])));
  volseed(['sync', ...on.where]);
  writeFileSync(join(on.volume, 'a'), 'IMAGE');
  utimesSync(join(on.volume, 'a'), 1_500_000_000, 1_500_000_000);
  writeFileSync(join(on.volume, 'b'), 'edited');
  rmSync(join(on.volume, 'c'));
  writeFileSync(join(on.volume, 'd'), 'of an earlier image');
  utimesSync(join(on.volume, 'd'), 1_400_000_000, 1_400_000_000);
  return on;
}

it('names what is damaged, edited, missing and outdated, ends with 3, and touches nothing', () => {
  const on = spoiled();
  const { result, changed } = changesBy(on.volume, () => verify(on));
  expect(result).toEqual({
    code: 3,
    stderr: '',
    stdout:
      'damaged  a\nedited   b\nmissing  c\noutdated d\n' +
      'Verified: 1 missing, 1 damaged, 1 edited, 1 outdated, 2 as in the image. Nothing was touched.\n',
  });
  expect(changed).toEqual([]);
});

it('ends with 0 where all is as in the image, and after a reset it is', () => {
  const on = spoiled();
  expect(volseed(['reset', '--all', '--yes', ...on.where])).toMatchObject({ code: 0 });
  expect(verify(on)).toMatchObject({ code: 0, stderr: '' });
});

it('speaks of nothing that is not selected, and in JSON where that is asked for', () => {
  const on = spoiled();
  const { code, stdout } = verify(on, '--include', 'b', '--include', 'dir', '--json');
  expect([code, JSON.parse(stdout)]).toEqual([
    3,
    { missing: 0, damaged: 0, edited: 1, outdated: 0, same: 2, differing: [{ path: 'b', verdict: 'edited' }] },
  ]);
});
