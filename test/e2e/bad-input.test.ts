// Bad input is one line that says what is wrong, where, and the way out; the code is 2, and nothing is touched.
import { chmodSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lacks } from '../support/prerequisites.ts';
import {
  changesBy,
  type Ground,
  ground,
  lacksMounts,
  lines,
  makeDirectory,
  oneLine,
  plainSeed,
} from '../support/probe.ts';
import { build, directory, file, tree } from '../support/tree.ts';
import { type Options, type Result, runToEnd, volseed, program } from '../support/volseed.ts';

interface Outcome extends Result {
  /** What it did to seed, volume and all beside them. */
  readonly changed: readonly string[];
}

function attempt(on: Ground, args: readonly string[], options?: Options): Outcome {
  return attemptTo(on, () => volseed(args, options));
}

function attemptTo(on: Ground, act: () => Result): Outcome {
  const { result, changed } = changesBy(on.root, act);
  return { ...result, changed };
}

/** One line with all these in it, the code 2, and nothing touched. */
function refusal(...parts: readonly (string | RegExp)[]): Record<keyof Outcome, unknown> {
  return { ...oneLine(2, ...parts), changed: [] };
}

/** A volume with something in it that the seed would change, so that nothing touched means something. */
function worthTouching(): Ground {
  return ground(plainSeed, { 'tables/t1.csv': file('older', { mtime: 1_000_000_000 }), mine: file('mine') });
}

function withoutOption(args: readonly string[], name: string): string[] {
  const at = args.indexOf(name);
  return at < 0 ? [...args] : args.toSpliced(at, 2);
}

/** What no test can give as an argument of its own: a byte that is not UTF-8. */
function withBadByte(on: Ground, script: string, ...args: string[]): Outcome {
  return attemptTo(on, () =>
    runToEnd('sh', ['-c', `bad=$(printf 'caf\\351'); ${script}`, 'sh', ...program, ...args], {
      env: { PATH: process.env['PATH'] ?? '' },
    }),
  );
}

const commands = [
  { command: 'sync', rest: [] },
  { command: 'plan', rest: [] },
  { command: 'run', rest: ['--', 'echo', 'up'] },
];

describe.each(commands)('$command', ({ command, rest }) => {
  test('without a target names --target and DATA_DIR_PATH', () => {
    const on = worthTouching();
    expect(attempt(on, [command, '--source', on.seed, ...rest])).toEqual(refusal('--target', 'DATA_DIR_PATH'));
  });

  test('with an unknown option names the closest that there is', () => {
    const on = worthTouching();
    const args = [command, ...on.where, '--polcy', 'missing', ...rest];
    expect(attempt(on, args)).toEqual(refusal('--polcy', '--policy'));
  });

  test('with a source that is not there names it', () => {
    const on = worthTouching();
    const missing = join(on.root, 'no-such-seed');
    expect(attempt(on, [command, '--source', missing, '--target', on.volume, ...rest])).toEqual(
      refusal(missing, /--source|VOLSEED_SOURCE/),
    );
  });

  test('with a target that is a file names it', () => {
    const on = worthTouching();
    const target = join(on.volume, 'mine');
    expect(attempt(on, [command, '--source', on.seed, '--target', target, ...rest])).toEqual(
      refusal(target, 'directory'),
    );
  });

  test('with a glob that is none names it', () => {
    const on = worthTouching();
    expect(attempt(on, [command, ...on.where, '--include', 'tables/[', ...rest])).toEqual(
      refusal('--include', 'tables/['),
    );
  });
});

describe('a source', () => {
  test('that is a file and no archive is said to be neither', () => {
    const on = worthTouching();
    const source = join(on.seed, 'tables/t1.csv');
    expect(attempt(on, ['sync', '--source', source, '--target', on.volume])).toEqual(refusal(source, /director/));
  });

  test.each(['seed.tar', 'seed.tar.gz', 'seed.tar.zst', 'seed.zip'])(
    'that is %s is refused in words, not misread',
    (name) => {
      const on = worthTouching();
      build(on.root, tree({ [name]: file('no archive either') }));
      const source = join(on.root, name);
      expect(attempt(on, ['sync', '--source', source, '--target', on.volume])).toEqual(refusal(source));
    },
  );

  test('that is a link to nothing names the link', () => {
    const on = worthTouching();
    const source = join(on.root, 'link');
    symlinkSync('nothing', source);
    expect(attempt(on, ['sync', '--source', source, '--target', on.volume])).toEqual(refusal(source));
  });

  test('that is missing by default names the default', () => {
    const on = worthTouching();
    expect(attempt(on, ['sync', '--target', on.volume])).toEqual(refusal('/var/initialdata', '--source'));
  });
});

