// The configuration file, by the program as a user has it: what is wrong in it is told, and what is right is done.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { lacks } from '../support/prerequisites.ts';
import { changesBy, exists, ground, lacksMounts, lines, type Ground, type Literal } from '../support/probe.ts';
import { build, directory, file, scratch, tree } from '../support/tree.ts';
import { runToEnd, volseed, type Options, type Result, program } from '../support/volseed.ts';

interface Configured extends Ground {
  readonly file: string;
}

/** A ground with a configuration file beside seed and volume; `seed` and `volume` in it are those. */
function configured(text: string | Uint8Array, seed?: Literal, volume?: Literal): Configured {
  const on = ground(seed, volume);
  const path = join(on.root, 'volseed.yaml');
  writeFileSync(path, text);
  return { ...on, file: path };
}

function sync({ file: path }: Configured, args: readonly string[] = [], options?: Options): Result {
  return volseed(['sync', '--config', path, ...args], options);
}

/** What it says of a configuration that is none; nothing is touched by it. */
function refusal(on: Configured, args: readonly string[] = [], options?: Options): string[] {
  const { result, changed } = changesBy(on.root, () => sync(on, args, options));
  expect({ code: result.code, stdout: result.stdout, changed }).toEqual({ code: 2, stdout: '', changed: [] });
  return lines(result.stderr);
}

const modeOf = (path: string): string => runToEnd('stat', ['-c', '%a %u:%g', path]).stdout.trim();

