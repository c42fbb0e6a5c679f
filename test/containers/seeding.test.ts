// A volume that outlives its images: what each start, and each next image, may change in it.
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runToEnd, serve } from './container.ts';
import { containers, newVolume, nextImage } from './lab.ts';
import { differences, files, snapshot, written } from './reading.ts';

containers('a volume through its images', () => {
  test('the first start seeds the volume, then serves from it', async () => {
    const container = await serve({ volume: await newVolume() });
    expect(await differences(container)).toBe('');
    expect(await container.answer()).toMatchObject({ dataDir: '/data' });
    expect(await container.get('/tables/t2.csv')).toBe(`${await container.exec('cat', '/data/tables/t2.csv')}\n`);
  });

  test('the first start names every file and link that it wrote, once', async () => {
    const container = await serve({ volume: await newVolume() });
    const seed = await container.exec(
      'sh',
      '-c',
      'cd /var/initialdata/common && find . ! -type d ! -name .volseed-manifest -printf "%P\\n"',
    );
    const logged = files(written(await container.log())).map((line) => line.replace(/ -> .*/, ''));
    expect(logged.toSorted()).toEqual(seed.split('\n').toSorted());
  });

  test('a restart copies nothing, and says so', async () => {
    const container = await serve({ volume: await newVolume() });
    const before = await snapshot(container);
    await container.stop();
    await container.startAgain();
    expect((await container.log()).match(/^Initiating sync/gm)).toHaveLength(2);
    expect(written(await container.log())).toEqual([]);
    expect(await snapshot(container)).toEqual(before);
  });

  test('a new container on the volume copies nothing', async () => {
    const volume = await newVolume();
    await (await serve({ volume })).stop();
    expect(written(await (await serve({ volume })).log())).toEqual([]);
  });

  test('the next image with a later t2.csv updates that one file', async () => {
    const volume = await newVolume();
    const first = await serve({ volume });
    const before = await snapshot(first);
    await first.stop();
    const next = await serve({ volume, image: await imageWith('tables/t2.csv', 'of the next image\n') });
    expect(files(written(await next.log()))).toEqual(['tables/t2.csv']);
    expect(await next.get('/tables/t2.csv')).toBe('of the next image\n');
    const { 'tables/t2.csv': was, ...others } = before;
    const { 'tables/t2.csv': is, ...othersNow } = await snapshot(next);
    expect(is).not.toBe(was);
    expect(othersNow).toEqual(others);
  });

  test('an edit made in the volume survives the next image, where that has another version of it as well', async () => {
    const volume = await newVolume();
    const first = await serve({ volume });
    // Made before the edits: under `newer` the later one wins.
    const image = await imageWith('global/colors.json', '{}\n', -2);
    await first.exec('sh', '-c', 'echo mine > /data/global/colors.json; echo mine > /data/tables/t2.csv');
    await first.stop();
    const next = await serve({ volume, image });
    expect(files(written(await next.log()))).toEqual([]);
    expect(await next.exec('cat', '/data/global/colors.json', '/data/tables/t2.csv')).toBe('mine\nmine');
  });

  test('what a user added stays', async () => {
    const volume = await newVolume();
    const first = await serve({ volume });
    await first.exec('sh', '-c', 'cd /data && mkdir new && echo mine > new/notes.txt && echo mine > tables/mine.csv');
    await first.stop();
    const next = await serve({ volume, image: await imageWith('tables/t2.csv', 'of the next image\n') });
    expect(await next.exec('cat', '/data/new/notes.txt', '/data/tables/mine.csv')).toBe('mine\nmine');
  });

  test('a deleted file returns with the next start', async () => {
    const container = await serve({ volume: await newVolume() });
    await container.exec('rm', '/data/global/colors.json');
    await container.stop();
    await container.startAgain();
    expect(files(written(await container.log()))).toEqual(['global/colors.json']);
    expect(await differences(container)).toBe('');
  });

  test('a command in the place of the CMD finds a seeded volume and is the last to speak', async () => {
    const { code, stdout } = await runToEnd({
      volume: await newVolume(),
      command: ['sh', '-c', 'ls /data/tables | grep -c . ; exit 7'],
    });
    expect(code).toBe(7);
    expect(stdout).toMatch(/^\d+$(?![^]*\n.)/m);
  });

  test('`docker exec volseed plan` says without a terminal what the next start would do, and does nothing', async () => {
    const container = await serve({ volume: await newVolume() });
    await container.exec('rm', '/data/global/colors.json');
    expect(await container.exec('volseed', 'plan')).toContain('global/colors.json');
    expect(await differences(container)).toContain('colors.json');
  });

  test('`docker exec volseed sync` seeds while the service runs', async () => {
    const container = await serve({ volume: await newVolume() });
    await container.exec('rm', '/data/global/colors.json');
    expect(files(written(await container.exec('volseed', 'sync')))).toEqual(['global/colors.json']);
    expect(await differences(container)).toBe('');
    expect((await container.answer()).pid).toBe(1);
  });
});

/** The sample with another version of one file; its mtime is `seconds` from now. */
async function imageWith(path: string, content: string, seconds = 3600): Promise<string> {
  const time = Date.now() / 1000 + seconds;
  const context = (directory: string): void => {
    writeFileSync(join(directory, 'file'), content);
    utimesSync(join(directory, 'file'), time, time);
  };
  return await nextImage([`COPY file /var/initialdata/common/${path}`], { context });
}