describe('source and target', () => {
  test.each([
    { what: 'the same directory', source: 'seed', target: 'seed' },
    { what: 'the same directory, written otherwise', source: 'seed', target: '/./volume//../seed/' },
    { what: 'the same directory, by a link', source: 'seed', target: 'link-to-seed' },
    { what: 'a source inside the target', source: 'seed', target: '.' },
    { what: 'a source deep inside the target', source: 'seed/tables', target: '.' },
    { what: 'a target inside the source', source: '.', target: 'volume' },
    { what: 'a source inside the target, by a link', source: 'link-to-seed', target: '.' },
    { what: 'a target inside the source, by a link', source: '.', target: 'link-to-volume' },
    { what: 'a target inside the source, through a link on the way', source: 'seed', target: 'link-to-seed/tables' },
    { what: 'a target that is not there yet, inside the source', source: 'seed', target: 'link-to-seed/tables/new' },
  ])('may not be $what', ({ source, target }) => {
    const on = worthTouching();
    symlinkSync('seed', join(on.root, 'link-to-seed'));
    symlinkSync('volume', join(on.root, 'link-to-volume'));
    const args = ['sync', '--source', `${on.root}/${source}`, '--target', `${on.root}/${target}`];
    expect(attempt(on, args)).toEqual(refusal(on.root, /inside|same|within/));
  });

  test('may have names of which one begins with the other', () => {
    const on = ground();
    const target = makeDirectory(on.root, 'seed-of-something-else');
    expect(volseed(['sync', '--source', on.seed, '--target', target]).code).toBe(0);
  });

  test.skipIf(lacks('root') || lacksMounts()).each([
    { what: 'the same directory', bound: 'seed', source: 'seed', target: 'other' },
    { what: 'a source inside the target', bound: '.', source: 'seed', target: 'other' },
    { what: 'a target inside the source', bound: 'seed', source: 'other', target: 'seed/tables' },
    {
      what: 'a target inside the source, both by other names',
      bound: '.',
      source: 'other/seed',
      target: 'seed/tables',
    },
  ])('may not be $what by a bind mount', ({ bound, source, target }) => {
    const on = worthTouching();
    makeDirectory(on.root, 'other');
    const line = [...program, 'sync', '--source', join(on.root, source), '--target', join(on.root, target)];
    // The mount is seen by nobody else, and gone with the process.
    const preparation = `mount --bind ${bound} other && exec "$@"`;
    const outcome = attemptTo(on, () =>
      runToEnd('unshare', ['-m', 'sh', '-c', preparation, 'sh', ...line], { cwd: on.root }),
    );
    expect(outcome).toEqual(refusal(/inside|same|within/));
  });
});