describe('a mistake', () => {
  test.each<[what: string, text: string, line: string, way: string]>([
    ['an unknown key', 'target: volume\nsuorce: seed\n', ':2:1: ', "unknown key 'suorce' (did you mean 'source'?)"],
    [
      'an unknown key of a rule',
      'rules:\n- match: a\n  polcy: never\n',
      ':3:3: ',
      "'polcy' in rules[0] (did you mean 'policy'?)",
    ],
    [
      'an unknown key of a seed',
      'seeds:\n- source: seed\n  inot: a\n',
      ':3:3: ',
      "'inot' in seeds[0] (did you mean 'into'?)",
    ],
    ['an unknown key of safety', 'safety:\n  minSeedFile: 1\n', ':2:3: ', "in safety (did you mean 'minSeedFiles'?)"],
    ['a flag for a key', 'log-level: debug\n', ':1:1: ', "did you mean 'logLevel'?"],
    ['a key at the wrong place', 'minSeedFiles: 1\n', ':1:1: ', 'it is a key of safety'],
    [
      'a policy that is none',
      'policy: newest\n',
      ':1:9: ',
      "policy: expected one of newer, missing, merge, always, never, found 'newest' (did you mean 'newer'?)",
    ],
    ['neither true nor false', '\nflush: on\n', ':2:8: ', "flush: expected true or false, found 'on'"],
    ['a time that is none', 'lockTimeout: soon\n', ':1:14: ', 'lockTimeout: expected a time: 500ms, 30s, 10m or 1h'],
    ['a time without end', 'lockTimeout: 99999h\n', ':1', "'99999h' is no time up to 24 days"],
    ['no number', 'keepBackups: many\n', ':1:14: ', 'keepBackups: expected a whole number above 0'],
    [
      'a mode without quotes',
      'rules:\n- match: a\n  mode: 0640\n',
      ':3:9: ',
      'rules[0].mode: expected modes in quotes',
    ],
    ['a user that there is not', 'source: seed\nrules:\n- match: a\n  owner: no-such-user\n', ':3', 'no-such-user'],
    ['a glob that is none', "exclude: ['[']\n", ':1:11: ', "exclude: bad glob '['"],
    ['a glob that is absolute', 'rules:\n- match: /a\n  policy: never\n', ':2:10: ', 'globs are relative'],
    ['a rule without a match', 'rules:\n- policy: never\n', ':2:3: ', 'rules[0] has no match'],
    ['a rule that sets nothing', 'rules:\n- match: a\n', ':2:3: ', 'expected an option besides match'],
    ['a seed without a source', 'seeds:\n- into: a\n', ':2:3: ', 'seeds[0] has no source'],
    ['source and seeds', 'source: seed\nseeds: [{source: seed}]\n', ':1:1: ', 'keep one of them'],
    ['a seed that goes up', 'seeds:\n- source: seed\n  into: ../x\n', ':2', "into: '../x' goes up with '..'"],
    [
      'a variable that is not set',
      'seeds:\n- source: ${NONE}/seed\n',
      ':2:11: ',
      'seeds[0].source: the variable NONE is not set; set it, or write ${NONE:-default}',
    ],
    ['a variable without braces', 'stateDir: $HOME/state\n', ':1:11: ', "stateDir: a '$' that begins no variable"],
    ['a seed that is not there', 'source: no-such-seed\n', ':1', 'no-such-seed'],
    ['a seed in the target', 'seeds:\n- source: seed\n- source: volume/tables\n', ':3', 'lies inside target'],
    ['a seed that holds the target', 'seeds:\n- source: seed\n- source: .\n', ':3', 'lies inside source'],
    ['a key twice', 'policy: newer\npolicy: never\n', ':2:1: ', 'for the second time'],
    ['a tab', 'rules:\n\t- match: a\n', ':2:1: ', 'indented by spaces'],
    ['a bracket that is not closed', 'exclude: [a\npolicy: newer\n', ':2:1: ', 'not closed'],
    ['two documents', 'policy: newer\n---\npolicy: never\n', ':2:1: ', 'one file is one document'],
    ['an alias of nothing', 'exclude: [*.bak]\n', ':1:11: ', "in quotes: '*.bak'"],
    [
      'aliases of aliases',
      [
        'a: &a [x, x, x]',
        ...'bcdefg'.split('').map((name, at) => `${name}: &${name} [${`*${'abcdef'[at]}, `.repeat(9)}]`),
      ].join('\n'),
      ':2:8: ',
      'too many aliases',
    ],
    ['a tag', 'policy: !!binary aGk=\n', ':1', 'policy'],
    ['a list', '- policy: newer\n', ':1:1: ', 'expected a mapping'],
    [
      'a key that would forge a line',
      '"a\\nvolseed: all is well": 1\n',
      ':1:1: ',
      String.raw`unknown key 'a\nvolseed: all is well'`,
    ],
  ])('like %s is told by file, line and way out, and nothing is touched', (_, text, line, way) => {
    const on = configured(text, undefined, { 'tables/x': file() });
    const said = refusal(on, text.includes('target:') ? [] : ['--target', on.volume]);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(`${on.file}${line}`);
    expect(said[0]).toContain(way);
  });

  test('does not hide the others: each has its line', () => {
    const on = configured('polcy: newer\nflush: yes\nrules:\n- match: a\n');
    expect(refusal(on, ['--target', on.volume])).toEqual([
      `volseed: ${on.file}:1:1: unknown key 'polcy' (did you mean 'policy'?)`,
      `volseed: ${on.file}:2:8: flush: expected true or false, found 'yes'`,
      `volseed: ${on.file}:4:3: rules[0]: expected an option besides match, found only match`,
    ]);
  });

  test('is told in JSON where that is asked for, each as an object', () => {
    const on = configured('polcy: newer\nflush: yes\n');
    const { code, stdout } = sync(on, ['--target', on.volume, '--log-format', 'json']);
    expect(code).toBe(2);
    expect(lines(stdout).map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(['error', 'error']);
  });

  test('keeps run from starting the service, whatever --on-failure says', () => {
    const on = configured('polcy: newer\n');
    const { code, stdout } = volseed([
      'run',
      '--config',
      on.file,
      ...on.where,
      '--on-failure',
      'start',
      '--',
      'echo',
      'up',
    ]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test.each(['plan', 'sync', 'explain', 'status', 'verify', 'backup', 'backups', 'restore'])(
    'is one to %s as well',
    (command) => {
      const on = configured('polcy: newer\n');
      expect(volseed([command, '--config', on.file, '--target', on.volume])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(':1:1: '),
      });
    },
  );
});

describe('a file', () => {
  test('that is not there, though it is named, is an error that says who named it', () => {
    const on = configured('');
    const env = { VOLSEED_CONFIG: `${on.root}/none.yaml` };
    expect(volseed(['sync', ...on.where], { env })).toMatchObject({
      code: 2,
      stderr: `volseed: configuration file ${on.root}/none.yaml (VOLSEED_CONFIG) does not exist\n`,
    });
  });

  test('that is a directory, or is not UTF-8, is said to be so', () => {
    const on = configured(Buffer.from('policy: newer\n# caf\xe9\n', 'latin1'));
    expect(refusal(on, on.where)).toEqual([`volseed: ${on.file}:2: not UTF-8 here; save the file as UTF-8`]);
    expect(refusal({ ...on, file: on.root }, on.where)[0]).toContain('is a directory');
  });

  test.skipIf(lacks('root', 'a checkout that other users can read'))('that may not be read is said to be so', () => {
    const on = configured('policy: newer\n');
    chmodSync(on.file, 0o600);
    expect(refusal(on, on.where, { uid: 4999, gid: 4999 })[0]).toContain('permission denied');
  });

  test('that is empty sets nothing', () => {
    const on = configured('# nothing yet\n');
    expect(sync(on, on.where)).toMatchObject({ code: 0, stderr: '' });
    expect(exists(`${on.volume}/tables/t1.csv`)).toBe(true);
  });

  test('gives target, seed and every option, relative to itself, wherever volseed is started', () => {
    const on = configured('target: volume\nsource: seed\nexclude: [global]\nlogFormat: json\n');
    const { code, stdout } = sync(on, [], { cwd: '/' });
    expect(code).toBe(0);
    for (const line of lines(stdout)) expect(() => JSON.parse(line) as unknown).not.toThrow();
    expect([existsSync(`${on.volume}/tables/t1.csv`), existsSync(`${on.volume}/global`)]).toEqual([true, false]);
  });

  test('is beaten by the environment, and that by a flag', () => {
    const on = configured('target: volume\nsource: seed\npolicy: never\n');
    const policyOf = (args: readonly string[], env: Record<string, string>): string =>
      lines(volseed(['explain', '--config', on.file, 'tables', ...args], { env }).stdout)[1] ?? '';
    expect(policyOf([], {})).toBe(`  policy    never (policy of ${on.file}:3)`);
    expect(policyOf([], { VOLSEED_POLICY: 'missing' })).toBe('  policy    missing (VOLSEED_POLICY)');
    expect(policyOf(['--policy', 'always'], { VOLSEED_POLICY: 'missing' })).toBe('  policy    always (--policy)');
  });

  test.skipIf(lacks('root') || lacksMounts())('is read from /etc/volseed/volseed.yaml unless another is named', () => {
    const on = configured('target: volume\nsource: seed\n');
    const place = scratch();
    onTestFinished(() => place[Symbol.dispose]());
    const etc = join(place.path, 'etc');
    mkdirSync(join(etc, 'volseed'), { recursive: true });
    writeFileSync(join(etc, 'volseed/volseed.yaml'), `target: ${on.volume}\nsource: ${on.seed}\nexclude: global\n`);
    const line = [...program, 'sync'];
    // The mount is seen by nobody else, and gone with the process.
    const inside = (...args: readonly string[]): Result =>
      runToEnd('unshare', ['-m', 'sh', '-c', `mount --bind ${etc} /etc && exec "$@"`, 'sh', ...line, ...args]);
    expect(inside('--exclude', 'tables/**')).toMatchObject({ code: 0 });
    expect([existsSync(`${on.volume}/tables/t1.csv`), existsSync(`${on.volume}/global/colors.json`)]).toEqual([
      false,
      true,
    ]);
    expect(inside('--dry-run').stdout).toContain('create     tables/t1.csv');
    expect(inside('--config', '/dev/null')).toMatchObject({ code: 2, stderr: expect.stringContaining('no target') });
  });
});

describe('rules', () => {
  const seed: Literal = {
    'tables/t1': file('image', { mtime: 1000 }),
    'tables/local/t2': file('image', { mtime: 1000 }),
    'secrets/key': file('image', { mtime: 1000 }),
    other: file('image', { mtime: 1000 }),
  };
  const edited: Literal = Object.fromEntries(Object.keys(seed).map((path) => [path, file('edited', { mtime: 2000 })]));
  const text = [
    'target: volume',
    'source: seed',
    'rules:',
    '  - match: tables',
    '    policy: always',
    '  - match: tables/local',
    '    policy: missing',
    "  - match: [secrets, '**/t2']",
    '    mode: D0750,F0640',
    '    owner: 7:8',
    '',
  ].join('\n');

  test.skipIf(lacks('root'))('decide path by path, the last that matches, each option for itself', () => {
    const on = configured(text, seed, edited);
    expect(sync(on)).toMatchObject({ code: 0, stderr: '' });
    const content = (path: string): string => readFileSync(join(on.volume, path), 'utf8');
    expect(Object.keys(seed).map(content)).toEqual(['image', 'edited', 'edited', 'edited']);
    rmAll(on, 'secrets', 'tables/local');
    expect(sync(on)).toMatchObject({ code: 0, stderr: '' });
    expect(['secrets', 'secrets/key', 'tables/local/t2', 'other'].map((path) => modeOf(join(on.volume, path)))).toEqual(
      ['750 7:8', '640 7:8', '640 7:8', '644 0:0'],
    );
    expect(sync(on).stdout).toContain('nothing to copy');
  });

  test('are named by explain where they set the policy', () => {
    const on = configured(text, seed);
    const policyOf = (path: string): string => lines(volseed(['explain', '--config', on.file, path]).stdout)[1] ?? '';
    expect(['tables/t1', 'tables/local/t2', 'secrets/key'].map(policyOf)).toEqual([
      `  policy    always (rules[0] of ${on.file}:4)`,
      `  policy    missing (rules[1] of ${on.file}:6)`,
      '  policy    newer (the default)',
    ]);
    const { policy } = JSON.parse(volseed(['explain', '--config', on.file, '--json', 'tables']).stdout) as {
      policy: unknown;
    };
    expect(policy).toEqual({ value: 'always', by: `rules[0] of ${on.file}:4` });
  });

  test('reach what is below a directory that is never seeded', () => {
    const never =
      'target: volume\nsource: seed\nrules:\n- {match: tables, policy: never}\n- {match: tables/local, policy: newer}\n';
    const on = configured(never, seed);
    expect(sync(on)).toMatchObject({ code: 0, stderr: '' });
    expect([existsSync(`${on.volume}/tables/t1`), existsSync(`${on.volume}/tables/local/t2`)]).toEqual([false, true]);
    expect(volseed(['verify', '--config', on.file])).toMatchObject({ code: 0 });
  });

  test.skipIf(lacks('root'))("are no reset's affair but for mode and owner", () => {
    const on = configured(text, seed, edited);
    expect(volseed(['reset', '--config', on.file, 'secrets', '--yes'])).toMatchObject({ code: 0, stderr: '' });
    const content = (path: string): string => readFileSync(join(on.volume, path), 'utf8');
    expect(Object.keys(seed).map(content)).toEqual(['edited', 'edited', 'image', 'edited']);
    expect(modeOf(`${on.volume}/secrets/key`)).toBe('640 7:8');
  });

  test.skipIf(lacks('root'))('hold beside --policy, which is for the paths that they do not name', () => {
    const on = configured(text, seed, edited);
    expect(sync(on, ['--policy', 'never'])).toMatchObject({ code: 0 });
    const content = (path: string): string => readFileSync(join(on.volume, path), 'utf8');
    expect(Object.keys(seed).map(content)).toEqual(['image', 'edited', 'edited', 'edited']);
  });
});

function rmAll({ volume }: Ground, ...paths: readonly string[]): void {
  runToEnd('rm', ['-r', ...paths.map((path) => join(volume, path))]);
}

describe('several seeds', () => {
  const text = 'target: volume\nseeds:\n- source: seed\n- source: site\n  into: srv/site\n  policy: missing\n';
  const twoSeeds = (volume?: Literal): Configured => {
    const on = configured(text, { common: file('1'), 'srv/x': file('1') }, volume);
    build(join(on.root, 'site'), tree({ '.': directory({ mode: 0o711 }), page: file('2', { mtime: 3000 }) }));
    return on;
  };

  test('go where they are to go, and are all named', () => {
    const on = twoSeeds();
    const { code, stdout, stderr } = sync(on);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(lines(stdout)[0]).toBe(
      `Initiating sync of initial data from '${on.seed}' and '${on.root}/site' (into 'srv/site') to '${on.volume}'.`,
    );
    expect(['common', 'srv/x', 'srv/site/page'].map((path) => existsSync(join(on.volume, path)))).toEqual([
      true,
      true,
      true,
    ]);
    expect(existsSync(`${on.volume}/srv/site/.volseed-manifest`)).toBe(false);
    expect(modeOf(`${on.volume}/srv/site`)).toMatch(/^711 /);
    expect(sync(on).stdout).toContain('nothing to copy');
  });

  test('are each under their own policy where no rule says otherwise', () => {
    const on = twoSeeds({ 'srv/site/page': file('edited', { mtime: 1000 }), common: file('edited', { mtime: 1000 }) });
    expect(sync(on)).toMatchObject({ code: 0 });
    expect(readFileSync(`${on.volume}/srv/site/page`, 'utf8')).toBe('edited');
    expect(readFileSync(`${on.volume}/common`, 'utf8')).toBe('1');
    const explained = volseed(['explain', '--config', on.file, 'srv/site/page']).stdout;
    expect(explained).toContain(`policy    missing (seeds[1] of ${on.file}:4)`);
    writeFileSync(on.file, `${text}rules:\n- {match: '**/page', policy: newer}\n`);
    expect(sync(on)).toMatchObject({ code: 0 });
    expect(readFileSync(`${on.volume}/srv/site/page`, 'utf8')).toBe('2');
  });

  test.skipIf(lacks('root'))('leave a directory above one of them as it is, and make it where it is missing', () => {
    const on = configured(
      'target: volume\nseeds:\n- source: seed\n  into: a/b/c\n',
      { x: file() },
      {
        a: directory({ mode: 0o2700, uid: 7, gid: 8, mtime: 5000 }),
      },
    );
    expect(sync(on)).toMatchObject({ code: 0, stderr: '' });
    expect([modeOf(`${on.volume}/a`), modeOf(`${on.volume}/a/b`).split(' ')[0]]).toEqual(['2700 7:8', '755']);
    chmodSync(`${on.volume}/a/b`, 0o700);
    expect(sync(on).stdout).toContain('nothing to copy');
    expect(modeOf(`${on.volume}/a/b`).split(' ')[0]).toBe('700');
    expect(volseed(['plan', '--config', on.file, '--exit-code'])).toMatchObject({ code: 0 });
  });

  test('make no directory above one of them for nothing', () => {
    const on = configured('target: volume\nseeds:\n- source: seed\n  into: a/b\nexclude: a/b\n', { x: file() });
    expect(sync(on)).toMatchObject({ code: 0 });
    expect(existsSync(`${on.volume}/a`)).toBe(false);
  });

  test('are verified, reset, backed up and restored as one', () => {
    const on = twoSeeds();
    const does = (...args: readonly string[]): Result =>
      volseed([args[0] ?? '', '--config', on.file, ...args.slice(1)]);
    expect(does('sync')).toMatchObject({ code: 0 });
    expect(does('verify')).toMatchObject({ code: 0 });
    writeFileSync(`${on.volume}/srv/site/page`, 'edited');
    expect(does('reset', 'srv/site')).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(`${on.volume}/srv/site/page`, 'utf8')).toBe('2');
    expect(does('restore', '--last')).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(`${on.volume}/srv/site/page`, 'utf8')).toBe('edited');
    expect(does('backup', 'srv')).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(does('status', '--json').stdout)).toMatchObject({
      seeds: [
        { source: on.seed, into: '' },
        { source: `${on.root}/site`, into: 'srv/site' },
      ],
    });
  });

  test('all give way to --source', () => {
    const on = twoSeeds();
    expect(sync(on, ['--source', `${on.root}/site`])).toMatchObject({ code: 0 });
    expect([existsSync(`${on.volume}/page`), existsSync(`${on.volume}/common`)]).toEqual([true, false]);
  });
});

