// Reset and restore where they are used: in a running container, and at its start.
import { expect, test } from 'vitest';
import { attempt } from '../support/docker.ts';
import { type Container, serve } from './container.ts';
import { containers, newVolume } from './lab.ts';
import { differences } from './reading.ts';

/** `docker exec`, as a person or an orchestrator calls it: no terminal, no environment but the container's. */
async function volseed(container: Container, ...args: string[]) {
  return await attempt(['exec', container.name, 'volseed', ...args]);
}

const edit = async (container: Container, path: string): Promise<string> =>
  await container.exec('sh', '-c', `echo edited > /data/${path}`);

containers('reset in a container', () => {
  test('puts one file back while the service runs, and restore --last brings the edit back', async () => {
    const container = await serve({ volume: await newVolume() });
    await edit(container, 'tables/t2.csv');
    await edit(container, 'global/colors.json');
    expect(await volseed(container, 'reset', 'tables/t2.csv')).toMatchObject({ code: 0, stderr: '' });
    expect(await container.get('/tables/t2.csv')).not.toBe('edited\n');
    expect(await container.exec('cat', '/data/global/colors.json')).toBe('edited');
    expect(await volseed(container, 'restore', '--last')).toMatchObject({ code: 0, stderr: '' });
    expect(await container.get('/tables/t2.csv')).toBe('edited\n');
  });

  test('puts a directory back, a corrupted file and a deleted one', async () => {
    const container = await serve({ volume: await newVolume() });
    await edit(container, 'tables/t2.csv');
    await container.exec(
      'sh',
      '-c',
      'rm /data/tables/t1.csv && printf x | dd of=/data/global/colors.json conv=notrunc',
    );
    expect(await volseed(container, 'reset', 'tables', '/data/global/**')).toMatchObject({ code: 0, stderr: '' });
    expect(await differences(container)).toBe('');
  });

  test('of everything asks for --yes where there is no terminal', async () => {
    const container = await serve({ volume: await newVolume() });
    await edit(container, 'tables/t2.csv');
    expect(await volseed(container, 'reset', '--all')).toMatchObject({ code: 2, stdout: '' });
    expect(await container.get('/tables/t2.csv')).toBe('edited\n');
    expect(await volseed(container, 'reset', '--all', '--yes')).toMatchObject({ code: 0 });
    expect(await differences(container)).toBe('');
  });

  test('by the environment with an id is done once, through three restarts', async () => {
    const volume = await newVolume();
    const first = await serve({ volume });
    await edit(first, 'tables/t2.csv');
    await first.stop();
    const options = ['--env', 'VOLSEED_RESET=tables/**', '--env', 'VOLSEED_RESET_ID=2026-11'];
    const container = await serve({ volume, options });
    expect(await container.get('/tables/t2.csv')).not.toBe('edited\n');
    await edit(container, 'tables/t2.csv');
    for (let restart = 0; restart < 3; restart++) {
      // oxlint-disable no-await-in-loop -- one after the other
      await container.stop();
      await container.startAgain();
      await container.answer();
      // oxlint-enable no-await-in-loop
    }
    expect(await container.get('/tables/t2.csv')).toBe('edited\n');
    expect((await container.log()).match(/^Backed up/gm)).toHaveLength(1);
  });
});
