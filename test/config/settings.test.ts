import { describe, expect, it } from 'vitest';
import { readArguments } from '../../src/config/arguments.ts';
import { settle, settleLog, type Settings } from '../../src/config/settings.ts';
import { UsageError } from '../../src/core/errors.ts';
import type { RelPath } from '../../src/core/path.ts';
import type { Command } from '../../src/config/options.ts';

const settled = (command: Command, args: string, environment: Record<string, string> = { DATA_DIR_PATH: '/data' }) =>
  settle(command, readArguments(command, args.split(' ').filter(Boolean), environment), environment);

const sync = (args: string, environment?: Record<string, string>): Promise<Settings> =>
  settled('sync', args, environment);

const grace = async (text: string): Promise<number> =>
  (await settled('run', `--grace ${text} -- x`)).service?.grace ?? 0;
const log = (args: string) => settleLog(readArguments('sync', args.split(' ').filter(Boolean), {}));

describe('settings', () => {
  it('are the documented defaults where nothing is given', async () => {
    expect(await sync('')).toEqual({
      command: 'sync',
      seeds: [{ source: '/var/initialdata', by: 'the default of --source', into: '', policy: undefined }],
      target: '/data',
      targetBy: 'DATA_DIR_PATH',
      stateDir: undefined,
      policy: 'newer',
      policyBy: 'the default',
      rules: [],
      file: undefined,
      safety: { maxDeletes: undefined, onDowngrade: 'allow', minSeedFiles: 0 },
      included: undefined,
      excluded: undefined,
      selection: { include: undefined, exclude: undefined },
      checksum: false,
      keepRuns: 200,
      threads: undefined,
      prune: false,
      onConflict: 'new',
      restoreDeleted: false,
      decisive: expect.any(String) as string,
      chown: undefined,
      chmod: undefined,
      rootAttrs: false,
      dryRun: false,
      flush: true,
      lockTimeout: 600_000,
      exitCode: false,
      reset: undefined,
      backup: { on: false, asked: false, keep: 5, directory: undefined },
      operands: [],
      last: false,
      yes: false,
      json: false,
      history: [],
      imageVersion: undefined,
      service: undefined,
    });
    expect(await settled('run', '-- server -x')).toMatchObject({
      service: {
        argv: ['server', '-x'],
        user: undefined,
        nofile: undefined,
        supervise: false,
        grace: 30_000,
        startOnFailure: false,
      },
    });
  });

  it('come from flags before the environment, and the target from DATA_DIR_PATH last', async () => {
    const environment = { VOLSEED_TARGET: '/env', DATA_DIR_PATH: '/data', VOLSEED_POLICY: 'missing' };
    expect(await sync('--target /flag', environment)).toMatchObject({ target: '/flag', policy: 'missing' });
    expect(await sync('--policy always', environment)).toMatchObject({ target: '/env', policy: 'always' });
  });

  it('have absolute paths', async () => {
    const here = process.cwd();
    expect(await sync('--source seed/ --target ./v/../w --state-dir s')).toMatchObject({
      seeds: [{ source: `${here}/seed` }],
      target: `${here}/w`,
      stateDir: `${here}/s`,
    });
  });

  it('select by globs', async () => {
    const { selection } = await sync('--include tables/** --exclude **/*.bak');
    expect(selection.include?.('tables/t1' as RelPath)).toBe(true);
    expect(selection.exclude?.('tables/t1.bak' as RelPath)).toBe(true);
  });

  it.each(['true', '1', 'yes', 'on', 'TRUE', 'On'])('take %s for true', async (word) => {
    expect(await sync('', { DATA_DIR_PATH: '/d', VOLSEED_CHECKSUM: word })).toMatchObject({ checksum: true });
  });

  it.each(['false', '0', 'no', 'off', 'No'])('take %s for false', async (word) => {
    expect(await sync('', { DATA_DIR_PATH: '/d', VOLSEED_FLUSH: word })).toMatchObject({ flush: false });
  });

  it.each([
    ['0', 0],
    ['5', 5000],
    ['500ms', 500],
    ['30s', 30_000],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['0.5s', 500],
  ])('take %s for a time', async (text, milliseconds) => {
    expect(await sync(`--lock-timeout ${text}`)).toMatchObject({ lockTimeout: milliseconds });
  });

  it('take no time for --grace that a timer cannot wait, and would end at once', async () => {
    await expect(grace('1h')).resolves.toBe(3_600_000);
    for (const text of ['597h', '700h', '960h']) {
      // 2^31 - 1 ms, beyond which setTimeout takes 1 ms.
      const outcome = await grace(text).catch((error: unknown) => error);
      expect(outcome instanceof UsageError || (outcome as number) <= 2 ** 31 - 1).toBe(true);
    }
  });

  it('of plan touch nothing', async () => {
    expect(await settled('plan', '--exit-code')).toMatchObject({ dryRun: true, exitCode: true });
    expect(await sync('--dry-run')).toMatchObject({ dryRun: true });
  });

  it('have a mode change under the umask that they were made under', async () => {
    const { chmod } = await sync('--chmod D755,F644');
    expect([chmod?.(0, true), chmod?.(0, false)]).toEqual([0o755, 0o644]);
  });

  it('of a service', async () => {
    const args = '--user app:app --nofile 1024 --supervise --grace 5s --on-failure start -- server';
    expect((await settled('run', args)).service).toEqual({
      argv: ['server'],
      user: { value: 'app:app', by: '--user' },
      nofile: 1024,
      supervise: true,
      grace: 5000,
      startOnFailure: true,
    });
  });

  it.each<[what: string, command: Command, args: string, environment: Record<string, string>, message: string]>([
    ['no target', 'sync', '', {}, 'no target: set DATA_DIR_PATH'],
    ['an empty target', 'sync', '', { DATA_DIR_PATH: '' }, 'no target'],
    ['an empty source', 'sync', '--source= --target /t', {}, '--source: the value is empty'],
    ['a NUL byte', 'sync', '--source=a\0b --target /t', {}, '--source: the value has a NUL byte'],
    ['another policy', 'sync', '--policy newest --target /t', {}, "--policy: 'newest' is none of newer, missing"],
    ['neither true nor false', 'sync', '--checksum=maybe --target /t', {}, "'maybe' is neither true nor false"],
    ['a time of no unit', 'sync', '--lock-timeout 5d --target /t', {}, "'5d' is no time up to 24 days; write 500ms"],
    ['a negative time', 'sync', '--lock-timeout=-5 --target /t', {}, 'is no time'],
    ['a time without end', 'sync', '--lock-timeout 99999h --target /t', {}, 'is no time'],
    ['no mode', 'sync', '--chmod rwx --target /t', {}, "--chmod: 'rwx' is no mode"],
    ['a bad glob', 'sync', '--exclude /abs --target /t', {}, '--exclude: bad glob'],
    ['a command for sync', 'sync', '--target /t -- x', {}, 'sync takes no command'],
    ['no command for run', 'run', '--target /t', {}, 'run needs the command'],
    ['nothing behind --', 'run', '--target /t --', {}, 'run needs the command'],
    ['no number', 'run', '--nofile many --target /t -- x', {}, "'many' is no whole number"],
    ['nought', 'run', '--nofile 0 --target /t -- x', {}, 'no whole number above 0'],
    ['another answer', 'run', '--on-failure retry --target /t -- x', {}, 'is none of abort, start'],
    ['a bad variable, by its name', 'sync', '', { VOLSEED_POLICY: 'x', DATA_DIR_PATH: '/d' }, 'VOLSEED_POLICY:'],
  ])('refuse %s, and say what would be right', async (_, command, args, environment, message) => {
    await expect(settled(command, args, environment)).rejects.toThrow(UsageError);
    await expect(settled(command, args, environment)).rejects.toThrow(message);
  });
});

describe('settleLog', () => {
  it('is text of what happens, unless asked for otherwise', () => {
    expect(log('')).toEqual({ format: 'text', level: 'info' });
    expect(log('--log-format json --log-level debug')).toEqual({ format: 'json', level: 'debug' });
    expect(() => log('--log-format xml')).toThrow(UsageError);
    expect(() => log('--log-level loud')).toThrow("'loud' is none of debug, info, warn, error");
  });
});
