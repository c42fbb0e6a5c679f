// `explain PATH`: what seed and volume have at a path and what a seeding would do with it; and that is what `sync` then does.
import { createHash } from 'node:crypto';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isRoot } from '../support/prerequisites.ts';
import { changesBy, type Ground, ground, lines, type Literal, oneLine, plainSeed } from '../support/probe.ts';
import { asMyself, asRoot, firstNumber, numberOfPairs, outside, pair, Random } from '../support/random.ts';
import { differences, type Seen, type Snapshot, snapshot } from '../support/snapshot.ts';
import { build, bytes, directory, type Entry, fifo, file, scratch, symlink, type Tree } from '../support/tree.ts';
import { volseed, type Options, type Result } from '../support/volseed.ts';

interface Outcome {
  readonly verb: string;
  readonly reason: string;
}

interface Told {
  readonly path: string;
  readonly policy: { readonly value: string; readonly by: string };
  readonly seed: Readonly<Record<string, unknown>> | null;
  readonly base: null;
  readonly volume: Readonly<Record<string, unknown>> | null;
  readonly decision: Outcome;
  readonly above: readonly (Outcome & { readonly path: string })[];
  readonly below: readonly (Outcome & { readonly count: number })[];
}

const explain = (on: Ground, args: readonly string[], options: Options = {}): Result =>
  volseed(['explain', ...on.where, ...args], options);

