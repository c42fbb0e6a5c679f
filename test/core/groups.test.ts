import { describe, expect, it } from 'vitest';
import { LEAVE } from '../../src/core/entry.ts';
import { groupsOf, settleGroups } from '../../src/core/groups.ts';
import type { Unit } from '../../src/core/plan.ts';
import { change, directory, file, link } from './entries.ts';

const OWN = 1000;
const unit = (top: Unit['top'], ...below: Unit['below']): Unit => ({ top, below });
const groups = ({ top, below }: Unit): number[] => [top, ...below].map((each) => each.new.gid);

describe('settleGroups', () => {
  it("gives what it may not choose the process's group", () => {
    const settled = settleGroups(unit(change('a', file({ gid: LEAVE }))), { mode: 0o755, gid: 7 }, OWN, () => true);
    expect(groups(settled)).toEqual([OWN]);
  });

  it('gives it the group of a directory that hands its group down', () => {
    const settled = settleGroups(unit(change('a', file({ gid: LEAVE }))), { mode: 0o2755, gid: 7 }, OWN, () => true);
    expect(groups(settled)).toEqual([7]);
  });

  it('leaves a group that is known', () => {
    const settled = settleGroups(unit(change('a', file({ gid: 5 }))), { mode: 0o2755, gid: 7 }, OWN, () => true);
    expect(groups(settled)).toEqual([5]);
  });

  it('hands down from each directory of the unit by its own mode and group, to links too', () => {
    const settled = settleGroups(
      unit(
        change('a', directory({ gid: LEAVE, mode: 0o755 })),
        change('a/b', directory({ gid: 5, mode: 0o2755 })),
        change('a/b/c', directory({ gid: LEAVE, mode: 0o755 })),
        change('a/b/c/f', file({ gid: LEAVE })),
        change('a/b/l', link({ gid: LEAVE })),
        change('a/f', file({ gid: LEAVE })),
      ),
      { mode: 0o2755, gid: 7 },
      OWN,
      () => true,
    );
    expect(groups(settled)).toEqual([7, 5, 5, OWN, 5, OWN]);
  });

  it('is not handed down by a directory that the kernel takes the bit from, its group not being ours', () => {
    const settled = settleGroups(
      unit(change('a', directory({ gid: LEAVE, mode: 0o2755 })), change('a/f', file({ gid: LEAVE }))),
      { mode: 0o2755, gid: 7 },
      OWN,
      () => false,
    );
    expect(groups(settled)).toEqual([7, OWN]);
  });

  it('changes nothing but the group', () => {
    const before = unit(change('a', file({ gid: LEAVE, mode: 0o4711, uid: 3 })));
    const { top } = settleGroups(before, { mode: 0, gid: 7 }, OWN, () => true);
    expect(top).toEqual({ ...before.top, new: { ...before.top.new, gid: OWN } });
  });
});

it('names each group of a unit once', () => {
  const groupsOfUnit = groupsOf(
    unit(change('a', directory({ gid: 1 })), change('a/b', file({ gid: 2 })), change('a/c', file({ gid: 1 }))),
  );
  expect([...groupsOfUnit]).toEqual([1, 2]);
});
