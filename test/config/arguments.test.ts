import { describe, expect, it } from 'vitest';
import { isCommand, readArguments, splitList, unknownCommand, type Arguments } from '../../src/config/arguments.ts';
import { UsageError } from '../../src/core/errors.ts';

const read = (line: string, environment: Record<string, string> = {}): Arguments => {
  const [command = '', ...args] = line.split(' ');
  if (!isCommand(command)) throw new Error('no command');
  return readArguments(command, args, environment);
};

const values = ({ given }: Arguments): Record<string, readonly string[]> =>
  Object.fromEntries([...given].map(([name, found]) => [name, found.values]));

describe('flags', () => {
  it.each<[line: string, given: Record<string, string[]>]>([
    ['sync --source=/a --target /b', { source: ['/a'], target: ['/b'] }],
    ['sync --exclude a --exclude=b,c', { exclude: ['a', 'b,c'] }],
    ['sync --checksum', { checksum: ['true'] }],
    ['sync --checksum=no', { checksum: ['no'] }],
    ['sync --no-checksum', { checksum: ['false'] }],
    ['sync --no-flush', { flush: ['false'] }],
    ['sync --source=', { source: [''] }],
    ['sync --exclude=-x', { exclude: ['-x'] }],
    ['plan --exit-code', { 'exit-code': ['true'] }],
    ['sync', {}],
  ])('%s', (line, given) => {
    expect(values(read(line))).toEqual(given);
  });

  it('leave what stands behind -- alone, whatever it looks like', () => {
    const { given, rest } = read('run --source /a -- server --source /b -- --help');
    expect(given.get('source')?.values).toEqual(['/a']);
    expect(rest).toEqual(['server', '--source', '/b', '--', '--help']);
  });

  it.each(['sync --help', 'sync -h', 'run --help -- x'])('ask for help: %s', (line) => {
    expect(read(line).help).toBe(true);
  });

  it.each([
    ['sync --soruce /a', 'unknown option --soruce (did you mean --source?)'],
    ['sync --frobnicate', 'unknown option --frobnicate; see volseed sync --help'],
    ['sync -x', 'unknown option -x'],
    ['sync -source', 'unknown option'],
    ['sync --__proto__', 'unknown option --__proto__'],
    ['sync --constructor=1', 'unknown option --constructor'],
    ['sync --toString', 'unknown option --toString'],
    ['sync --user 1', '--user is an option of run, not of sync'],
    ['run --exit-code -- x', '--exit-code is an option of plan, not of run'],
    ['sync --source', '--source needs a value: --source=DIR'],
    ['sync --source --target /b', '--source needs a value'],
    ['sync --source /a --source /b', '--source is given twice'],
    ['sync --checksum --no-checksum', '--checksum is given twice'],
    ['sync --no-checksum=true', '--no-checksum takes no value'],
    ['sync --no-source', 'unknown option --no-source'],
    ['sync --no-no-checksum', 'unknown option --no-no-checksum'],
    ['sync all', "unexpected argument 'all'; see volseed sync --help"],
    ['run server', 'put -- before the command: volseed run [options] -- COMMAND [ARG...]'],
    ['run --source /a server -- x', "unexpected argument 'server'"],
  ])('%s is wrong, and the message says how', (line, message) => {
    expect(() => read(line)).toThrow(UsageError);
    expect(() => read(line)).toThrow(message);
  });

  it('are shown in messages on one line', () => {
    expect(() => readArguments('sync', ['a\nvolseed: done'], {})).toThrow(String.raw`'a\nvolseed: done'`);
    expect(() => readArguments('sync', ['--x\u001b[2J'], {})).toThrow(String.raw`--x\x1b[2J`);
  });
});

describe('the environment', () => {
  it('gives what no flag gives, and is named for it', () => {
    const environment = { VOLSEED_SOURCE: '/env', VOLSEED_TARGET: '/data', VOLSEED_LOCK_TIMEOUT: '5s' };
    const { given } = read('sync --source /flag', environment);
    expect([...given]).toEqual([
      ['source', { values: ['/flag'], by: '--source' }],
      ['target', { values: ['/data'], by: 'VOLSEED_TARGET' }],
      ['lock-timeout', { values: ['5s'], by: 'VOLSEED_LOCK_TIMEOUT' }],
    ]);
  });

  it('is read for the names of known options of the command, and for no other', () => {
    const environment = {
      VOLSEED_PORT: 'tcp://10.0.0.1:80',
      VOLSEED_SERVICE_HOST: 'x',
      VOLSEED_USER: '1',
      VOLSEED_HELP: '1',
    };
    expect(read('sync', environment)).toMatchObject({ given: new Map(), help: false });
    expect(values(read('run -- x', environment))).toEqual({ user: ['1'] });
  });

  it('sets nothing by an empty variable', () => {
    expect(values(read('sync', { VOLSEED_SOURCE: '', VOLSEED_CHECKSUM: '' }))).toEqual({});
  });

  it('gives lists, which a flag replaces as a whole', () => {
    expect(values(read('sync', { VOLSEED_EXCLUDE: 'a,{b,c}\nd' }))).toEqual({ exclude: ['a', '{b,c}', 'd'] });
    expect(values(read('sync --exclude x', { VOLSEED_EXCLUDE: 'a,b' }))).toEqual({ exclude: ['x'] });
  });
});

describe('splitList', () => {
  it.each([
    ['', []],
    ['a', ['a']],
    [' a , b ', ['a', 'b']],
    ['a\nb\n', ['a', 'b']],
    ['a,,b', ['a', 'b']],
    ['{a,b},c', ['{a,b}', 'c']],
    ['{a,{b,c}},d', ['{a,{b,c}}', 'd']],
    ['a},b', ['a}', 'b']],
  ])('%j', (text, items) => {
    expect(splitList(text)).toEqual(items);
  });
});

describe('commands', () => {
  it('are those that there are', () => {
    const known = [
      'run',
      'sync',
      'plan',
      'reset',
      'backup',
      'backups',
      'restore',
      'verify',
      'merge',
      '',
      'constructor',
      '__proto__',
      'Sync',
    ].filter(isCommand);
    expect(known).toEqual(['run', 'sync', 'plan', 'reset', 'backup', 'backups', 'restore', 'verify']);
  });

  it('that are mistyped are corrected, those that are not are listed', () => {
    expect(unknownCommand('snyc').message).toContain("did you mean 'sync'?");
    expect(unknownCommand('delete').message).toMatch(/^unknown command 'delete'; known are run, sync, plan/);
    expect(unknownCommand('a\nb').message).not.toContain('\n');
  });
});
