import { expect, it } from 'vitest';
import { parseChmod } from '../../src/core/chmod.ts';
import { keyOf, type Rules } from '../../src/core/rulebook.ts';

type Part = Pick<Rules, 'chmod' | 'each' | 'owner' | 'self'>;

const self = { privileged: false, uid: 1000, groups: new Set([1000, 50]) };
const plain: Part = { chmod: undefined, owner: { uid: undefined, gid: undefined }, self };
const chmod = (text: string, umask: number): NonNullable<Rules['chmod']> => {
  const change = parseChmod(text, umask);
  if (change === undefined) throw new Error(text);
  return change;
};

it.each<[string, Part, Part]>([
  ['an owner whose name is another number', plain, { ...plain, owner: { uid: 1001, gid: undefined } }],
  ['a group whose name is another number', plain, { ...plain, owner: { uid: undefined, gid: 1001 } }],
  [
    'the owner of a rule',
    { ...plain, each: [{ owner: { uid: 1, gid: 1 } }] },
    { ...plain, each: [{ owner: { uid: 2, gid: 1 } }] },
  ],
  [
    'what we may set',
    { ...plain, self: { ...self, groups: new Set() } },
    { ...plain, self: { ...self, groups: new Set(), privileged: true } },
  ],
  ['a group that we are in', plain, { ...plain, self: { ...self, groups: new Set([1000]) } }],
  ['the umask of a change of modes', { ...plain, chmod: chmod('+w', 0o022) }, { ...plain, chmod: chmod('+w', 0o002) }],
  [
    'the umask of a rule',
    { ...plain, each: [{ chmod: chmod('+w', 0o022) }] },
    { ...plain, each: [{ chmod: chmod('+w', 0o002) }] },
  ],
  ['what is for directories only', { ...plain, chmod: chmod('Dg+w', 0) }, { ...plain, chmod: chmod('g+w', 0) }],
])('the key of rules changes with %s', (_, one, other) => {
  expect(keyOf(one)).not.toBe(keyOf(other));
});

it.each<[string, Part, Part]>([
  ['the order of groups', plain, { ...plain, self: { ...self, groups: new Set([50, 1000]) } }],
  [
    'the umask where it does not come in',
    { ...plain, chmod: chmod('u+w', 0o022) },
    { ...plain, chmod: chmod('u+w', 0o002) },
  ],
  [
    'the groups of root',
    { ...plain, self: { ...self, privileged: true } },
    { ...plain, self: { ...self, privileged: true, groups: new Set([0]) } },
  ],
])('the key of rules does not change with %s', (_, one, other) => {
  expect(keyOf(one)).toBe(keyOf(other));
});
