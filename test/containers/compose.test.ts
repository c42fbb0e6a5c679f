// compose.yaml as it is in the project, with whichever compose the machine has.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { compose, docker } from '../support/docker.ts';
import { Container } from './container.ts';
import { containers, named } from './lab.ts';
import { files, written } from './reading.ts';

containers('compose', () => {
  let project = '';

  beforeEach(() => {
    project = named('compose');
  });

  afterEach(async () => {
    await run('down', '--volumes', '--rmi', 'all', '--timeout', '1');
  });

  async function run(...args: readonly string[]): Promise<string> {
    // Port 0: the engine chooses one that is free.
    return await compose(['--project-name', project, ...args], { env: { PORT: '0' } });
  }

  async function up(): Promise<Container> {
    await run('up', '--detach', '--build');
    const container = new Container(await run('ps', '--quiet', 'sample'));
    await container.answer();
    return container;
  }

  test('down and up keep the volume, its edits included', async () => {
    const first = await up();
    expect(files(written(await first.log()))).toContain('tables/t2.csv');
    await first.exec('sh', '-c', 'echo mine > /data/global/colors.json');
    await run('down');
    await expect(docker(['inspect', first.name])).rejects.toThrow(/No such/);
    const second = await up();
    expect(written(await second.log())).toEqual([]);
    expect(await second.exec('cat', '/data/global/colors.json')).toBe('mine');
  });

  test('the service runs without capabilities on a read-only root file system, as PID 1', async () => {
    const container = await up();
    expect(await container.answer()).toMatchObject({ pid: 1, ppid: 0 });
    expect(await container.inspect('{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}')).toBe('true [ALL]');
  });
});
