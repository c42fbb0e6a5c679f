import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { check } from '../../src/config/check.ts';
import { OPTIONS } from '../../src/config/options.ts';

/** What is wrong with a text, as `LINE:COLUMN: message`. */
async function wrong(text: string): Promise<string[]> {
  const checked = await check(text);
  return 'mistakes' in checked
    ? checked.mistakes.map(({ line, column, message }) => `${line}:${column}: ${message}`)
    : [];
}

const option = (name: string) => OPTIONS.find((each) => each.name === name) as (typeof OPTIONS)[number];

async function right(text: string) {
  const checked = await check(text);
  if ('mistakes' in checked) throw new Error(checked.mistakes.map(({ message }) => message).join('\n'));
  return { ...checked, valueOf: (name: string) => checked.values(option(name)) };
}

const bomb = [
  'a: &a [x, x]',
  ...'bcdefghi'
    .split('')
    .map((name, at) => `${name}: &${name} [*${'abcdefgh'[at]}, *${'abcdefgh'[at]}, *${'abcdefgh'[at]}]`),
];

describe('a configuration', () => {
  it.each<[what: string, text: string, first: string]>([
    ['an unknown key', 'target: /d\npolcy: newer\n', "2:1: unknown key 'polcy' (did you mean 'policy'?)"],
    [
      'an unknown key in a rule',
      'rules:\n  - match: a\n    policy: newer\n  - match: b\n    polcy: never\n',
      "5:5: unknown key 'polcy' in rules[1] (did you mean 'policy'?)",
    ],
    [
      'an unknown key in a seed',
      'seeds:\n  - source: /a\n    dest: x\n',
      "3:5: unknown key 'dest' in seeds[0]; known are source, into, policy",
    ],
    [
      'an unknown key in safety',
      'safety:\n  minFiles: 1\n',
      "2:3: unknown key 'minFiles' in safety; known are minSeedFiles",
    ],
    ['a key that nobody knows', 'xyzzy: 1\n', "1:1: unknown key 'xyzzy'"],
    [
      'a key as the flag is written',
      'lock-timeout: 30s\n',
      "1:1: unknown key 'lock-timeout' (did you mean 'lockTimeout'?)",
    ],
    ['a key that belongs elsewhere', 'minSeedFiles: 1\n', "1:1: unknown key 'minSeedFiles' (it is a key of safety)"],
    [
      'a key that belongs at the top',
      'safety:\n  flush: false\n',
      "2:3: unknown key 'flush' in safety (it is a key at the top)",
    ],
    ['a name that every object has', 'constructor: 1\n', "1:1: unknown key 'constructor'"],
    ['the name of a prototype', 'rules: []\n__proto__: {}\n', "2:1: unknown key '__proto__'"],
    ['a file that names another', 'config: /b.yaml\n', "1:1: unknown key 'config'"],
    ['a key that bears no showing', '"a\\u001b[2Jb": 1\n', String.raw`1:1: unknown key 'a\x1b[2Jb'`],
    [
      'a merge key',
      'rules:\n  - &r\n    match: a\n    policy: never\n  - <<: *r\n    match: b\n    policy: newer\n',
      "5:5: unknown key '<<' in rules[1]: merge keys are not understood",
    ],
    [
      'another policy',
      'policy: newest\n',
      "1:9: policy: expected one of newer, missing, merge, always, never, found 'newest' (did you mean 'newer'?)",
    ],
    ['a flag in other words', 'flush: yes\n', "1:8: flush: expected true or false, found 'yes'"],
    [
      'a time of no unit that there is',
      'lockTimeout: 5d\n',
      "1:14: lockTimeout: expected a time: 500ms, 30s, 10m or 1h, found '5d'",
    ],
    ['a negative time', 'grace: -5\n', '1:8: grace: expected a time: 500ms, 30s, 10m or 1h, found -5'],
    ['half a backup', 'keepBackups: 1.5\n', '1:14: keepBackups: expected a whole number above 0, found 1.5'],
    ['a number where a path is due', 'target: 5\n', '1:9: target: expected a path, found 5; put it in quotes'],
    [
      'an id that is a number',
      'resetId: 2024\n',
      '1:10: resetId: expected 1 to 200 printable ASCII characters without spaces, found 2024; put it in quotes',
    ],
    [
      'a mode without quotes',
      'rules:\n  - match: a\n    mode: 0640\n',
      "3:11: rules[0].mode: expected modes in quotes, as '0640' or 'D0750,F0640' or 'go-w', found 640; put it in quotes",
    ],
    [
      'no mode',
      "rules:\n  - match: a\n    mode: '0999'\n",
      "3:11: rules[0].mode: expected modes in quotes, as '0640' or 'D0750,F0640' or 'go-w', found '0999'",
    ],
    ['a mode of both kinds', 'rules:\n  - match: a\n    mode: DFu+x\n', "3:11: rules[0].mode: 'DFu+x' is no mode"],
    [
      'an owner that is a list',
      'rules:\n  - match: a\n    owner: [app, app]\n',
      '3:12: rules[0].owner: expected an owner: USER, USER:GROUP or :GROUP, names or numbers, found a list',
    ],
    ['a key without its value', 'exclude:\n', '1:9: exclude: expected a glob or a list of globs, found nothing'],
    ['a glob that is a number', 'exclude: [a, 5]\n', '1:14: exclude[1]: expected a glob, found 5; put it in quotes'],
    ['a glob that is none', "exclude:\n  - a\n  - 'b['\n", "3:5: exclude: bad glob 'b['"],
    [
      'a glob that is absolute',
      'rules:\n  - match: [a, /b]\n    policy: never\n',
      "2:16: rules[0].match: bad glob '/b': it begins with '/'",
    ],
    [
      'a glob that is negated',
      "rules: [{match: [a, '!b'], policy: never}]",
      "1:21: rules[0].match: bad glob '!b': it begins with '!'",
    ],
    ['an empty glob', "include: ''\n", "1:10: include: expected a glob, found ''"],
    ['a rule for nothing', 'rules:\n  - policy: newer\n', '2:5: rules[0] has no match'],
    [
      'a rule that sets nothing',
      'rules:\n  - match: a\n',
      '2:5: rules[0]: expected an option besides match, found only match',
    ],
    ['rules that are no list', 'rules:\n  match: a\n', '2:3: rules: expected a list of rules, found only match'],
    ['a rule that is no mapping', 'rules:\n  - tables\n', "2:5: rules[0]: expected a mapping, found 'tables'"],
    ['a seed without a source', 'seeds:\n  - into: a\n', '2:5: seeds[0] has no source'],
    ['no seeds', 'seeds: []\n', '1:8: seeds: expected at least one seed, found an empty list'],
    [
      'two words for the seed',
      'seeds:\n  - source: /a\nsource: /b\n',
      "3:1: both 'source' and 'seeds' say where the seed is; keep one of them",
    ],
    [
      'a share that is none',
      'safety:\n  minSeedFiles: 10%\n',
      "2:17: safety.minSeedFiles: expected a whole number, found '10%'",
    ],
    ['a list', '- a\n', '1:1: expected a mapping of keys to values, found a list'],
    [
      'a rule for an empty list',
      'rules:\n  - match: []\n    policy: never\n',
      '2:12: rules[0].match: expected a glob or a list of globs, found an empty list',
    ],
    ['a rule that is a list', 'rules:\n  - [a, b]\n', '2:5: rules[0]: expected a mapping, found a list'],
    ['safety that is a list', 'safety: [a]\n', '1:9: safety: expected a mapping, found a list'],
    ['a word', '\n\nhello\n', "3:1: expected a mapping of keys to values, found 'hello'"],
    [
      'a key twice',
      'target: /a\nflush: true\ntarget: /b\n',
      '3:1: a key stands here for the second time; keep one of them',
    ],
    ['a tab', 'rules:\n\t- match: a\n', '2:1: a tab at the beginning of a line; YAML is indented by spaces'],
    ['two documents', 'target: /a\n---\ntarget: /b\n', '2:1: a second document begins here'],
    ['a tag', 'target: !env DATA\n', "1:9: a tag that has no meaning here; put what begins with '!' in quotes"],
    [
      'a glob that YAML takes for an alias',
      'exclude:\n  - *.bak\n',
      "2:5: '*.bak' is an alias of nothing; put what begins with * in quotes: '*.bak'",
    ],
    ['aliases of aliases', `${bomb.join('\n')}\n`, '2:8: too many aliases; write out what they stand for'],
    [
      'a bracket that is not closed',
      'exclude: [a, b\ntarget: /a\n',
      '2:1: indented otherwise than its neighbours, or a [ or { that is not closed',
    ],
    ['a quote that is not closed', "target: '/a\n", "2:1: a quote, bracket or ':' is missing here"],
    ['a colon too many', 'target: a: b\n', "1:9: a second ': ' in one line"],
    [
      'a line that steps back half',
      'safety:\n    minSeedFiles: 1\n  a: 1\n',
      '3:1: indented otherwise than its neighbours',
    ],
    [
      'a character that cannot begin a value',
      'target: @home\n',
      '1:9: this character cannot begin a value; put the value in quotes',
    ],
    ['a key that is a list', '? [a]\n: b\n', '1:3: a key that is no text; write KEY: VALUE'],
    ['lists in lists without end', '['.repeat(100_000), '1:'],
    ['a version of YAML that there is not', '%YAML 9\n---\ntarget: /a\n', '1:7: YAML: Unsupported YAML version 9'],
  ])('with %s is refused where that stands, with the way out', async (_, text, first) => {
    expect((await wrong(text))[0]?.slice(0, first.length)).toBe(first);
  });

  it('is told all that is wrong with it at once, in the order of its lines', async () => {
    const text = 'policy: newest\nrules:\n  - match: a\n    polcy: never\n  - policy: x\nflush: 1\nseed: []\n';
    expect((await wrong(text)).map((line) => line.split(':')[0])).toEqual(['1', '4', '5', '5', '6', '7']);
  });

  it.each(['', '\n\n', '# nothing yet\n', '---\n', '\uFEFF', 'null\n', '{}\n'])('may be empty: %j', async (text) => {
    const { seeds, rules, valueOf } = await right(text);
    expect({ seeds, rules, target: valueOf('target') }).toEqual({ seeds: undefined, rules: [], target: undefined });
  });

  it('has every value as a flag would give it, with its place', async () => {
    const text =
      'lockTimeout: 30\nflush: false\nexclude: [a, b]\ninclude: c\nchown: 1000\nsafety:\n  minSeedFiles: 3\n';
    const { valueOf } = await right(text);
    expect(valueOf('lock-timeout')).toMatchObject({
      values: ['30'],
      key: 'lockTimeout',
      place: { line: 1, column: 14 },
    });
    expect(valueOf('flush')).toMatchObject({ values: ['false'] });
    expect(valueOf('exclude')).toMatchObject({ values: ['a', 'b'] });
    expect(valueOf('include')).toMatchObject({ values: ['c'] });
    expect(valueOf('chown')).toMatchObject({ values: ['1000'] });
    expect(valueOf('min-seed-files')).toMatchObject({ values: ['3'], key: 'safety.minSeedFiles', place: { line: 7 } });
    expect(valueOf('policy')).toBeUndefined();
    expect((await right('exclude: []\n')).valueOf('exclude')).toBeUndefined();
  });

  it('has seeds and rules in their order, with their places', async () => {
    const { seeds, rules } = await right(
      "seeds:\n  - source: /a\n  - source: /b\n    into: x\n    policy: missing\nrules:\n  - match: t\n    policy: never\n  -\n    match: [u, v]\n    mode: '0640'\n    owner: 5\n",
    );
    expect(seeds).toMatchObject([
      { source: '/a', into: undefined, policy: undefined, key: 'seeds[0]', place: { line: 2 } },
      { source: '/b', into: 'x', policy: 'missing', key: 'seeds[1]', place: { line: 3 }, intoPlace: { line: 4 } },
    ]);
    expect(rules).toMatchObject([
      { match: ['t'], sets: { policy: 'never' }, mode: undefined, owner: undefined, key: 'rules[0]', line: 7 },
      { match: ['u', 'v'], sets: {}, mode: '0640', owner: '5', key: 'rules[1]', line: 10 },
    ]);
  });

  it('may say a thing once and mean it twice', async () => {
    const { valueOf } = await right('include: &both [a, b]\nexclude: *both\n');
    expect(valueOf('exclude')?.values).toEqual(['a', 'b']);
  });

  it('points into what an alias stands for', async () => {
    expect(await wrong('include: &both [a, 5]\nexclude: *both\n')).toEqual([
      '1:20: include[1]: expected a glob, found 5; put it in quotes',
      '1:20: exclude[1]: expected a glob, found 5; put it in quotes',
    ]);
  });

  it('may be written as JSON', async () => {
    expect((await right('{"target": "/data", "exclude": ["*.bak"]}')).valueOf('target')?.values).toEqual(['/data']);
  });

  it('passes as the one in the docs', async () => {
    const text = readFileSync('docs/volseed.yaml', 'utf8');
    expect(await wrong(text)).toEqual([]);
  });
});

