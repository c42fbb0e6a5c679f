// A volume as the kubelet hands it to a Pod with an fsGroup: its root is root's, and the Pod's user is only in its group.
import { chmodSync, chownSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ground, type Ground } from '../support/probe.ts';
import { ordinary, suite } from '../support/prerequisites.ts';
import { file, tree } from '../support/tree.ts';
import { runToEnd, volseed } from '../support/volseed.ts';

const group = 2000;
const pod = { uid: ordinary.uid, gid: group };

function mounted(): Ground {
  const on = ground(tree({ 'tables/t1.csv': file('1') }));
  mkdirSync(on.volume, { recursive: true });
  chownSync(on.volume, 0, group);
  chmodSync(on.volume, 0o2775);
  return on;
}

suite('a volume under fsGroup', ['root', 'rsync', 'a checkout that other users can read'], () => {
  it('is seeded, and its root left as the kubelet made it, where rsync ends with 23', () => {
    const byRsync = mounted();
    const { code, stderr } = runToEnd('rsync', ['-avu', `${byRsync.seed}/`, `${byRsync.volume}/`], pod);
    expect(stderr).toMatch(/failed to set (times|permissions) on "[^"]*\/\."/);
    expect(code).toBe(23);

    const on = mounted();
    expect(volseed(['sync', ...on.where], pod)).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(join(on.volume, 'tables/t1.csv'))).toBe(true);
    expect(statSync(on.volume)).toMatchObject({ uid: 0, gid: group, mode: 0o42775 });
  });
});