describe('an option', () => {
  test.each([
    { args: ['--policy', 'newest'], words: ['--policy', 'newest', 'newer', 'missing', 'always', 'never'] },
    { args: ['--policy', ''], words: ['--policy', 'newer'] },
    { args: ['--policy', 'Newer'], words: ['--policy', 'Newer', 'newer'] },
    { args: ['--log-format', 'xml'], words: ['--log-format', 'xml', 'text', 'json'] },
    { args: ['--log-level', 'loud'], words: ['--log-level', 'loud', 'info', 'warn'] },
    { args: ['--chmod', 'rwxrwxrwx'], words: ['--chmod', 'rwxrwxrwx'] },
    { args: ['--chmod', '999'], words: ['--chmod', '999'] },
    { args: ['--chmod', 'u+q'], words: ['--chmod', 'u+q'] },
    { args: ['--chmod', 'D755,F'], words: ['--chmod', 'D755,F'] },
    { args: ['--chmod', ''], words: ['--chmod'] },
    { args: ['--chown', 'no-such-user'], words: ['--chown', 'no-such-user'] },
    { args: ['--chown', 'root:no-such-group'], words: ['--chown', 'no-such-group'] },
    { args: ['--chown', '0:0:0'], words: ['--chown', '0:0'] },
    { args: ['--chown', '-5'], words: ['--chown'] },
    { args: ['--chown', ''], words: ['--chown'] },
    { args: ['--lock-timeout', 'soon'], words: ['--lock-timeout', 'soon'] },
    { args: ['--lock-timeout=-1'], words: ['--lock-timeout', '-1'] },
    { args: ['--lock-timeout', '10 parsecs'], words: ['--lock-timeout', '10 parsecs'] },
    { args: ['--lock-timeout', ''], words: ['--lock-timeout'] },
    { args: ['--lock-timeout', 'Infinity'], words: ['--lock-timeout', 'Infinity'] },
    { args: ['--source', ''], words: ['--source'] },
    { args: ['--target', ''], words: ['--target'] },
    { args: ['--state-dir', ''], words: ['--state-dir'] },
    { args: ['--checksum=perhaps'], words: ['--checksum', 'perhaps'] },
  ])('with a value that is none says what it may be: $args', ({ args, words }) => {
    const on = worthTouching();
    const given = ['--source', '--target'].includes(args[0] ?? '') ? withoutOption(on.where, args[0] ?? '') : on.where;
    expect(attempt(on, ['sync', ...given, ...args])).toEqual(refusal(...words));
  });

  test.each(['[', 'tables/[a', '{a,b', 'a,b}', '{a,{b}', ''])('is a glob, and %j is none', (glob) => {
    for (const name of ['--include', '--exclude']) {
      const on = worthTouching();
      expect(attempt(on, ['sync', ...on.where, name, glob])).toEqual(refusal(name, glob));
    }
  });

  test('is no negation, which would take in all but what it names', () => {
    const on = worthTouching();
    for (const command of ['reset', 'backup'])
      expect(attempt(on, [command, ...on.where, '!tables/t1.csv'])).toEqual(
        refusal(command, '!tables/t1.csv', '--exclude', String.raw`'\!tables/t1.csv'`),
      );
    for (const name of ['--include', '--exclude', '--reset'])
      expect(attempt(on, ['sync', ...on.where, name, '!tables/t1.csv'])).toEqual(refusal(name, '!tables/t1.csv'));
    for (const name of ['VOLSEED_INCLUDE', 'VOLSEED_EXCLUDE', 'VOLSEED_RESET'])
      expect(attempt(on, ['sync', ...on.where], { env: { [name]: 'tables,!tables/t1.csv' } })).toEqual(
        refusal(name, '!tables/t1.csv'),
      );
  });

  test('is no pattern with a byte that is not UTF-8, which would select other names too', () => {
    const on = worthTouching();
    const words = ['caf\ufffd', 'not UTF-8', "'?'"];
    for (const command of ['reset', 'backup'])
      expect(withBadByte(on, `exec "$@" -- "tables/$bad"`, command, ...on.where)).toEqual(refusal(command, ...words));
    for (const name of ['--include', '--exclude', '--reset'])
      expect(withBadByte(on, 'exec "$@" "tables/$bad"', 'sync', ...on.where, name)).toEqual(refusal(name, ...words));
    expect(withBadByte(on, 'VOLSEED_EXCLUDE="$bad" exec "$@"', 'sync', ...on.where)).toEqual(
      refusal('VOLSEED_EXCLUDE', ...words),
    );
  });

  test('is no path with a byte that is not UTF-8, and says so', () => {
    const on = worthTouching();
    expect(withBadByte(on, 'exec "$@" "$bad"', 'explain', ...on.where)).toEqual(refusal('explain', 'not UTF-8'));
    for (const name of ['--source', '--target', '--state-dir', '--backup-dir', '--config']) {
      const others = withoutOption(on.where, name);
      expect(withBadByte(on, `exec "$@" "${on.root}/$bad"`, 'reset', '--all', '--yes', ...others, name)).toEqual(
        refusal(name, 'not UTF-8'),
      );
    }
    const others = withoutOption(on.where, '--source');
    expect(withBadByte(on, 'VOLSEED_SOURCE="/$bad" exec "$@"', 'sync', ...others)).toEqual(
      refusal('VOLSEED_SOURCE', 'not UTF-8'),
    );
  });

  test.each(['/absolute/**', '../outside/**', 'tables/../../x', '/'])(
    'is a glob on a relative path, which %j is not',
    (glob) => {
      const on = worthTouching();
      expect(attempt(on, ['sync', ...on.where, '--include', glob])).toEqual(refusal('--include', glob));
    },
  );

  test.each([
    '--target',
    '--source',
    '--policy',
    '--chmod',
    '--lock-timeout',
    '--state-dir',
    '--log-format',
    '--include',
  ])('%s without its value is named', (name) => {
    const on = worthTouching();
    const others = withoutOption(on.where, name);
    expect(attempt(on, ['sync', ...others, name])).toEqual(refusal(name));
    expect(attempt(on, ['sync', ...others, name, '--dry-run'])).toEqual(refusal(name));
  });

  test.each([
    ['--policy', 'missing', 'always'],
    ['--target', '/one', '/two'],
    ['--source', '/one', '/two'],
    ['--state-dir', '/one', '/two'],
    ['--chmod', 'D755', 'F644'],
    ['--chown', '0', '1'],
    ['--lock-timeout', '1s', '2s'],
    ['--log-format', 'text', 'json'],
    ['--log-level', 'info', 'warn'],
  ])('%s given twice is refused: which of the two was meant?', (name, one, other) => {
    const on = worthTouching();
    expect(attempt(on, ['sync', ...withoutOption(on.where, name), name, one, name, other])).toEqual(refusal(name));
  });

  test.each([
    { args: ['--user', 'root'], named: '--user' },
    { args: ['--supervise'], named: '--supervise' },
    { args: ['--on-failure', 'start'], named: '--on-failure' },
    { args: ['--exit-code'], named: '--exit-code' },
  ])('of another command is no option of this one: sync $args', ({ args, named }) => {
    const on = worthTouching();
    expect(attempt(on, ['sync', ...on.where, ...args])).toEqual(refusal(named));
  });

  test.each([
    { wrong: '--traget', right: '--target' },
    { wrong: '--dryrun', right: '--dry-run' },
    { wrong: '--exlude', right: '--exclude' },
    { wrong: '--logformat', right: '--log-format' },
    { wrong: '--dryRun', right: '--dry-run' },
  ])('$wrong is answered with $right', ({ wrong, right }) => {
    const on = worthTouching();
    expect(attempt(on, ['sync', ...on.where, `${wrong}=x`])).toEqual(refusal(wrong, right));
  });

  test.each([
    ['--user', 'no-such-user'],
    ['--user', ''],
    ['--grace', 'long'],
    ['--nofile', 'many'],
    ['--nofile', '1.5'],
    ['--on-failure', 'maybe'],
  ])('of run with a value that is none is named: %s %j', (name, value) => {
    const on = worthTouching();
    expect(attempt(on, ['run', ...on.where, name, value, '--', 'echo', 'up'])).toEqual(refusal(name, value));
  });

  test('that nobody knows is named with the way to those that there are', () => {
    const on = worthTouching();
    expect(attempt(on, ['sync', ...on.where, '--xyzzy'])).toEqual(refusal('--xyzzy', '--help'));
  });

  test('of one letter that nobody knows is named', () => {
    const on = worthTouching();
    expect(attempt(on, ['sync', ...on.where, '-z'])).toEqual(refusal('-z'));
  });

  test('is said in one line, whatever lines are in its value', () => {
    const on = worthTouching();
    const { stderr } = attempt(on, ['sync', ...on.where, '--policy', 'new\ner\u001B[2Jvolseed: all is well']);
    expect(lines(stderr)).toHaveLength(1);
    expect(stderr).not.toContain('\u001B');
  });
});

