// Which paths are seeded, by which policy, and where the state lies.
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isRoot, lacks } from '../support/prerequisites.ts';
import {
  changesBy,
  exists,
  filesOf,
  type Ground,
  ground,
  lines,
  makeDirectory,
  runsOf,
  unlikeSeed,
} from '../support/probe.ts';
import { type Snapshot, snapshot } from '../support/snapshot.ts';
import { build, directory, fifo, file, socket, symlink, tree } from '../support/tree.ts';
import { type Result, volseed } from '../support/volseed.ts';

function sync(on: Ground, options: readonly string[] = [], env: Record<string, string> = {}): Result {
  return volseed(['sync', ...on.where, ...options], { env });
}

/** The paths in a volume, directories with a slash. */
function pathsIn({ volume }: Ground): string[] {
  return [...snapshot(volume)].map(([path, { type }]) => (type === 'directory' ? `${path}/` : path)).toSorted();
}

function syncQuietly(on: Ground, options: readonly string[], env?: Record<string, string>): string[] {
  const { code, stderr } = sync(on, options, env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return pathsIn(on);
}

const holds = (seen: Snapshot, path: string): string | undefined => seen.get(path)?.holds;

describe('--include and --exclude', () => {
  const seed = {
    'README.md': file('r'),
    '.env': file('e'),
    'tables/t1.csv': file('1'),
    'tables/t2.csv': file('2'),
    'tables/.hidden.csv': file('h'),
    'tables/deep/er/t3.csv': file('3'),
    'tables/notes.txt': file('n'),
    'global/colors.json': file('{}'),
    'global/.cache/x': file('x'),
    empty: directory(),
    link: symlink('tables'),
  };
  // prettier-ignore
  const all = [
    '.env', 'README.md', 'empty/', 'global/', 'global/.cache/', 'global/.cache/x', 'global/colors.json', 'link',
    'tables/', 'tables/.hidden.csv', 'tables/deep/', 'tables/deep/er/', 'tables/deep/er/t3.csv', 'tables/notes.txt',
    'tables/t1.csv', 'tables/t2.csv',
  ];
  const below = (...prefixes: readonly string[]): string[] =>
    all.filter((path) => prefixes.some((prefix) => path.startsWith(prefix)));

  test.each([
    { what: 'nothing said: all', include: [], exclude: [], expected: all },
    { what: 'a directory means all below it', include: ['tables'], exclude: [], expected: below('tables/') },
    { what: 'so it does with a slash', include: ['tables/'], exclude: [], expected: below('tables/') },
    { what: 'and as a glob', include: ['tables/**'], exclude: [], expected: below('tables/') },
    { what: 'and by a glob for the directory', include: ['t*s'], exclude: [], expected: below('tables/') },
    { what: '** is everything, dotfiles too', include: ['**'], exclude: [], expected: all },
    {
      what: 'a glob for files makes their parents, and no other directory',
      include: ['**/*.csv'],
      exclude: [],
      expected: below('tables/').filter((path) => path.endsWith('/') || path.endsWith('.csv')),
    },
    { what: '* does not go below a directory', include: ['*.csv'], exclude: [], expected: [] },
    { what: '* is no path that has a slash', include: ['*.md'], exclude: [], expected: ['README.md'] },
    { what: '* matches dotfiles', include: ['*env'], exclude: [], expected: ['.env'] },
    { what: 'a path is a glob too', include: ['tables/t1.csv'], exclude: [], expected: ['tables/', 'tables/t1.csv'] },
    {
      what: 'braces are alternatives',
      include: ['tables/t{1,2}.csv'],
      exclude: [],
      expected: below('tables/t').concat('tables/').toSorted(),
    },
    { what: 'classes too', include: ['tables/t[2-9].csv'], exclude: [], expected: ['tables/', 'tables/t2.csv'] },
    {
      what: 'several add up',
      include: ['README.md', 'global'],
      exclude: [],
      expected: ['README.md', ...below('global/')],
    },
    {
      what: 'a hidden directory is found',
      include: ['**/x'],
      exclude: [],
      expected: ['global/', 'global/.cache/', 'global/.cache/x'],
    },
    { what: 'a link is an entry, not what it leads to', include: ['link'], exclude: [], expected: ['link'] },
    { what: 'an empty directory can be had', include: ['empty'], exclude: [], expected: ['empty/'] },
    {
      what: 'exclude leaves out all below',
      include: [],
      exclude: ['tables'],
      expected: all.filter((path) => !path.startsWith('tables/')),
    },
    {
      what: 'or as a glob',
      include: [],
      exclude: ['tables/**'],
      expected: all.filter((path) => !path.startsWith('tables/')),
    },
    {
      what: 'exclude leaves out dotfiles',
      include: [],
      exclude: ['**/.*'],
      expected: all.filter((path) => !/(?:^|\/)\./.test(path)),
    },
    {
      what: 'exclude is stronger',
      include: ['tables'],
      exclude: ['**/*.txt'],
      expected: below('tables/').filter((path) => !path.endsWith('.txt')),
    },
    { what: 'whichever comes first', include: ['tables/t1.csv'], exclude: ['tables/t1.csv'], expected: [] },
    { what: 'excluding ** leaves nothing', include: [], exclude: ['**'], expected: [] },
  ])('$what: --include $include --exclude $exclude', ({ include, exclude, expected }) => {
    const on = ground(seed);
    const options = [
      ...include.flatMap((glob) => ['--include', glob]),
      ...exclude.flatMap((glob) => ['--exclude', glob]),
    ];
    // A selection without a single entry may be worth a warning.
    expect(sync(on, options).code).toBe(0);
    const found = pathsIn(on);
    // Whether `tables/**` leaves the directory itself out is said nowhere: nothing below it is what counts.
    const bare = exclude.includes('tables/**') ? found.filter((path) => path !== 'tables/') : found;
    expect(bare).toEqual(expected);
  });

  test('leaves what is in the volume and not selected as it is', () => {
    const on = ground(seed, { 'tables/t1.csv': file('old', { mtime: 1_000_000_000 }), mine: file('mine') });
    syncQuietly(on, ['--include', 'global']);
    const seen = snapshot(on.volume);
    expect([holds(seen, 'tables/t1.csv'), holds(seen, 'mine')]).toEqual(['old', 'mine']);
  });

  test('the parents of what is selected are as in the seed', () => {
    const on = ground({
      'a/b/c': file('c'),
      'a/b': directory({ mode: 0o750, mtime: 1_200_000_000 }),
      a: directory({ mode: 0o711, mtime: 1_300_000_000 }),
    });
    syncQuietly(on, ['--include', 'a/b/c']);
    expect(unlikeSeed(on)).toEqual([]);
  });

  test('names with line feeds and other oddities are names like any other', () => {
    const odd = [
      'new\nline/t.csv',
      'a\nb.csv',
      'sp ace/\tt.csv',
      '*/t.csv',
      '[x]/t.csv',
      '-rf/t.csv',
      "it's/t.csv",
      'back\\slash/t.csv',
    ];
    const on = ground(Object.fromEntries([...odd, 'other/t.txt'].map((path) => [path, file(path)])));
    syncQuietly(on, ['--include', '**/*.csv']);
    expect(pathsIn(on).filter((path) => !path.endsWith('/'))).toEqual(odd.toSorted());
  });

  test('names with line feeds can be left out', () => {
    const on = ground({ 'new\nline/t.csv': file('1'), 'new\nline/t.txt': file('2'), 'x\ny.csv': file('3') });
    expect(syncQuietly(on, ['--exclude', '**/*.csv'])).toEqual(['new\nline/', 'new\nline/t.txt']);
  });

  test('a name that is no UTF-8 is matched by a glob around it', () => {
    const on = ground({ 'd\xff/t.csv': file('1'), 'd\xff/t\xfe.csv': file('2'), 'd\xff/t.txt': file('3') });
    expect(syncQuietly(on, ['--include', '**/*.csv'])).toEqual(['d\xff/', 'd\xff/t.csv', 'd\xff/t\xfe.csv']);
  });

  test.each([
    { separator: 'commas', list: 'README.md,global/**' },
    { separator: 'commas and spaces', list: 'README.md, global/** ' },
    { separator: 'lines', list: 'README.md\nglobal/**\n' },
    { separator: 'lines and commas', list: '\nREADME.md,\n  global/**,\n' },
  ])('come from the environment as a list with $separator', ({ list }) => {
    const on = ground(seed);
    expect(syncQuietly(on, [], { VOLSEED_INCLUDE: list })).toEqual(['README.md', ...below('global/')]);
    const other = ground(seed);
    const rest = all.filter((path) => path !== 'README.md' && !path.startsWith('global/'));
    expect(syncQuietly(other, [], { VOLSEED_EXCLUDE: list }).filter((path) => path !== 'global/')).toEqual(rest);
  });

  test('a comma inside of braces does not part a list', () => {
    const list = 'tables/t{1,2}.csv,README.md';
    const expected = ['README.md', 'tables/', 'tables/t1.csv', 'tables/t2.csv'];
    expect(syncQuietly(ground(seed), [], { VOLSEED_INCLUDE: list })).toEqual(expected);
  });

  test('a flag takes the place of the list in the environment', () => {
    const on = ground(seed);
    expect(syncQuietly(on, ['--include', 'README.md'], { VOLSEED_INCLUDE: 'global' })).toEqual(['README.md']);
  });
});

describe('--policy', () => {
  const old = { mtime: 1_000_000_000 };
  const late = { mtime: 1_900_000_000 };
  const seed = {
    'same.txt': file('seed'),
    'older.txt': file('seed'),
    'newer.txt': file('seed'),
    'missing.txt': file('seed'),
    'directory/a': file('seed'),
    link: symlink('seed-target'),
  };
  const volume = {
    'same.txt': file('edit'),
    'older.txt': file('volume', old),
    'newer.txt': file('volume', late),
    'directory/b': file('mine'),
    link: symlink('volume-target'),
    extra: file('mine'),
  };
  const contentsAfter = (policy: string): Record<string, string | undefined> => {
    const on = ground(seed, volume);
    syncQuietly(on, ['--policy', policy]);
    const seen = snapshot(on.volume);
    return Object.fromEntries(
      ['same.txt', 'older.txt', 'newer.txt', 'missing.txt', 'directory/a', 'directory/b', 'link', 'extra'].map(
        (path) => [path, holds(seen, path)],
      ),
    );
  };
  const untouched = { 'directory/b': 'mine', extra: 'mine' };

  test('newer is what is done without it: only what is later in the seed is copied', () => {
    const expected = {
      ...untouched,
      'same.txt': 'edit',
      'older.txt': 'seed',
      'newer.txt': 'volume',
      'missing.txt': 'seed',
      'directory/a': 'seed',
      link: 'seed-target',
    };
    expect(contentsAfter('newer')).toEqual(expected);
  });

  test('missing seeds what is not there, and touches nothing that is', () => {
    const expected = {
      ...untouched,
      'same.txt': 'edit',
      'older.txt': 'volume',
      'newer.txt': 'volume',
      'missing.txt': 'seed',
      'directory/a': 'seed',
      link: 'volume-target',
    };
    expect(contentsAfter('missing')).toEqual(expected);
  });

  test('always makes all that the seed has as the seed has it, and leaves what it has not', () => {
    const expected = {
      ...untouched,
      'same.txt': 'seed',
      'older.txt': 'seed',
      'newer.txt': 'seed',
      'missing.txt': 'seed',
      'directory/a': 'seed',
      link: 'seed-target',
    };
    expect(contentsAfter('always')).toEqual(expected);
  });

  test('never seeds nothing', () => {
    const expected = {
      ...untouched,
      'same.txt': 'edit',
      'older.txt': 'volume',
      'newer.txt': 'volume',
      link: 'volume-target',
    };
    expect(contentsAfter('never')).toEqual(expected);
  });

  test('missing leaves modes, owners and times of what is there, whatever it is', () => {
    const on = ground(seed, {
      'same.txt': directory({ mode: 0o700 }),
      'older.txt': symlink('nowhere'),
      'newer.txt': fifo(),
      'missing.txt': file('mine', { mode: 0o600, ...late }),
      directory: directory({ mode: 0o700, ...late }),
      'directory/a': file('mine', { mode: 0o600 }),
      link: file('mine'),
    });
    const { result, changed } = changesBy(on.volume, () => sync(on, ['--policy', 'missing']));
    expect(result.code).toBe(0);
    // The root has a new entry: the state.
    expect(changed.filter((line) => !line.startsWith("'.volseed") && !line.startsWith("'.'"))).toEqual([]);
  });

  test('missing puts nothing into a directory by way of a link that is in its place', () => {
    const on = ground({ 'directory/a': file('seed') }, { directory: symlink('elsewhere'), elsewhere: directory() });
    sync(on, ['--policy', 'missing']);
    expect(existsSync(join(on.volume, 'elsewhere/a'))).toBe(false);
    expect(snapshot(on.volume).get('directory')?.type).toBe('symlink');
  });

  test('always says no more on its second run than newer does: there is nothing to copy', () => {
    const on = ground(seed, volume);
    sync(on, ['--policy', 'always']);
    expect(sync(on, ['--policy', 'always']).stdout).toMatch(/nothing to copy/);
  });

  test('comes from the environment too', () => {
    const on = ground(seed, volume);
    syncQuietly(on, [], { VOLSEED_POLICY: 'never' });
    expect(pathsIn(on)).not.toContain('missing.txt');
  });
});

describe('--checksum', () => {
  const seed = { 'data.bin': file('AAAA') };
  const volume = { 'data.bin': file('BBBB') };

  test('finds another content behind the same size and time, which newer alone takes for the same', () => {
    const [without, withIt] = [ground(seed, volume), ground(seed, volume)];
    syncQuietly(without, []);
    syncQuietly(withIt, ['--checksum']);
    expect(readFileSync(join(without.volume, 'data.bin'), 'utf8')).toBe('BBBB');
    expect(readFileSync(join(withIt.volume, 'data.bin'), 'utf8')).toBe('AAAA');
  });

  test('keeps what is newer in the volume all the same', () => {
    const on = ground(seed, { 'data.bin': file('BBBB', { mtime: 1_900_000_000 }) });
    syncQuietly(on, ['--checksum']);
    expect(readFileSync(join(on.volume, 'data.bin'), 'utf8')).toBe('BBBB');
  });

  test('by the environment is the same', () => {
    const on = ground(seed, volume);
    syncQuietly(on, [], { VOLSEED_CHECKSUM: 'true' });
    expect(readFileSync(join(on.volume, 'data.bin'), 'utf8')).toBe('AAAA');
  });
});

const modes = (on: Ground): Record<string, string> =>
  Object.fromEntries([...snapshot(on.volume)].map(([path, { mode }]) => [path, mode.toString(8)]));

const rootMode = ({ volume }: Ground): number | undefined => snapshot(volume, { root: true }).get('.')?.mode;

describe('--chmod and --chown', () => {
  const seed = {
    'bin/tool': file('1', { mode: 0o755 }),
    'bin/data': file('2', { mode: 0o640 }),
    bin: directory({ mode: 0o755 }),
  };

  test.each([
    { chmod: 'D750,F600', expected: { bin: '750', 'bin/tool': '600', 'bin/data': '600' } },
    { chmod: 'F644', expected: { bin: '755', 'bin/tool': '644', 'bin/data': '644' } },
    { chmod: 'Dg+s,ug+w,Fo-rwx', expected: { bin: '2775', 'bin/tool': '770', 'bin/data': '660' } },
    { chmod: 'a=rX', expected: { bin: '555', 'bin/tool': '555', 'bin/data': '444' } },
    { chmod: 'go=', expected: { bin: '700', 'bin/tool': '700', 'bin/data': '600' } },
  ])('--chmod $chmod gives the modes that rsync gives', ({ chmod, expected }) => {
    const on = ground(seed);
    syncQuietly(on, ['--chmod', chmod]);
    expect(modes(on)).toEqual(expected);
    expect(sync(on, ['--chmod', chmod]).stdout).toMatch(/nothing to copy/);
  });

  test.skipIf(lacks('root'))('--chown gives what is seeded to somebody, and leaves what was there', () => {
    const on = ground(seed, { mine: file('mine') });
    syncQuietly(on, ['--chown', '4242:4300']);
    const owners = Object.fromEntries([...snapshot(on.volume)].map(([path, { uid, gid }]) => [path, `${uid}:${gid}`]));
    expect(owners).toEqual({ bin: '4242:4300', 'bin/tool': '4242:4300', 'bin/data': '4242:4300', mine: '0:0' });
  });

  test('--root-attrs gives the root of the volume what the root of the seed has, which is otherwise left', () => {
    const roots = { seed: { ...seed, '.': directory({ mode: 0o751 }) }, volume: { '.': directory({ mode: 0o770 }) } };
    const [without, withIt] = [ground(roots.seed, roots.volume), ground(roots.seed, roots.volume)];
    syncQuietly(without, []);
    syncQuietly(withIt, ['--root-attrs']);
    expect([rootMode(without), rootMode(withIt)]).toEqual([0o770, 0o751]);
  });

  test('--root-attrs is of the root, too, where a run that died has left a directory to be given back its time', () => {
    const like = { mode: 0o751, mtime: 1_600_000_000 };
    const on = ground({ '.': directory(like), 'd/f': file() });
    syncQuietly(on, ['--root-attrs']);
    chmodSync(on.volume, 0o770);
    const held = ['', 'd'].map((path) => [path, like.mtime, 0, like.mode]);
    build(join(on.volume, '.volseed/stage/run-0'), tree({ held: file(JSON.stringify(held)) }));
    build(join(on.volume, 'd'), tree({ '.': directory(like) }));
    syncQuietly(on, ['--root-attrs']);
    expect(rootMode(on)).toBe(0o751);
  });
});

describe('--state-dir', () => {
  const seed = { 'tables/t1.csv': file('1') };

  test('keeps the state out of the volume, for the next run too', () => {
    const on = ground(seed);
    const state = join(on.root, 'state');
    syncQuietly(on, ['--state-dir', state]);
    expect(readdirSync(on.volume)).toEqual(['tables']);
    expect(sync(on, ['--state-dir', state]).stdout).toMatch(/nothing to copy/);
    expect(readdirSync(on.volume)).toEqual(['tables']);
    expect(runsOf(on.volume, state).map(({ status, mode }) => [status, mode])).toEqual([
      ['completed', 'sync'],
      ['completed', 'sync'],
    ]);
  });

  test('by the environment is the same', () => {
    const on = ground(seed);
    const state = join(on.root, 'state');
    syncQuietly(on, [], { VOLSEED_STATE_DIR: state });
    expect(readdirSync(on.volume)).toEqual(['tables']);
    expect(exists(join(state, 'state.db'))).toBe(true);
  });

  test('otherwise is .volseed in the volume, closed to everybody else', () => {
    const on = ground(seed);
    syncQuietly(on, []);
    const seen = snapshot(on.volume, { state: true });
    expect(seen.get('.volseed')).toMatchObject({ type: 'directory', mode: 0o700 });
    expect(runsOf(on.volume)).toEqual([expect.objectContaining({ status: 'completed', mode: 'sync', timed: true })]);
  });
});

describe('in the seed', () => {
  test('FIFOs and sockets are named in a warning and passed over', () => {
    const on = ground({ 'sub/pipe': fifo(), 'sub/sock': socket(), 'sub/file': file('1') });
    const { code, stdout, stderr } = sync(on);
    expect(code).toBe(0);
    for (const path of ['sub/pipe', 'sub/sock']) expect(stdout + stderr).toContain(path);
    expect(pathsIn(on)).toEqual(['sub/', 'sub/file']);
  });

  test('they do no harm to what the volume has in their place', () => {
    const on = ground({ 'sub/pipe': fifo() }, { 'sub/pipe': file('mine') });
    expect(sync(on).code).toBe(0);
    expect(holds(snapshot(on.volume), 'sub/pipe')).toBe('mine');
  });

  test(".volseed at its root is volseed's own and never seeded", () => {
    const on = ground({ '.volseed/state.db': file('forged'), '.volseed/evil': file('evil'), 'sub/file': file('1') });
    expect(sync(on).code).toBe(0);
    expect(exists(join(on.volume, '.volseed/evil'))).toBe(false);
    expect(runsOf(on.volume)).toHaveLength(1);
    expect(pathsIn(on)).toEqual(['sub/', 'sub/file']);
  });

  test('nothing at all is nothing to do', () => {
    const on = ground({}, { mine: file('mine') });
    expect(sync(on).code).toBe(0);
    expect(pathsIn(on)).toEqual(['mine']);
  });

  test.skipIf(lacks('a checkout that other users can read'))(
    'what cannot be read is named, the rest is seeded, and the code is 23',
    () => {
      const on = ground({ 'closed/file': file('1', { mode: 0 }), 'open/file': file('2') });
      chmodSync(on.volume, 0o777);
      const identity = isRoot() ? { uid: 4999, gid: 4999 } : {};
      const { code, stdout, stderr } = volseed(['sync', ...on.where], identity);
      expect(code).toBe(23);
      expect(stdout + stderr).toContain('closed/file');
      expect(pathsIn(on)).toContain('open/file');
    },
  );
});

describe('a seed that is mounted from a ConfigMap', () => {
  const version = '..2026_01_01_00_00_00.123456789';
  const mounted = {
    [`${version}/colors.json`]: file('{"red":1}', { mode: 0o644 }),
    [`${version}/tables.csv`]: file('1,2,3'),
    [`${version}/nested/deep.txt`]: file('deep'),
    '..data': symlink(version),
    'colors.json': symlink('..data/colors.json'),
    'tables.csv': symlink('..data/tables.csv'),
    nested: symlink('..data/nested'),
  };

  test('is read through its links: the volume gets files, and nothing of the mount', () => {
    const on = ground(mounted);
    syncQuietly(on, []);
    const seen = snapshot(on.volume);
    expect([...seen.keys()].toSorted()).toEqual(['colors.json', 'nested', 'nested/deep.txt', 'tables.csv']);
    expect([...seen.values()].map(({ type }) => type).toSorted()).toEqual(['directory', 'file', 'file', 'file']);
    expect(holds(seen, 'colors.json')).toBe('{"red":1}');
    expect(seen.get('colors.json')).toMatchObject({ mtime: 1_500_000_000_000_000_000n, mode: 0o644 });
  });

  test('that is unchanged copies nothing, and one that is changed what is newer', () => {
    const on = ground(mounted);
    syncQuietly(on, []);
    expect(sync(on).stdout).toMatch(/nothing to copy/);
    const next = makeDirectory(on.root, 'next');
    const changed = { ...mounted, [`${version}/colors.json`]: file('{"red":2}', { mtime: 1_600_000_000 }) };
    build(next, tree(changed));
    expect(volseed(['sync', '--source', next, '--target', on.volume]).code).toBe(0);
    expect(holds(snapshot(on.volume), 'colors.json')).toBe('{"red":2}');
  });

  test('is only one with a ..data link at its root: the same names elsewhere are entries like any other', () => {
    const on = ground({
      'sub/..data': symlink('..2026_01_01'),
      'sub/..2026_01_01/x': file('x'),
      '..2026_01_01': file('y'),
    });
    syncQuietly(on, []);
    expect(unlikeSeed(on)).toEqual([]);
  });
});

describe('what the file system put there', () => {
  test('is passed over by name only where it is the root of a mount: elsewhere it is seeded', () => {
    const seed = { 'lost+found/x': file('1'), '.snapshot/y': file('2'), 'sub/lost+found/z': file('3') };
    const on = ground(seed);
    syncQuietly(on, []);
    expect(filesOf(seed).filter((path) => !exists(join(on.volume, path)))).toEqual([]);
  });
});

test('the seed is left as it was, to the last attribute', () => {
  const on = ground({ 'tables/t1.csv': file('1'), 'tables/link': symlink('t1.csv'), empty: directory() });
  const { result, changed } = changesBy(on.seed, () => sync(on));
  expect([result.code, changed, lines(result.stdout).length > 0]).toEqual([0, [], true]);
});
