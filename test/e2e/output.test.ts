// What volseed says: the lines that operators know from the rsync entrypoint, and nothing that can pretend to be one.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { changesBy, exists, type Ground, ground, lines, unlikeSeed } from '../support/probe.ts';
import { build, directory, fifo, file, symlink, tree } from '../support/tree.ts';
import { type Result, runToEnd, volseed, program } from '../support/volseed.ts';

function sync(on: Ground, ...options: readonly string[]): Result {
  return volseed(['sync', ...on.where, ...options]);
}

const opening = ({ seed, volume }: Ground): string[] => [
  `Initiating sync of initial data from '${seed}' to '${volume}'.`,
  'This operation will sync directories and their contents recursively.',
  'Files will be updated only if the source is newer (preserves manual changes).',
];
const success = 'Initial data sync operation completed successfully.';

/** The lines between the opening and the closing ones; directories, which rsync lists with a slash, aside. */
function items({ stdout }: Result): string[] {
  return lines(stdout)
    .slice(3, -2)
    .filter((line) => !line.endsWith('/'));
}

const withoutSeconds = (result: Result, { root }: Ground): string =>
  result.stdout.replaceAll(root, 'ROOT').replace(/[\d.]+ s\.$/m, '');

const totals = ({ stdout }: Result): string => lines(stdout).at(-1) ?? '';

describe('the text', () => {
  const seed = {
    'tables/t1.csv': file('1'),
    'tables/t2.csv': file('2'),
    'global/colors.json': file('{}'),
    'global/.hidden': file('h'),
    empty: directory(),
  };

  test('of a first run is what operators know, line for line, and a line of totals', () => {
    const on = ground(seed);
    const result = sync(on);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(lines(result.stdout).slice(0, 3)).toEqual(opening(on));
    expect(items(result)).toEqual(['global/.hidden', 'global/colors.json', 'tables/t1.csv', 'tables/t2.csv']);
    expect(lines(result.stdout).at(-2)).toBe(success);
    expect(totals(result)).toMatch(/^Totals: [1-9]\d* created, 0 updated, .*\b5 bytes, [\d.]+ s\.$/);
  });

  test('of a run that copies nothing lists nothing and says so', () => {
    const on = ground(seed);
    sync(on);
    const result = sync(on);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(lines(result.stdout).slice(0, -1)).toEqual([...opening(on), success]);
    expect(totals(result)).toMatch(/nothing to copy/);
    expect(totals(result)).toMatch(/\b0 bytes\b/);
  });

  test('of a run with one later file lists that file', () => {
    const on = ground(seed);
    sync(on);
    writeFileSync(join(on.seed, 'tables/t2.csv'), 'two');
    const result = sync(on);
    expect(lines(result.stdout).slice(0, -1)).toEqual([...opening(on), 'tables/t2.csv', success]);
    expect(totals(result)).toMatch(/\b0 created, 1 updated\b.*\b3 bytes\b/);
  });

  test('of a run that keeps what is newer counts it, and does not list it', () => {
    const on = ground(seed, { 'tables/t1.csv': file('mine', { mtime: 1_600_000_000 }) });
    const result = sync(on);
    expect(items(result)).not.toContain('tables/t1.csv');
    expect(totals(result)).toMatch(/\b1 kept\b/);
  });

  test('lists links', () => {
    const on = ground({ link: symlink('tables'), 'tables/t1.csv': file('1') });
    expect(items(sync(on)).map((line) => line.replace(/ -> .*/, ''))).toEqual(['link', 'tables/t1.csv']);
  });

  test('of a run with trouble names the path and does not say that it went well', () => {
    const on = ground({ 'a/file': file('seed'), other: file('other') }, { 'a/file/mine': file('mine') });
    const result = sync(on);
    expect(result.code).toBe(23);
    expect(result.stderr).toContain('a/file');
    expect(result.stdout + result.stderr).not.toContain(success);
    expect(items(result).join('\n') + result.stdout).toContain('other');
  });

  test('names source and target as they were given', () => {
    const on = ground(seed);
    const result = volseed(['sync', '--source', 'seed/', '--target', './volume'], { cwd: on.root });
    expect(lines(result.stdout)[0]).toMatch(/^Initiating sync of initial data from '.*seed\/?' to '.*volume'\.$/);
    expect(unlikeSeed(on)).toEqual([]);
  });

  test('of run is that of sync', () => {
    const one = ground(seed);
    const other = ground(seed);
    expect(withoutSeconds(volseed(['run', ...other.where, '--', 'true']), other)).toBe(withoutSeconds(sync(one), one));
  });
});

