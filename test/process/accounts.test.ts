// /etc/passwd and /etc/group in memory: what is asked is what is made of their lines, not of the file system.
import { vol } from 'memfs';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { UsageError } from '../../src/core/errors.ts';
import { account, owner } from '../../src/process/accounts.ts';

vi.mock('node:fs', async () => {
  const { fs } = await import('memfs');
  return { ...fs, default: fs };
});

const files = {
  '/etc/passwd': [
    'root:x:0:0:root:/root:/bin/sh',
    'app:x:1000:1001:The App:/home/app:/bin/sh',
    '3000:x:42:43::/home/number:/bin/sh',
    'homeless:x:7:8:::',
    '',
    '# a comment',
  ].join('\n'),
  '/etc/group': [
    'root:x:0:',
    'app:x:1001:',
    'data:x:2000:app,other',
    'logs:x:2001:other,app',
    'apple:x:2002:apple',
    '',
  ].join('\n'),
};

beforeEach(() => {
  vol.reset();
  vol.fromJSON(files);
});

describe('account', () => {
  it.each([
    ['app', { uid: 1000, gid: 1001, groups: [1001, 2000, 2001], home: '/home/app' }],
    ['app:', { uid: 1000, gid: 1001, groups: [1001, 2000, 2001], home: '/home/app' }],
    ['1000', { uid: 1000, gid: 1001, groups: [1001, 2000, 2001], home: '/home/app' }],
    ['app:data', { uid: 1000, gid: 2000, groups: [2000], home: '/home/app' }],
    ['app:5', { uid: 1000, gid: 5, groups: [5], home: '/home/app' }],
    ['1234:5', { uid: 1234, gid: 5, groups: [5], home: undefined }],
    ['0', { uid: 0, gid: 0, groups: [0], home: '/root' }],
    ['homeless', { uid: 7, gid: 8, groups: [8], home: '' }],
    // A name before a number, as for every tool that takes both.
    ['3000', { uid: 42, gid: 43, groups: [43], home: '/home/number' }],
  ])('of %s', (text, expected) => {
    expect(account(text, '--user')).toEqual(expected);
  });

  it('takes numbers where there are no accounts at all', () => {
    vol.reset();
    expect(account('1000:1000', '--user')).toMatchObject({ uid: 1000, gid: 1000 });
    expect(() => account('app', '--user')).toThrow(UsageError);
  });

  it.each(['', ':data', 'nobody', 'app:nogroup', '-1', '4294967295', '99999999999', '0x0', '1e3', ' 0', 'App'])(
    'refuses %j',
    (text) => {
      expect(() => account(text, '--user')).toThrow(UsageError);
    },
  );

  it('names the option, the name and the file, on one line', () => {
    expect(() => account('nobody', '--user')).toThrow("--user: no user 'nobody' in /etc/passwd");
    expect(() => account('app:nogroup', '--user')).toThrow("--user: no group 'nogroup' in /etc/group");
    expect(() => account('a\nb', '--user')).toThrow(String.raw`'a\nb'`);
  });
});

describe('owner', () => {
  it.each([
    ['app', { uid: 1000, gid: undefined }],
    ['app:', { uid: 1000, gid: undefined }],
    [':data', { uid: undefined, gid: 2000 }],
    ['app:data', { uid: 1000, gid: 2000 }],
    ['5:6', { uid: 5, gid: 6 }],
    ['0:0', { uid: 0, gid: 0 }],
  ])('of %s', (text, expected) => {
    expect(owner(text, '--chown')).toEqual(expected);
  });

  it.each([':', '', 'nobody', ':nogroup', 'app:data:x', '-1:0'])('refuses %j', (text) => {
    expect(() => owner(text, '--chown')).toThrow(UsageError);
  });
});