function told(on: Ground, path: string, ...options: string[]): Told {
  const { code, stdout, stderr } = explain(on, ['--json', ...options, '--', path]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Told;
}

const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');
const earlier = { mtime: 1_400_000_000 };
const later = { mtime: 1_600_000_000 };
const image = file('image');

interface Case {
  readonly seed?: Literal;
  readonly volume?: Literal;
  readonly path?: string;
  readonly args?: readonly string[];
  readonly told: Outcome;
}

const at = (seed: Entry, volume: Entry | undefined, verb: string, reason: string, ...args: string[]): Case => ({
  seed: { path: seed },
  volume: volume === undefined ? {} : { path: volume },
  args,
  told: { verb, reason },
});
const none = (reason: string, more: Omit<Case, 'told'>): Case => ({
  seed: { path: image },
  told: { verb: 'none', reason },
  ...more,
});
const inDirectory = { seed: { 'dir/path': image }, path: 'dir/path' };

const full: Literal = { 'path/of/users': file() };
const decisions: Readonly<Record<string, Case>> = {
  'create what is missing': at(image, undefined, 'create', 'missing'),
  'replace an older file': at(image, file('older', earlier), 'replace', 'image newer'),
  'replace a file of the same second and another size': at(image, file('other size'), 'replace', 'size differs'),
  'replace another content under always': at(
    image,
    file('IMAGE', later),
    'replace',
    'content differs',
    '--policy',
    'always',
  ),
  'replace another type': at(directory(), image, 'replace', 'type differs'),
  'replace a link that leads elsewhere': at(symlink('a'), symlink('b'), 'replace', 'link target differs'),
  'correct a mode': at(image, file('image', { mode: 0o600 }), 'attributes', 'attributes differ: mode'),
  'correct the mode and the time of a directory': at(
    directory(),
    directory({ mode: 0o700, ...later }),
    'attributes',
    'attributes differ: mode, mtime',
  ),
  'keep what is newer': at(image, file('users', later), 'keep', 'newer in the volume'),
  'keep what is there, under missing': at(image, file('users', earlier), 'keep', 'exists', '--policy', 'missing'),
  'leave what is as in the image': at(image, image, 'same', 'as in the image'),
  'leave what is only in the volume': none('only in the volume; a seeding leaves it alone', {
    seed: plainSeed,
    volume: full,
    path: 'path/of',
  }),
  'leave a path under the policy never': none('the policy is never', { args: ['--policy', 'never'] }),
  'leave what a glob excludes, and say which': none('left out by --exclude pa*', {
    args: ['--exclude', 'x', '--exclude', 'pa*'],
  }),
  'leave what is below an excluded directory, and say so': none('left out by --exclude d?r, by way of dir', {
    ...inDirectory,
    args: ['--exclude', 'd?r'],
  }),
  'leave what is not included': none('not among what --include selects', {
    args: ['--include', 'x', '--include', 'y'],
  }),
  'leave what is volseed’s own': none("of volseed or the file system, not of the seed's data", {
    volume: { '.volseed/lock': file() },
    path: '.volseed/lock',
  }),
  'leave what a kept path above it stops': none('dir above it: keep (exists)', {
    ...inDirectory,
    volume: { dir: file('users') },
    args: ['--policy', 'missing'],
  }),
  'leave what is included below a path that is kept': none('dir above it: keep (exists)', {
    ...inDirectory,
    volume: { dir: file('users') },
    args: ['--policy', 'missing', '--include', 'dir/path'],
  }),
  'pass over a special file of the seed': none('is a FIFO, socket or device in the seed; passed over', {
    seed: { path: fifo() },
  }),
};

describe('explain says that a seeding would', () => {
  it.each(Object.entries(decisions))('%s', (_, { seed, volume, path = 'path', args = [], told: wanted }) => {
    const on = ground(seed, volume);
    expect(told(on, path, ...args)).toMatchObject({ path, decision: wanted });
    expect(lines(explain(on, [...args, path]).stdout)).toContain(`  decision  ${wanted.verb} (${wanted.reason})`);
  });

  it('leave a directory that is in the way, and what to do about it', () => {
    const on = ground({ path: image }, full);
    expect(told(on, 'path').decision).toEqual({ verb: 'blocked', reason: expect.stringContaining('move it away') });
  });

  it('create everything in a volume that is not there yet', () => {
    const on = ground();
    rmSync(on.volume, { recursive: true });
    expect(told(on, 'tables/t1.csv')).toMatchObject({ volume: null, decision: { verb: 'create' } });
  });

  it('make a directory for what is included below it, and only then', () => {
    const on = ground({ 'dir/a.csv': image, 'other/b': image });
    const [dir, other] = ['dir', 'other'].map((path) => told(on, path, '--include', '**/*.csv').decision);
    expect(dir).toEqual({ verb: 'create', reason: 'missing' });
    expect(other).toEqual({ verb: 'none', reason: 'not among what --include selects' });
  });
});

describe('explain tells', () => {
  it('all that bears on the decision, line by line', () => {
    const seeds = file('image', { mtime: '1500000000.123456789', mode: 0o640 });
    const on = ground({ 'dir/path': seeds }, { 'dir/path': file('users!', later), dir: directory({ mode: 0o700 }) });
    const owner = `owner ${process.getuid?.()}:${process.getgid?.()}`;
    expect(explain(on, ['dir/path'])).toEqual({
      code: 0,
      stderr: '',
      stdout: [
        'dir/path',
        '  policy    newer (the default)',
        `  seed      file, 5 bytes, 2017-07-14T02:40:00.123456789Z, mode 0640, ${owner}, sha256 ${sha256('image')}`,
        '  base      none recorded',
        `  volume    file, 6 bytes, 2020-09-13T12:26:40Z, mode 0644, ${owner}, sha256 ${sha256('users!')}`,
        '  above     dir: attributes (attributes differ: mode)',
        '  decision  keep (newer in the volume)\n',
      ].join('\n'),
    });
  });

  it('what set the policy: the default, a flag, or a variable, of which the flag wins', () => {
    const on = ground({ path: image });
    const env = { VOLSEED_POLICY: 'missing' };
    const policyOf = (args: readonly string[], options: Options = {}): string | undefined =>
      lines(explain(on, [...args, 'path'], options).stdout).find((line) => line.startsWith('  policy'));
    expect(policyOf([])).toBe('  policy    newer (the default)');
    expect(policyOf([], { env })).toBe('  policy    missing (VOLSEED_POLICY)');
    expect(policyOf(['--policy', 'always'], { env })).toBe('  policy    always (--policy)');
  });

  it('of a variable that excludes the path, its name and the glob', () => {
    const { stdout } = explain(ground({ path: image }), ['path'], { env: { VOLSEED_EXCLUDE: 'x,p*' } });
    expect(stdout).toContain('decision  none (left out by VOLSEED_EXCLUDE p*)\n');
  });

  it('of a directory, how much would be done below it and why', () => {
    const seed = { 'dir/a': image, 'dir/b': image, 'dir/c/d': image, 'dir/e': image, f: image };
    const on = ground(seed, { 'dir/e': file('users', later), 'dir/mine': file() });
    expect(told(on, 'dir').below).toEqual([
      { verb: 'create', reason: 'missing', count: 4 },
      { verb: 'keep', reason: 'newer in the volume', count: 1 },
    ]);
    expect(explain(on, ['dir']).stdout).toContain('  below     4 to create (missing), 1 kept (newer in the volume)\n');
  });

  it('in JSON what it tells in lines', () => {
    const on = ground({ path: symlink('x', later) }, { path: file('users', { mode: 0o4755, ...earlier }) });
    const [uid, gid] = [process.getuid?.(), process.getgid?.()];
    expect(told(on, 'path')).toEqual({
      path: 'path',
      policy: { value: 'newer', by: 'the default' },
      seed: { kind: 'link', target: 'x', mtime: '2020-09-13T12:26:40Z', uid, gid },
      base: null,
      volume: {
        kind: 'file',
        size: 5,
        sha256: sha256('users'),
        mtime: '2014-05-13T16:53:20Z',
        mode: '4755',
        uid,
        gid,
      },
      decision: { verb: 'replace', reason: 'type differs' },
      above: [],
      below: [],
    });
  });

  it('no hash of a file that would take long to read', () => {
    const on = ground({ path: image }, { path: file('', later) });
    truncateSync(join(on.volume, 'path'), 100_000_000);
    expect(told(on, 'path').volume).toMatchObject({ size: 100_000_000, sha256: null });
    expect(explain(on, ['path']).stdout).toMatch(/^ {2}volume .* 100000000 bytes \(100\.0 MB\), .*, not hashed$/m);
  });

  it('its answer whatever the log level, and as one object a line where that is asked for', () => {
    const on = ground({ path: image });
    const plain = lines(explain(on, ['path']).stdout);
    expect(lines(explain(on, ['path', '--log-level', 'error']).stdout)).toEqual(plain);
    const objects = lines(explain(on, ['path', '--log-format', 'json', '--log-level', 'error']).stdout).map(
      (line) => JSON.parse(line) as { msg: string },
    );
    expect(objects.map(({ msg }) => msg)).toEqual(plain);
    expect(objects[0]).toMatchObject({ event: 'explain', path: 'path', verb: 'create', reason: 'missing' });
  });
});

describe('the path may be given', () => {
  it.each([
    ['with ./, // and a slash behind it', () => './tables//t1.csv/'],
    ['absolute inside the target', ({ volume }: Ground) => join(volume, 'tables/t1.csv')],
    ['absolute with // in it', ({ volume }: Ground) => `${volume}//tables/./t1.csv`],
  ])('%s', (_, given) => {
    const on = ground();
    expect(told(on, given(on)).path).toBe('tables/t1.csv');
  });

  it.each(['-n', '--all', '[a]', '*', ' ', '~'])('as it is called, be it %j', (path) => {
    expect(told(ground({ [path]: image }), path)).toMatchObject({ path, decision: { verb: 'create' } });
  });
});

describe('explain refuses', () => {
  const seed = { 'tables/t1.csv': image, 'tables/t2.csv': image, 'tables/t3.csv': image, 'far/from/it': image };

  it('a path that neither seed nor volume has, and names the three that are closest', () => {
    const on = ground(seed);
    const { stderr, ...result } = explain(on, ['table/t1.csv']);
    expect({ stderr, ...result }).toEqual(
      oneLine(2, 'table/t1.csv', 'tables/t1.csv', 'tables/t2.csv', 'tables/t3.csv'),
    );
    expect(stderr).not.toContain('far');
  });

  it('a path below a file or a link, which nobody can have', () => {
    const on = ground({ ...seed, link: symlink('tables') });
    for (const path of ['tables/t1.csv/x', 'link/t1.csv']) expect(explain(on, [path])).toEqual(oneLine(2, 'neither'));
  });

  it('a name that is longer than any can be', () => {
    expect(explain(ground(seed), ['x'.repeat(300)])).toEqual(oneLine(2, 'neither'));
  });

  it.each([
    ['the root', () => ['.'], 'root'],
    ['the root by its path', ({ volume }: Ground) => [volume], 'root'],
    ['the root by its path with a slash', ({ volume }: Ground) => [`${volume}/`], 'root'],
    ['no path', () => [], 'one path'],
    ['two paths', () => ['tables', 'far'], 'one path'],
    ['an empty path', () => [''], 'empty'],
    ['a path that goes up', () => ['tables/../../x'], "'..'"],
    ['a path outside the target', () => ['/etc/passwd'], 'outside the target'],
  ])('%s', (_, args, words) => {
    const on = ground(seed);
    const { result, changed } = changesBy(on.root, () => explain(on, args(on)));
    expect(result).toEqual(oneLine(2, words));
    expect(changed).toEqual([]);
  });
});

/** A path as it can be given on a command line, where it is text. */
function asText(path: string): string | undefined {
  const text = Buffer.from(path, 'latin1').toString('utf8');
  return bytes(text) === path ? text : undefined;
}

const known = ['policy', 'seed', 'base', 'volume', 'above', 'decision', 'below'];
/** Nothing that a terminal would act on, and no byte that is not text. */
const printed = /^[^\p{Cc}\p{Cf}\ufffd]*$/u;

/** Lines that no explanation has, or in another order: somebody else's. */
function forgedIn({ stdout, stderr }: Result): string[] {
  const [, ...below] = lines(stdout);
  const names = below.map((line) => /^ {2}(\w+) /.exec(line)?.[1] ?? '');
  const inOrder = known.filter((name) => names.includes(name)).join(' ') === names.join(' ');
  const unprintable = [...lines(stdout), ...lines(stderr)].filter((line) => !printed.test(line));
  return inOrder ? unprintable : [...unprintable, ...below];
}

describe('no name forges a line or moves a cursor', () => {
  const forged = 'x\n  decision  same (as in the image)';
  const nasty = [forged, '\x1b[2J', '\xff\xfe', '\r', bytes('\u202e')];

  it.each(nasty)('whose name is %j: above a path, a link’s target, below a directory, among the closest', (name) => {
    const on = ground({ [`${name}/file`]: image, [`${name}/link`]: symlink(name), link: symlink(name) });
    const own = [name, `${name}/file`, `${name}/link`, `${name}/link/x`].flatMap((path) => asText(path) ?? []);
    expect(['link', 'linc', ...own].flatMap((path) => forgedIn(explain(on, [path])))).toEqual([]);
  });

  it('whatever the glob that leaves a path out', () => {
    const on = ground({ [forged]: image });
    expect(forgedIn(explain(on, ['--exclude', forged, '--', forged]))).toEqual([]);
  });
});

it('explain touches nothing, in the seed, in the volume or in its state', () => {
  const on = ground();
  volseed(['sync', ...on.where]);
  writeFileSync(join(on.volume, 'tables/t1.csv'), 'edited');
  const { changed } = changesBy(on.root, () => {
    for (const path of ['tables', 'tables/t1.csv', '.volseed', 'none']) explain(on, [path]);
  });
  expect(changed).toEqual([]);
});

// ---- the decision that is told is the one that is taken ----

const flavour = isRoot() ? asRoot : asMyself;
const pairs = Math.ceil(numberOfPairs / 8);
const pathsOfEach = 6;

function some(random: Random, paths: readonly string[]): string[] {
  const rest = paths.filter((path) => asText(path) !== undefined);
  return Array.from({ length: Math.min(pathsOfEach, rest.length) }, () =>
    rest.splice(random.below(rest.length), 1),
  ).flat();
}

function randomOptions(random: Random): string[] {
  const globs = ['*', '**', '*/*', 'a', '**/a', '?', '**/?', '*.csv', '.*', '**/[a-c]*', '!(a)', 'a/**'];
  const policy = random.pick(['newer', 'newer', 'missing', 'always', 'never']);
  return [
    ...(random.chance(60) ? ['--policy', policy] : []),
    ...(random.chance(20) ? ['--checksum'] : []),
    ...(random.chance(25) ? ['--include', random.pick(globs), '--include', random.pick(globs)] : []),
    ...(random.chance(25) ? ['--exclude', random.pick(globs)] : []),
  ];
}

interface Line {
  readonly event?: string;
  readonly path?: string;
  readonly kind?: string;
  readonly reason?: string;
}

/** What the plan says of each path, by its path as it is shown; nothing of what is as it should be, or no affair of the seed's. */
function planned(where: readonly string[]): Map<string, { verb: string; reason?: string }> {
  const verbs: Readonly<Record<string, string>> = { 'passed over': 'none' };
  const said = new Map<string, { verb: string; reason?: string }>();
  for (const text of lines(volseed(['plan', '--log-format', 'json', ...where]).stdout)) {
    const { event = '', path = '', kind = '', reason } = JSON.parse(text) as Line;
    if (event === 'problem') said.set(path, { verb: verbs[kind] ?? kind });
    else if (reason !== undefined) said.set(path, { verb: event, reason });
  }
  return said;
}

type Facts = Readonly<Record<'seed' | 'before' | 'after', Snapshot>>;

/** What was done at a path that a decision does not account for. */
function unaccounted(path: string, verb: string, { seed, before, after }: Facts): string[] {
  const differ = (a: Snapshot, b: Snapshot): string[] => differences(only(path, a), only(path, b), always);
  const [was, is] = [before.get(path), after.get(path)];
  switch (verb) {
    case 'create':
      return was === undefined ? differ(seed, after) : ['it was there'];
    case 'replace':
      return was === undefined || isOne(was, is) ? ['it was not replaced'] : differ(seed, after);
    case 'attributes':
      return isOne(was, is) && differ(before, after).length > 0 ? [] : ['its attributes were not corrected'];
    default:
      if (!isOne(was, is)) return ['it is not what it was'];
      // A directory gets the seed's time back, to the fraction of a second, where something was done in it.
      return verb === 'same' && differ(seed, after).length === 0 ? [] : differ(before, after);
  }
}

const always = { before: new Map(), started: 1n << 80n };
const only = (path: string, all: Snapshot): Snapshot => new Map([...all].filter(([other]) => other === path));
const isOne = (a: Seen | undefined, b: Seen | undefined): boolean => a?.inode === b?.inode && a?.type === b?.type;

/** The same tree with links that lead to a real place. */
function resolved(entries: Tree, place: string): Tree {
  const resolve = (entry: Entry): Entry =>
    entry.type === 'symlink' ? { ...entry, target: entry.target.replace(outside, bytes(place)) } : entry;
  return new Map([...entries].map(([path, entry]) => [path, resolve(entry)]));
}

function contradictions(number: number): string[] {
  using place = scratch();
  const on = { root: place.path, seed: join(place.path, 'seed'), volume: join(place.path, 'volume') };
  const made = pair(number, flavour);
  build(on.seed, resolved(made.seed, join(on.root, 'outside')));
  build(on.volume, resolved(made.volume, join(on.root, 'outside')));
  build(join(on.root, 'outside'), made.outside);
  const random = new Random(number);
  const options = randomOptions(random);
  const where = ['--source', on.seed, '--target', on.volume, ...options];
  const [seed, before] = [snapshot(on.seed), snapshot(on.volume)];
  const plan = planned(where);
  const paths = some(random, [...new Set([...seed.keys(), ...before.keys()])].toSorted());
  const { result: all, changed } = changesBy(on.root, () =>
    paths.map((path) => ({ path, ...explanationOf(where, asText(path) ?? '') })),
  );
  const { code } = volseed(['sync', ...where]);
  const facts = { seed, before, after: snapshot(on.volume) };
  return [
    ...changed,
    ...([0, 23].includes(code) ? [] : [`sync ended with ${code}`]),
    ...all.flatMap(({ path, shown, verb, reason }) => {
      const wanted = plan.get(shown) ?? { verb: verb === 'same' ? 'same' : 'none' };
      const agrees = wanted.verb === verb && reason.startsWith(wanted.reason ?? '');
      const contrary = agrees ? [] : [`plan says ${JSON.stringify(wanted)}`];
      return [...contrary, ...unaccounted(path, verb, facts)].map(
        (fault) => `${options.join(' ')} ${shown}: told ${verb} (${reason}), but ${fault}`,
      );
    }),
  ];
}

function explanationOf(where: readonly string[], path: string): Outcome & { readonly shown: string } {
  const { code, stdout, stderr } = volseed(['explain', '--json', ...where, '--', path]);
  if (stdout === '') return { shown: path, verb: 'nothing', reason: `ended with ${code}: ${stderr}` };
  const { path: shown, decision } = JSON.parse(stdout) as Told;
  return { shown, ...decision };
}

it(
  'the decision that explain tells is the one that plan lists and sync takes, whatever the trees and the options',
  () => {
    for (let number = firstNumber; number < firstNumber + pairs; number++) {
      const found = { VOLSEED_TEST_SEED: number, contradictions: contradictions(number) };
      expect(found).toEqual({ VOLSEED_TEST_SEED: number, contradictions: [] });
    }
  },
  60_000 + pairs * 5000,
);