describe('--log-format json', () => {
  const seed = { 'tables/t1.csv': file('1'), pipe: fifo(), 'new\nline': file('2'), '\xff\xfe': file('3') };

  test('makes every line an object with level, time and msg, warnings and errors too', () => {
    const on = ground(seed, { 'tables/t1.csv/mine': file('mine') });
    const { code, stdout, stderr } = sync(on, '--log-format', 'json');
    expect(code).toBe(23);
    const objects = [...lines(stdout), ...lines(stderr)].map((line) => JSON.parse(line) as unknown);
    expect(objects.length).toBeGreaterThan(3);
    for (const line of objects) {
      expect(line).toMatchObject({ level: expect.anything(), time: expect.anything(), msg: expect.any(String) });
    }
  });

  test('says what the text says', () => {
    const on = ground({ 'tables/t1.csv': file('1') });
    const { stdout } = sync(on, '--log-format', 'json');
    for (const word of [on.seed, on.volume, 'tables/t1.csv', success]) expect(stdout).toContain(word);
  });

  test('is that of bad input too', () => {
    const on = ground({ 'tables/t1.csv': file('1') });
    const { code, stdout, stderr } = sync(on, '--log-format', 'json', '--policy', 'x');
    expect(code).toBe(2);
    const objects = lines(stdout + stderr).map((line) => JSON.parse(line) as unknown);
    expect(objects).toEqual([expect.objectContaining({ msg: expect.stringContaining('--policy') })]);
  });
});