describe('minSeedFiles', () => {
  test.each(['sync', 'plan', 'reset', 'run'])(
    'keeps %s from a seed that has lost its files: 76, and nothing is touched',
    (command) => {
      const on = configured(
        'target: new-volume\nseeds:\n- source: seed\n- source: empty\nsafety:\n  minSeedFiles: 1\n',
      );
      mkdirSync(join(on.root, 'empty'));
      const rest = { sync: [], plan: [], reset: ['--all', '--yes'], run: ['--', 'echo', 'up'] }[command] ?? [];
      const { result, changed } = changesBy(on.root, () => volseed([command, '--config', on.file, ...rest]));
      expect({ ...result, changed }).toEqual({
        code: 76,
        stdout: '',
        stderr: `volseed: source ${on.root}/empty (seeds[1] of ${on.file}:4) has 0 files, and minSeedFiles asks for 1; nothing was touched; is it mounted? --min-seed-files sets another number\n`,
        changed: [],
      });
    },
  );

  test('is overruled by its flag, and an empty seed is then said', () => {
    const on = configured('safety:\n  minSeedFiles: 5\n');
    expect(sync(on, on.where)).toMatchObject({ code: 76, stderr: expect.stringContaining('has 2 files') });
    expect(sync(on, [...on.where, '--min-seed-files', '2'])).toMatchObject({ code: 0, stderr: '' });
    expect(sync(on, on.where, { env: { VOLSEED_MIN_SEED_FILES: '0' } })).toMatchObject({ code: 0, stderr: '' });
    expect(sync(on, [...on.where, '--min-seed-files', 'few'])).toMatchObject({ code: 2 });
  });

  test('is not needed to be told of an empty seed', () => {
    const on = ground({});
    expect(volseed(['sync', ...on.where])).toMatchObject({
      code: 0,
      stderr: `volseed: warning: source ${on.seed} (--source) is empty; is it mounted?\n`,
    });
  });
});