describe('what is for the merge, and for safety', () => {
  const text =
    'rules:\n  - match: a\n    onConflict: keep\n    restoreDeleted: true\nsafety:\n  maxDeletes: 10%\n  onDowngrade: refuse\n';

  it('is understood', async () => {
    expect(await wrong(text)).toEqual([]);
    const { rules } = await right(text);
    expect(rules[0]?.sets).toEqual({ onConflict: 'keep', restoreDeleted: true });
  });

  it.each([
    ['safety: {maxDeletes: 5}\n', []],
    ["safety: {maxDeletes: '5'}\n", []],
    ['safety: {maxDeletes: 100%}\n', []],
    [
      'safety: {maxDeletes: 101%}\n',
      ["1:22: safety.maxDeletes: expected a number of paths, or a share as 10%, found '101%'"],
    ],
    [
      'safety: {maxDeletes: -1}\n',
      ['1:22: safety.maxDeletes: expected a number of paths, or a share as 10%, found -1'],
    ],
    ['safety: {onDowngrade: no}\n', ["1:23: safety.onDowngrade: expected one of allow, keep, refuse, found 'no'"]],
    [
      'rules: [{match: a, onConflict: old}]\n',
      ["1:32: rules[0].onConflict: expected one of new, keep, replace, found 'old'"],
    ],
    [
      "rules: [{match: a, restoreDeleted: 'on'}]\n",
      ["1:36: rules[0].restoreDeleted: expected true or false, found 'on'"],
    ],
    ['maxDeletes: 5\n', ["1:1: unknown key 'maxDeletes' (it is a key of safety)"]],
  ])('is checked: %j', async (given, mistakes) => {
    expect(await wrong(given)).toEqual(mistakes);
  });
});