describe('--log-level', () => {
  const seed = { 'tables/t1.csv': file('1'), pipe: fifo() };

  test('error leaves out all that went well, and warnings', () => {
    expect(sync(ground(seed), '--log-level', 'error')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('warn leaves warnings', () => {
    const { code, stdout, stderr } = sync(ground(seed), '--log-level', 'warn');
    expect(code).toBe(0);
    expect(lines(stdout + stderr)).toEqual([expect.stringContaining('pipe')]);
  });

  test('debug says more than info, and all that info says', () => {
    const [one, other] = [ground(seed), ground(seed)];
    const info = lines(sync(one).stdout.replaceAll(one.root, 'ROOT')).slice(0, -1);
    const debug = lines(sync(other, '--log-level', 'debug').stdout.replaceAll(other.root, 'ROOT'));
    expect(debug).toEqual(expect.arrayContaining(info));
  });

  test('holds for json as for text', () => {
    const { stdout, stderr } = sync(ground(seed), '--log-level', 'warn', '--log-format', 'json');
    expect(lines(stdout + stderr)).toHaveLength(1);
  });

  test('error still names what could not be seeded', () => {
    const on = ground({ 'a/file': file('seed') }, { 'a/file/mine': file('mine') });
    const { code, stderr } = sync(on, '--log-level', 'error');
    expect(code).toBe(23);
    expect(stderr).toContain('a/file');
  });
});

/** Everything that is said, a character for each byte: nothing may be lost in decoding. */
function said(on: Ground, ...options: readonly string[]): string {
  const log = join(on.root, 'log');
  runToEnd('sh', ['-c', 'exec "$@" >"$0" 2>&1', log, ...program, 'sync', ...on.where, ...options]);
  return readFileSync(log, 'latin1');
}

/** How a file of that name is itemised. */
const shown = (name: string): string | undefined => lines(said(ground({ [name]: file('1') })))[3];

describe('a name that is up to no good', () => {
  const forged = `x\n${success}\nTotals: all is well.`;
  const names: Readonly<Record<string, string>> = {
    'a line feed': forged,
    'a carriage return': `x\r${success}`,
    'an escape': 'x\x1b[2J\x1b[31mred',
    'a bell and a backspace': 'x\x07\x08\x08',
    'a delete': 'x\x7f',
    // As UTF-8: CSI in one character, which some terminals obey.
    'a C1 control': 'x\xc2\x9b2J',
    'a line separator': `x\xe2\x80\xa8${success}`,
    'a change of writing direction': 'x\xe2\x80\xaevsc.exe',
  };

  test.each(Object.keys(names))('with %s in it is shown escaped, in one line', (what) => {
    const name = names[what] ?? '';
    const on = ground({ [name]: file('1'), plain: file('2') });
    const text = said(on);
    // Only line feeds are left of what is not printable, and each ends one of volseed's own lines.
    expect(text.replaceAll('\n', '')).not.toMatch(/[^\x20-\x7e]/);
    expect(lines(text)).toHaveLength(3 + 2 + 2);
    expect(lines(text).filter((line) => line === success)).toHaveLength(1);
    expect(unlikeSeed(on)).toEqual([]);
  });

  test('because it is no UTF-8 is shown by its bytes, and two such names are two', () => {
    const on = ground({ 'a\xff': file('1'), 'a\xfe': file('2') });
    const text = said(on);
    expect(text).not.toMatch(/[^\x20-\x7e\n]/);
    expect(lines(text).slice(3, 5)).toEqual([
      expect.stringMatching(/^a.*(?:fe|376)/i),
      expect.stringMatching(/^a.*(?:ff|377)/i),
    ]);
    expect(unlikeSeed(on)).toEqual([]);
  });

  test('is not mistaken for one that only looks like its escaped form', () => {
    expect(shown('a\nb')).not.toBe(shown('a\\nb'));
    expect(shown('a\xff')).not.toBe(shown('a\\xff'));
  });

  test('is shown as it is where it is only foreign', () => {
    const name = 'größe ☃ 𝄞.csv';
    const on = ground({ [Buffer.from(name).toString('latin1')]: file('1') });
    expect(lines(sync(on).stdout)).toContain(name);
  });

  test.each(['text', 'json'])('cannot forge a line in %s as a source, a target or a warning either', (format) => {
    const on = ground({ 'sub/plain': file('1'), [`pipe${forged}`]: fifo() });
    const target = join(on.root, `volume\n${success}`);
    build(target, tree({}));
    const { stdout, stderr, code } = volseed(['sync', '--source', on.seed, '--target', target, '--log-format', format]);
    expect(code).toBe(0);
    expect(lines(stdout + stderr).filter((line) => line === success)).toHaveLength(format === 'text' ? 1 : 0);
    expect(stdout + stderr).toMatch(/pipe/);
  });

  test('is JSON in json, and valid UTF-8 whatever its bytes', () => {
    const on = ground({ [forged]: file('1'), '\xff\xfe\x1b': file('2'), 'x\x7f': file('3') });
    const bytes = Buffer.from(said(on, '--log-format', 'json'), 'latin1');
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    for (const line of lines(text)) expect(JSON.parse(line)).toHaveProperty('msg');
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });

  test('is shown escaped in an error as well', () => {
    const on = ground({ [`a/${forged}`]: file('seed') }, { [`a/${forged}/mine`]: file('mine') });
    const { code, stderr, stdout } = sync(on);
    expect(code).toBe(23);
    expect(stdout + stderr).not.toMatch(new RegExp(`^${success}$`, 'm'));
  });
});

describe('a dry run', () => {
  const seed = { 'tables/t1.csv': file('1'), 'tables/t2.csv': file('2'), link: symlink('tables'), pipe: fifo() };
  const volume = { 'tables/t2.csv': file('older', { mtime: 1_000_000_000 }) };

  test('says what plan says, and neither touches anything', () => {
    const on = ground(seed, volume);
    const plan = changesBy(on.root, () => volseed(['plan', ...on.where]));
    const dry = changesBy(on.root, () => sync(on, '--dry-run'));
    expect(dry.result).toEqual(plan.result);
    expect([plan.result.code, plan.changed, dry.changed]).toEqual([0, [], []]);
    expect(exists(join(on.volume, '.volseed'))).toBe(false);
  });

  test('lists what sync then does', () => {
    const on = ground(seed, volume);
    const planned = volseed(['plan', ...on.where]).stdout;
    const done = items(sync(on));
    expect(done.length).toBeGreaterThan(0);
    for (const item of done) expect(planned).toContain(item.replace(/ -> .*/, ''));
  });

  test('of run touches nothing and starts nothing', () => {
    const on = ground(seed, volume);
    const begun = join(on.root, 'begun');
    const args = ['run', ...on.where, '--dry-run', '--', 'touch', begun];
    const { result, changed } = changesBy(on.root, () => volseed(args));
    expect([result.code, changed]).toEqual([0, []]);
  });

  test('by the environment is one too', () => {
    const on = ground(seed, volume);
    const { result, changed } = changesBy(on.root, () =>
      volseed(['sync', ...on.where], { env: { VOLSEED_DRY_RUN: 'true' } }),
    );
    expect([result.code, changed]).toEqual([0, []]);
  });

  test('works on a volume that has been seeded before, without a trace', () => {
    const on = ground(seed, volume);
    sync(on);
    const { result, changed } = changesBy(on.root, () => volseed(['plan', ...on.where]));
    expect([result.code, changed]).toEqual([0, []]);
  });
});

describe('plan --exit-code', () => {
  const seed = { 'tables/t1.csv': file('1') };

  test('is 3 where there is something to do, 0 where there is nothing; plan alone is 0', () => {
    const on = ground(seed);
    expect(volseed(['plan', ...on.where, '--exit-code']).code).toBe(3);
    expect(volseed(['plan', ...on.where]).code).toBe(0);
    sync(on);
    expect(volseed(['plan', ...on.where, '--exit-code']).code).toBe(0);
  });

  test('is 0 where all that differs is kept', () => {
    const on = ground(seed, { 'tables/t1.csv': file('mine', { mtime: 1_600_000_000 }), tables: directory() });
    expect(volseed(['plan', ...on.where, '--exit-code']).code).toBe(0);
  });

  test('is 3 where only a mode is to be corrected', () => {
    const on = ground(seed, { 'tables/t1.csv': file('1', { mode: 0o600 }), tables: directory() });
    expect(volseed(['plan', ...on.where, '--exit-code']).code).toBe(3);
  });
});

describe('help', () => {
  const shared = {
    '--source': '/var/initialdata',
    '--target': 'DATA_DIR_PATH',
    '--policy': 'newer',
    '--include': '',
    '--exclude': '',
    '--checksum': '',
    '--chown': '',
    '--chmod': '',
    '--root-attrs': '',
    '--log-format': 'text',
    '--log-level': 'info',
  };
  const options: Readonly<Record<string, Record<string, string>>> = {
    sync: { ...shared, '--dry-run': '', '--lock-timeout': '10m', '--state-dir': '.volseed' },
    run: {
      ...shared,
      '--dry-run': '',
      '--lock-timeout': '10m',
      '--state-dir': '.volseed',
      '--user': '',
      '--nofile': 'hard limit',
      '--supervise': '',
      '--grace': '30s',
      '--on-failure': 'abort',
    },
    plan: { ...shared, '--exit-code': '' },
  };

  test('lists the commands, and how to go on', () => {
    const { code, stdout, stderr } = volseed(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const word of ['run', 'sync', 'plan', '--help']) expect(stdout).toContain(word);
  });

  test.each(Object.keys(options))('of %s lists every option with what it is by default', (command) => {
    const { code, stdout, stderr } = volseed([command, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const [name, byDefault] of Object.entries(options[command] ?? {})) {
      const [, about = ''] = stdout.split(new RegExp(`^ +${name}\\b`, 'm'));
      const [own = ''] = about.split(/^ +--/m);
      expect([name, own]).toEqual([name, expect.stringMatching(new RegExp(`default:.*${byDefault}`))]);
    }
  });

  test.each([[], ['run'], ['sync'], ['plan']])('fits into 120 columns: %s', (...command) => {
    const { stdout } = volseed([...command, '--help']);
    expect(lines(stdout).filter((line) => line.length > 120)).toEqual([]);
  });

  test('is the same whatever the terminal, and before anything that is wrong', () => {
    const { stdout } = volseed(['sync', '--help']);
    expect(
      volseed(['sync', '--help'], { env: { COLUMNS: '40', LANG: 'de_DE.UTF-8', LC_ALL: 'de_DE.UTF-8' } }).stdout,
    ).toBe(stdout);
    expect(volseed(['sync', '--source', '/no/such/seed', '--help'])).toEqual({ code: 0, stdout, stderr: '' });
  });

  test("of the service is the service's own", () => {
    const on = ground({ file: file('1') });
    const { stdout } = volseed(['run', ...on.where, '--', 'echo', '--help', '--version']);
    expect(lines(stdout).at(-1)).toBe('--help --version');
  });
});

test('--version is the version of package.json', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect(volseed(['--version'])).toEqual({ code: 0, stdout: expect.stringMatching(`(^| )${version}\n$`), stderr: '' });
});
