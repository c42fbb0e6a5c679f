// The compose files of each environment with their settings of env/, by both generations of compose.
import { chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { attempt, composeBy, composes, docker } from '../support/docker.ts';
import { Container, until } from './container.ts';
import { containers, named, nextImage, sample } from './lab.ts';
import { files, snapshot, written } from './reading.ts';

const EDIT = 'edited by a person';

for (const [generation, command] of Object.entries(composes())) {
  // Under CI nothing is skipped: without a command the tests are run, and fail.
  const suite = command === undefined && !process.env['CI'] ? describe.skip : containers;
  suite(`compose ${generation}`, () => {
    test('dev: the volume is a directory of the host, all of it the developer’s, and follows the seed on the host', async () => {
      const data = hostDirectory(1234);
      const on = environment('dev', { IMAGE: sample(), DATA: data, DEV_UID: '1234', DEV_GID: '1234' }, command);
      const first = await on.up();
      expect(files(written(await first.log()))).toContain('tables/t2.csv');
      expect(statSync(join(data, 'tables/t2.csv'))).toMatchObject({ uid: 1234, gid: 1234 });
      writeFileSync(join(data, 'tables/t2.csv'), EDIT);
      expect(await first.get('/tables/t2.csv')).toBe(EDIT);
      await on.run('restart');
      await first.answer();
      expect(written(await first.log())).toEqual([]);
      await on.run('down', '--volumes');
      expect(readFileSync(join(data, 'tables/t2.csv'), 'utf8')).toBe(EDIT);
    });

    test('uat: a release begins with its own data, once, and keeps what is edited afterwards', async () => {
      const on = environment('uat', { IMAGE: sample(), RELEASE: 'one' }, command);
      const first = await on.up();
      await edit(first, 'tables/t2.csv');
      await on.run('restart');
      await first.answer();
      expect(await first.get('/tables/t2.csv')).toBe(EDIT);

      on.set({ IMAGE: await next(), RELEASE: 'two' });
      const second = await on.up();
      expect(await second.get('/tables/t2.csv')).not.toBe(EDIT);
      expect(await second.get('/tables/t1.csv')).toBe('next\n');
      await edit(second, 'tables/t2.csv');
      await on.run('down');
      const again = await on.up();
      expect(await again.get('/tables/t2.csv')).toBe(EDIT);
      expect(await again.exec('volseed', 'restore', '--last')).toContain('Restoring');
    });

    test('prod: an edit stays through the next image, the volume’s loss is undone by its backup, an older image is refused', async () => {
      const on = environment('prod', { IMAGE: sample(), RELEASE: '1', BACKUP: '1' }, command);
      const first = await on.up();
      const { HostConfig: host } = JSON.parse(await first.inspect('{{json .}}'));
      expect(host).toMatchObject({ ReadonlyRootfs: true, CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges:true'] });
      expect(host).toMatchObject({ Memory: 512 * 1024 * 1024, NanoCpus: 1e9, PidsLimit: 100 });
      await edit(first, 'tables/t2.csv');
      await first.exec('sh', '-c', 'echo mine > /data/notes.txt');
      on.set({ IMAGE: await next(), RELEASE: '2' });
      const second = await on.up();
      expect(await second.get('/tables/t1.csv')).toBe('next\n');
      expect(await second.get('/tables/t2.csv')).toBe(EDIT);
      const before = await snapshot(second);

      expect(await on.run('run', '--rm', 'backup')).toContain('Backed up the volume as 1.');
      await expect(on.run('run', '--rm', 'restore')).rejects.toThrow(/the volume is not empty/);
      await on.run('down');
      await docker(['volume', 'rm', `${on.project}_data`]);
      expect(await on.run('run', '--rm', 'restore')).toContain('Restored the volume from 1.');
      const restored = await on.up();
      expect(await snapshot(restored)).toEqual(before);
      expect(await restored.log()).toMatch(/"msg":"Totals: nothing to copy, /);
      expect(await restored.exec('cat', '/data/notes.txt')).toBe('mine');

      on.set({ IMAGE: sample(), RELEASE: '1' });
      await on.run('up', '--detach', '--no-build');
      const refused = new Container(await on.run('ps', '--all', '--quiet', 'sample'));
      await until('it is refused', async () => /is older than/.test(await refused.log()));
    });
  });
}

const second = composes()['2'];
(second === undefined && !process.env['CI'] ? describe.skip : containers)('compose.v2.yaml', () => {
  test('the seeding is a service of its own, which ends before the other starts', async () => {
    const on = withSeedService({});
    const container = await on.up();
    expect(await container.log()).not.toContain('Initiating');
    expect(await container.answer()).toMatchObject({ pid: 1 });
    const seed = new Container(await on.run('ps', '--all', '--quiet', 'seed'));
    expect(files(written(await seed.log()))).toContain('tables/t2.csv');
    expect(await seed.exitCode()).toBe(0);
  });

  test('one that fails keeps the other from starting', async () => {
    const on = withSeedService({ MIN_SEED_FILES: '100000' });
    await expect(on.run('up', '--detach')).rejects.toThrow(/seed.* exit 76/);
    const container = new Container(await on.run('ps', '--all', '--quiet', 'sample'));
    expect(await container.inspect('{{.State.Status}}')).toBe('created');
  });
});

function withSeedService(variables: Readonly<Record<string, string>>): Environment {
  const COMPOSE_FILE = 'compose.yaml:compose.v2.yaml';
  return environment('prod', { IMAGE: sample(), COMPOSE_FILE, ...variables }, second);
}

interface Environment {
  /** `compose ARGS` with the environment's files. */
  readonly run: (...args: readonly string[]) => Promise<string>;
  readonly up: () => Promise<Container>;
  readonly set: (variables: Readonly<Record<string, string>>) => void;
  readonly project: string;
}

/** An environment under a name of its own; all of it goes with the test. */
function environment(
  name: 'dev' | 'uat' | 'prod',
  variables: Readonly<Record<string, string>>,
  command: readonly string[] = ['docker', 'compose'],
): Environment {
  const project = named(name);
  // Port 0: the engine chooses one that is free.
  const env = { PORT: '0', ...variables };
  const run = async (...args: readonly string[]): Promise<string> =>
    await composeBy(command, ['--env-file', `env/${name}.env`, '--project-name', project, ...args], { env });
  onTestFinished(async () => {
    await run('down', '--volumes', '--remove-orphans', '--timeout', '1');
    await attempt(['volume', 'rm', '--force', `${project}_backups`, `${project}_data`]);
  });
  return {
    run,
    project,
    set: (more) => void Object.assign(env, more),
    up: async () => {
      await run('up', '--detach', '--no-build');
      const container = new Container(await run('ps', '--quiet', 'sample'));
      await container.answer();
      return container;
    },
  };
}

function hostDirectory(owner: number): string {
  const directory = mkdtempSync(join(tmpdir(), 'volseed-dev-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  chownSync(directory, owner, owner);
  return directory;
}

const edit = async (container: Container, path: string): Promise<string> =>
  await container.exec('sh', '-c', `printf '${EDIT}' > /data/${path}`);

/** The next version of the sample. */
async function next(): Promise<string> {
  return await nextImage([
    'USER 0',
    'RUN echo next > /var/initialdata/common/tables/t1.csv && volseed manifest --source /var/initialdata/common',
    'USER 1000',
  ]);
}
