import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readArguments } from '../../src/config/arguments.ts';
import { configure } from '../../src/config/configuration.ts';
import type { Command } from '../../src/config/options.ts';
import { settle, type Settings } from '../../src/config/settings.ts';
import { Mistakes, UsageError } from '../../src/core/errors.ts';
import type { RelPath } from '../../src/core/path.ts';
import { scratch } from '../support/tree.ts';

type Environment = Readonly<Record<string, string>>;

/** A file of the test's own. */
function written(text: string | Uint8Array): string {
  const place = scratch();
  onTestFinished(() => place[Symbol.dispose]());
  const file = join(place.path, 'volseed.yaml');
  writeFileSync(file, text);
  return file;
}

async function settled(
  file: string,
  args: readonly string[] = [],
  environment: Environment = {},
  command: Command = 'sync',
): Promise<Settings> {
  const given = readArguments(command, ['--config', file, ...args], environment);
  return await settle(command, await configure(command, given, environment), environment);
}

describe('a value', () => {
  const text = 'target: /file\npolicy: missing\nlockTimeout: 3s\nexclude: [f]\nflush: false\n';

  it('of the file beats the default', async () => {
    expect(await settled(written(text))).toMatchObject({
      target: '/file',
      policy: 'missing',
      lockTimeout: 3000,
      flush: false,
    });
  });

  it('of the environment beats the file, key by key', async () => {
    const environment = { VOLSEED_POLICY: 'always', VOLSEED_EXCLUDE: 'e' };
    const settings = await settled(written(text), [], environment);
    expect(settings).toMatchObject({ policy: 'always', policyBy: 'VOLSEED_POLICY', lockTimeout: 3000 });
    expect(settings.excluded?.values).toEqual(['e']);
  });

  it('of a flag beats both', async () => {
    const environment = { VOLSEED_POLICY: 'always', VOLSEED_TARGET: '/env' };
    const settings = await settled(written(text), ['--policy', 'newer', '--target', '/flag', '--flush'], environment);
    expect(settings).toMatchObject({ policy: 'newer', target: '/flag', flush: true });
  });

  it('that is empty in the environment leaves it to the file', async () => {
    expect(await settled(written(text), [], { VOLSEED_POLICY: '' })).toMatchObject({ policy: 'missing' });
  });

  it('of the file comes before DATA_DIR_PATH, which is the default of the target', async () => {
    expect(await settled(written(text), [], { DATA_DIR_PATH: '/data' })).toMatchObject({ target: '/file' });
    expect(await settled(written(''), [], { DATA_DIR_PATH: '/data' })).toMatchObject({ target: '/data' });
  });

  it('is said to be of its line', async () => {
    const path = written(text);
    expect(await settled(path)).toMatchObject({ policyBy: `policy of ${path}:2`, targetBy: `target of ${path}:1` });
  });

  it('of another command is nothing to this one', async () => {
    expect(await settled(written('target: /d\ngrace: 5s\nuser: nobody\n'))).toMatchObject({ service: undefined });
    const run = await settled(written('target: /d\ngrace: 5s\n'), ['--', 'server'], {}, 'run');
    expect(run.service).toMatchObject({ grace: 5000, argv: ['server'] });
  });

  it('may come from a file that the environment names', async () => {
    const environment = { VOLSEED_CONFIG: written(text) };
    const given = await configure('sync', readArguments('sync', [], environment), environment);
    expect(await settle('sync', given, environment)).toMatchObject({ policy: 'missing' });
  });

  it('is the default where /dev/null is the file', async () => {
    const settings = await settled('/dev/null', ['--target', '/d']);
    expect(settings).toMatchObject({ file: undefined, policy: 'newer' });
  });
});

describe('a path in the file', () => {
  it('has its variables expanded', async () => {
    const file = written(
      'target: ${VOLUME}\nseeds:\n  - source: /i/${SITE:-north}\n    into: ${SITE:-north}/$$x\nstateDir: ${VOLUME}-state\n',
    );
    expect(await settled(file, [], { VOLUME: '/v' })).toMatchObject({
      target: '/v',
      stateDir: '/v-state',
      seeds: [{ source: '/i/north', into: 'north/$x' }],
    });
  });

  it('is relative to the file', async () => {
    const file = written('target: ../volume\nsource: seed\n');
    const here = file.replace(/\/volseed.yaml$/, '');
    expect(await settled(file)).toMatchObject({ target: join(here, '../volume'), seeds: [{ source: `${here}/seed` }] });
  });

  it('that needs a variable that is not set is an error where it stands', async () => {
    const file = written('policy: newer\ntarget: ${NONE}/x\n');
    await expect(settled(file)).rejects.toThrow(`${file}:2:9: target: the variable NONE is not set`);
    await expect(settled(file, [], { NONE: '' })).rejects.toThrow('the variable NONE is not set');
    const into = written('target: /d\nseeds:\n  - source: /a\n    into: ${NONE}\n');
    await expect(settled(into)).rejects.toThrow(`${into}:4:11: seeds[0].into: the variable NONE is not set`);
  });

  it('that is empty, or that no file can have, is an error where it stands', async () => {
    const nul = written('target: /d\nseeds:\n  - source: /a\n    into: "a\\0b"\n');
    await expect(settled(nul)).rejects.toThrow(`${nul}:4:11: seeds[0].into: the path is empty, or has a NUL byte`);
    const empty = written('target: ${NONE:-}\n');
    await expect(settled(empty)).rejects.toThrow(`${empty}:1:9: target: the path is empty`);
  });

  it('that a flag has overruled, or that the command has no use for, needs no variable', async () => {
    const file = written('target: ${NONE}\nbackupDir: ${NONE}\nseeds: [{source: "${NONE}"}]\n');
    const args = ['--target', '/d', '--source', '/s', '--backup-dir', '/b'];
    expect(await settled(file, args)).toMatchObject({ target: '/d', seeds: [{ source: '/s' }] });
    expect(await settled(file, ['--target', '/d'], {}, 'verify').catch((error: unknown) => String(error))).toContain(
      'seeds[0].source',
    );
    expect(await settled(file, ['--target', '/d', '--backup-dir', '/b'], {}, 'backups')).toMatchObject({ seeds: [] });
  });

  it('is never a glob, an id or a user: a dollar sign is one there', async () => {
    const file = written("target: /d\nexclude: ['a$b']\nresetId: $1\nreset: all\n");
    expect((await settled(file)).excluded?.values).toEqual(['a$b']);
  });
});