describe('a command', () => {
  test.each([
    { wrong: 'snyc', right: 'sync' },
    { wrong: 'rnu', right: 'run' },
    { wrong: 'plna', right: 'plan' },
    { wrong: 'Sync', right: 'sync' },
  ])('$wrong is answered with $right', ({ wrong, right }) => {
    const on = worthTouching();
    expect(attempt(on, [wrong, ...on.where])).toEqual(refusal(wrong, right));
  });

  test('that is none is named with those that there are', () => {
    const on = worthTouching();
    expect(attempt(on, ['frobnicate', ...on.where])).toEqual(refusal('frobnicate', 'run', 'sync', 'plan'));
  });

  test('that is missing is asked for', () => {
    const on = worthTouching();
    expect(attempt(on, [])).toEqual(refusal('run', 'sync', 'plan'));
    expect(attempt(on, on.where)).toEqual(refusal('run', 'sync', 'plan'));
  });

  test('to become needs a -- before it, and the answer says so', () => {
    const on = worthTouching();
    expect(attempt(on, ['run', ...on.where, 'server', '--port', '80'])).toEqual(refusal(/ -- /));
  });

  test('gets no argument that it has no use for', () => {
    const on = worthTouching();
    expect(attempt(on, ['sync', ...on.where, 'tables/t1.csv'])).toEqual(refusal('tables/t1.csv'));
    expect(attempt(on, ['sync', ...on.where, '--', 'server'])).toEqual(refusal('--'));
    expect(attempt(on, ['plan', ...on.where, 'server', '--port', '80'])).toEqual(refusal(/server|--port/));
  });
});

