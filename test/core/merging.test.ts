import { expect, it } from 'vitest';
import { Base, basedOn } from '../../src/core/base.ts';
import { Planning } from '../../src/core/planning.ts';
import type { Rules } from '../../src/core/rulebook.ts';
import { ALL } from '../../src/core/selection.ts';
import { directory, file, path, witness } from './entries.ts';

it('a path that was about to be replaced, and is kept after all, is no longer about to be', () => {
  const base = new Base();
  base.set(path('a'), { ...basedOn(file(), 'h', { inode: 7n, changed: 7n }), replacing: true });
  const rules: Rules = {
    policy: 'merge',
    selection: ALL,
    checksum: false,
    chmod: undefined,
    owner: { uid: undefined, gid: undefined },
    self: { privileged: true, uid: 0, groups: new Set() },
    merging: { base, wasShipped: () => false },
  };
  const planning = new Planning(rules, undefined);
  const edited = file({ size: 99, witness: { ...witness, inode: 9n } });
  planning.visit({ path: path('a'), seed: directory(), volume: edited }, false, {});
  const { kept, basing } = planning.plan();
  expect(kept).toMatchObject([{ path: 'a', reason: 'conflict' }]);
  expect(basing.get(path('a'))).toMatchObject({ kind: 'file', content: 'h', replacing: undefined });
});
