// /proc/self/status in memory: a capability cannot be dropped for one test.
import { vol } from 'memfs';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { identity } from '../../src/process/identity.ts';

vi.mock('node:fs', async () => {
  const { fs } = await import('memfs');
  return { ...fs, default: fs };
});

beforeEach(() => vol.reset());

function runAs(uid: number, capabilities: string | undefined): void {
  vi.spyOn(process, 'geteuid').mockReturnValue(uid);
  vi.spyOn(process, 'getegid').mockReturnValue(5);
  vi.spyOn(process, 'getgroups').mockReturnValue([7, 5, 6]);
  onTestFinished(() => void vi.restoreAllMocks());
  if (capabilities === undefined) return;
  vol.fromJSON({
    '/proc/self/status': `Name:\tnode\nCapPrm:\t0000000000000001\nCapEff:\t${capabilities}\nCapBnd:\t1\n`,
  });
}

describe('identity', () => {
  it.each([
    ['root with all capabilities', 0, '000001ffffffffff', true],
    ['root with CAP_CHOWN alone', 0, '0000000000000001', true],
    ['root without CAP_CHOWN (--cap-drop ALL)', 0, '0000000000000000', false],
    ['root with others, and not that one', 0, '00000000a80425fa', false],
    ['a user with CAP_CHOWN', 1000, '0000000000000001', true],
    ['a user', 1000, '0000000000000000', false],
    ['root without /proc', 0, undefined, true],
    ['a user without /proc', 1000, undefined, false],
  ])('of %s', (_, uid, capabilities, privileged) => {
    runAs(uid, capabilities);
    expect(identity()).toEqual({ privileged, uid, groups: new Set([5, 7, 6]) });
  });
});