describe('seeds', () => {
  const text = 'target: /d\nseeds:\n  - source: /a\n  - source: /b\n    into: ./x//y/\n    policy: missing\n';

  it('keep their order, each with where it goes and its policy', async () => {
    const path = written(text);
    expect((await settled(path)).seeds).toEqual([
      { source: '/a', by: `seeds[0] of ${path}:3`, into: '', policy: undefined },
      { source: '/b', by: `seeds[1] of ${path}:4`, into: 'x/y', policy: 'missing' },
    ]);
  });

  it('give way to a source by flag or environment, all of them', async () => {
    const seeds = [{ source: '/s', into: '', policy: undefined }];
    expect(await settled(written(text), ['--source', '/s'])).toMatchObject({ seeds });
    expect(await settled(written(text), [], { VOLSEED_SOURCE: '/s' })).toMatchObject({ seeds });
  });

  it.each([
    ['/abs', "begins with '/'"],
    ['../x', "goes up with '..'"],
    ['a/../../x', "goes up with '..'"],
    ['.volseed', "is volseed's own"],
    ['./.volseed/stage', "is volseed's own"],
  ])('go into a directory of the target, which %s is not', async (into, why) => {
    const path = written(`target: /d\nseeds:\n  - source: /a\n    into: ${into}\n`);
    await expect(settled(path)).rejects.toThrow(UsageError);
    await expect(settled(path)).rejects.toThrow(why);
    await expect(settled(path)).rejects.toThrow(`seeds[0] of ${path}:3: into`);
  });

  it('may go into the target itself by its name', async () => {
    expect(await settled(written('target: /d\nseeds: [{source: /a, into: .}]\n'))).toMatchObject({
      seeds: [{ into: '' }],
    });
  });
});

describe('rules', () => {
  it('hold beside whatever flags say', async () => {
    const file = written(
      "target: /d\nrules:\n  - match: [t, '*.key']\n    policy: never\n    mode: '0640'\n    owner: app:app\n",
    );
    const { rules, policy } = await settled(file, ['--source', '/s', '--policy', 'always']);
    expect(policy).toBe('always');
    expect(rules).toMatchObject([
      {
        by: `rules[0] of ${file}:3`,
        sets: { policy: 'never' },
        owner: { value: 'app:app', by: `owner of rules[0] of ${file}:3` },
      },
    ]);
    const [rule] = rules;
    expect(['t', 'x.key', 't/a', 'u'].map((path) => rule?.matches(path as RelPath))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(rule?.sets.chmod?.(0o777, false)).toBe(0o640);
  });
});

describe('a file', () => {
  it('that is named and is not there is an error, and one that is not named is none', async () => {
    await expect(settled('/no/such/file.yaml')).rejects.toThrow(
      'configuration file /no/such/file.yaml (--config) does not exist',
    );
    const given = readArguments('sync', ['--target', '/d'], {});
    expect(await configure('sync', given, {})).toBe(given);
  });

  it('that is a directory is said to be one', async () => {
    const file = written('');
    mkdirSync(`${file}.d`);
    await expect(settled(`${file}.d`)).rejects.toThrow('is a directory; name the file in it');
  });

  it('that is no regular file is refused, and not waited for', async () => {
    await expect(settled('/dev/zero')).rejects.toThrow('is no regular file');
  });

  it('that is not UTF-8 is refused at the line where it is not', async () => {
    const file = written(
      Buffer.concat([Buffer.from('target: /d\nsource: /é\n# '), Buffer.of(0xe9), Buffer.from('\n')]),
    );
    await expect(settled(file)).rejects.toThrow(`${file}:3: not UTF-8 here`);
  });

  it('that is larger than any configuration is refused unread', async () => {
    await expect(settled(written(Buffer.alloc(1024 * 1024 + 1, '#')))).rejects.toThrow('larger than 1 MiB');
    expect(await settled(written(Buffer.alloc(1024 * 1024, '#')), ['--target', '/d'])).toMatchObject({
      policy: 'newer',
    });
  });

  it('is told all its mistakes, up to twenty lines of them', async () => {
    const outcome = await settled(written('polcy: 1\nsuorce: 2\n')).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(Mistakes);
    expect(outcome).toMatchObject({ others: [expect.stringContaining(":2:1: unknown key 'suorce'")] });
    const many = written(Array.from({ length: 30 }, (_, n) => `k${n}: 1\n`).join(''));
    const more = (await settled(many).catch((error: unknown) => error)) as Mistakes;
    expect(more.others).toHaveLength(20);
    expect(more.others.at(-1)).toBe(`${many}: and 10 more mistakes`);
  });
});