describe('the environment', () => {
  const kubernetes = {
    VOLSEED_SERVICE_HOST: '10.0.0.1',
    VOLSEED_SERVICE_PORT: '80',
    VOLSEED_SERVICE_PORT_HTTP: '80',
    VOLSEED_PORT: 'tcp://10.0.0.1:80',
    VOLSEED_PORT_80_TCP: 'tcp://10.0.0.1:80',
    VOLSEED_PORT_80_TCP_ADDR: '10.0.0.1',
    VOLSEED_POLCY: 'a typing error is a name like any other here',
    VOLSEED_: 'nothing',
    VOLSEED: 'nothing',
    volseed_policy: 'x',
  };

  test('may have any name that is no option, as Kubernetes sets them for a Service named volseed', () => {
    const on = ground();
    const { code, stderr } = volseed(['sync', ...on.where], { env: kubernetes });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test.each([
    ['VOLSEED_POLICY', 'x', 'newer'],
    ['VOLSEED_LOG_FORMAT', 'xml', 'json'],
    ['VOLSEED_LOG_LEVEL', 'loud', 'info'],
    ['VOLSEED_CHMOD', 'rwx', 'rwx'],
    ['VOLSEED_CHOWN', 'no-such-user', 'no-such-user'],
    ['VOLSEED_LOCK_TIMEOUT', 'soon', 'soon'],
    ['VOLSEED_CHECKSUM', 'perhaps', 'perhaps'],
    ['VOLSEED_INCLUDE', 'tables/[', 'tables/['],
    ['VOLSEED_EXCLUDE', '{a', '{a'],
    ['VOLSEED_SOURCE', '/no/such/seed', '/no/such/seed'],
  ])('with a bad value in %s is told by that name', (name, value, word) => {
    const on = worthTouching();
    const where = name === 'VOLSEED_SOURCE' ? ['--target', on.volume] : on.where;
    expect(attempt(on, ['sync', ...where], { env: { [name]: value } })).toEqual(refusal(name, word));
  });

  test.each([
    ['VOLSEED_USER', 'no-such-user'],
    ['VOLSEED_GRACE', 'long'],
    ['VOLSEED_ON_FAILURE', 'maybe'],
    ['VOLSEED_NOFILE', 'many'],
  ])('with a bad value in %s is told by that name where the command has such an option', (name, value) => {
    const on = worthTouching();
    const env = { [name]: value };
    expect(attempt(on, ['run', ...on.where, '--', 'echo', 'up'], { env })).toEqual(refusal(name, value));
  });

  test('with a target that is a file is told by the name of the variable', () => {
    const on = worthTouching();
    const target = join(on.volume, 'mine');
    for (const name of ['VOLSEED_TARGET', 'DATA_DIR_PATH']) {
      expect(attempt(on, ['sync', '--source', on.seed], { env: { [name]: target } })).toEqual(refusal(name, target));
    }
  });

  test('is beaten by a flag, whatever is in it', () => {
    const on = ground();
    const env = {
      VOLSEED_POLICY: 'never',
      VOLSEED_SOURCE: '/no/such/seed',
      VOLSEED_TARGET: '/no/such/volume',
      VOLSEED_LOG_FORMAT: 'json',
    };
    const { code, stdout } = volseed(['sync', ...on.where, '--policy', 'newer', '--log-format', 'text'], { env });
    expect(code).toBe(0);
    expect(lines(stdout)).toContain('tables/t1.csv');
  });

  test('is beaten by a flag that says no, too', () => {
    const on = ground();
    const { changed } = attempt(on, ['sync', ...on.where, '--no-dry-run'], { env: { VOLSEED_DRY_RUN: 'true' } });
    expect(changed).not.toEqual([]);
  });

  test('is beaten by a flag also where it is bad', () => {
    const on = ground();
    const { code } = volseed(['sync', ...on.where, '--policy', 'newer'], { env: { VOLSEED_POLICY: 'x' } });
    expect(code).toBe(0);
  });

  test('gives every option: VOLSEED_TARGET comes before DATA_DIR_PATH', () => {
    const on = ground();
    const env = {
      VOLSEED_SOURCE: on.seed,
      VOLSEED_TARGET: on.volume,
      DATA_DIR_PATH: '/no/such/volume',
      VOLSEED_POLICY: 'missing',
      VOLSEED_DRY_RUN: 'false',
      VOLSEED_CHECKSUM: 'true',
      VOLSEED_LOG_FORMAT: 'json',
      VOLSEED_LOCK_TIMEOUT: '0',
    };
    const { code, stdout } = volseed(['sync'], { env });
    expect(code).toBe(0);
    for (const line of lines(stdout)) expect(() => JSON.parse(line) as unknown).not.toThrow();
  });

  test('with an empty value is as without it', () => {
    const on = ground();
    const env = {
      VOLSEED_POLICY: '',
      VOLSEED_INCLUDE: '',
      VOLSEED_LOG_FORMAT: '',
      VOLSEED_CHMOD: '',
      VOLSEED_LOCK_TIMEOUT: '',
    };
    expect(volseed(['sync', ...on.where], { env })).toMatchObject({ code: 0, stderr: '' });
  });

  test('gives the target by DATA_DIR_PATH alone', () => {
    const on = ground();
    expect(volseed(['sync', '--source', on.seed], { env: { DATA_DIR_PATH: on.volume } }).code).toBe(0);
  });

  test('with DATA_DIR_PATH empty is as without it', () => {
    const on = worthTouching();
    const options = { env: { DATA_DIR_PATH: '' } };
    expect(attempt(on, ['sync', '--source', on.seed], options)).toEqual(refusal('DATA_DIR_PATH'));
  });

  test('says no to a dry run of the environment in words that are neither yes nor no', () => {
    const on = worthTouching();
    expect(attempt(on, ['sync', ...on.where], { env: { VOLSEED_DRY_RUN: 'maybe' } })).toEqual(
      refusal('VOLSEED_DRY_RUN', 'maybe'),
    );
  });
});

describe('a volume that cannot be written to', () => {
  test.skipIf(lacks('root', 'a checkout that other users can read'))(
    'is an error in one line that names the uid and the way out',
    () => {
      const on = ground(plainSeed, { '.': directory({ mode: 0o755 }) });
      const { result, changed } = changesBy(on.root, () => volseed(['sync', ...on.where], { uid: 4999, gid: 4999 }));
      expect(result.code).toBe(23);
      expect(changed).toEqual([]);
      expect(lines(result.stderr)).toEqual([expect.stringMatching(/4999/)]);
      expect(result.stderr).toContain(on.volume);
    },
  );
});

describe('a state or backup directory that holds data', () => {
  test.each([
    ['--state-dir', 'sync', 'volume'],
    ['--state-dir', 'sync', '.'],
    ['--state-dir', 'plan', 'seed'],
    ['--state-dir', 'status', 'volume'],
    ['--backup-dir', 'reset', 'volume'],
    ['--backup-dir', 'backups', '.'],
  ])('%s of %s is refused where it is %s, which stays open to whom it was', (flag, command, at) => {
    const on = ground();
    const place = join(on.root, at);
    chmodSync(place, 0o755);
    const where = command === 'backups' || command === 'status' ? ['--target', on.volume] : on.where;
    const { code, stderr } = volseed([
      command,
      ...where,
      flag,
      place,
      ...(command === 'reset' ? ['--all', '--yes'] : []),
    ]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('name a directory of its own')]);
    expect(statSync(place).mode & 0o7777).toBe(0o755);
    expect(readdirSync(on.volume)).toEqual([]);
  });
});
