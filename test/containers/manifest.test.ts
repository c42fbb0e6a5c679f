// A manifest is believed in the container whatever way the image came to be, and not where the seed is another one.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { attempt, docker } from '../support/docker.ts';
import { runToEnd, serve, start } from './container.ts';
import { containers, label, named, newVolume, nextImage, sample, tool } from './lab.ts';
import { differences, files, written } from './reading.ts';

const seed = '/var/initialdata/common';
const believed = /^The seed is known by its manifest [0-9a-f]{64}/m;
const disbelieved = 'the seed is walked instead';

const oneFile = (directory: string): void => writeFileSync(join(directory, 'file'), 'of a later layer\n');

/** What a first seeding says of the seed. */
async function firstStart(image: string, options: readonly string[] = []): Promise<string> {
  const command = ['true'];
  const launch = {
    image,
    volume: await newVolume(),
    options: ['--env', 'VOLSEED_LOG_LEVEL=debug', ...options],
    command,
  };
  const { code, stdout, stderr } = await runToEnd(launch);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout + stderr;
}

containers('the manifest of an image', () => {
  test('of the sample, which RUN has written, is believed, and is not seeded', async () => {
    const container = await serve({ volume: await newVolume(), options: ['--env', 'VOLSEED_LOG_LEVEL=debug'] });
    expect(await container.log()).toMatch(believed);
    expect(await container.log()).not.toContain(disbelieved);
    expect(await container.exec('ls', '-A', '/data')).not.toContain('.volseed-manifest');
    expect(await differences(container)).toBe('');
    expect(await container.exec('volseed', 'verify')).toMatch(
      /^The seed against its manifest: \d+ as it says, 0 not\.$/m,
    );
  });

  test('is believed where the files were made by the same RUN, with times that the layer cuts to whole seconds', async () => {
    const image = await nextImage([
      'USER 0',
      `RUN mkdir -p ${seed}/made/below && touch ${seed}/made/below/a ${seed}/made/b && volseed manifest --source ${seed}`,
      'USER 1000',
    ]);
    expect(await firstStart(image)).toMatch(believed);
  });

  test('is believed where the seed was copied with it from another stage', async () => {
    const image = await nextImage([
      'FROM node:26-bookworm-slim',
      `COPY --from=${tool()} /volseed /usr/local/bin/volseed`,
      `COPY --from=${sample()} ${seed} /seed`,
      'ENV DATA_DIR_PATH=/data VOLSEED_SOURCE=/seed',
      'ENTRYPOINT ["volseed", "run", "--"]',
    ]);
    expect(await firstStart(image)).toMatch(believed);
  });

  test('is believed where a container was committed', async () => {
    const container = await start({ command: ['sh', '-c', 'exit 0'] });
    await container.ended();
    const image = named('committed');
    await docker(['commit', '--change', `LABEL ${label()}`, container.name, image]);
    expect(await firstStart(image)).toMatch(believed);
  });

  test('is not where a later layer replaces a file, and the start seeds what there is', async () => {
    const image = await nextImage([`COPY file ${seed}/tables/t2.csv`], { context: oneFile });
    const log = await firstStart(image);
    expect(log).toContain(`the manifest of source ${seed} (VOLSEED_SOURCE) does not match: tables has another time`);
    expect(files(written(log))).toContain('tables/t2.csv');
  });

  test('is not where a later layer adds a file at the root of the seed', async () => {
    const image = await nextImage([`COPY file ${seed}/new.txt`], { context: oneFile });
    expect(await firstStart(image)).toContain('does not match: new.txt is not in it');
  });

  test('is not where a single file is mounted over one of the seed, and that file is seeded', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'volseed-test-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    writeFileSync(join(directory, 'mine.csv'), 'mine\n', { mode: 0o644 });
    const volume = await newVolume();
    const mount = ['--volume', `${join(directory, 'mine.csv')}:${seed}/tables/t2.csv:ro`];
    const { stdout, stderr } = await runToEnd({ volume, options: mount, command: ['cat', '/data/tables/t2.csv'] });
    expect(stderr).toContain('does not match: tables/t2.csv is a mount of its own');
    expect(stdout).toMatch(/\nmine\n$/);
  });

  test('cannot be written to a running container, whose service is not root, and the message says where it can', async () => {
    const container = await serve({ volume: await newVolume() });
    const { code, stderr } = await attempt(['exec', container.name, 'volseed', 'manifest']);
    expect({ code, stderr }).toEqual({
      code: 23,
      stderr: `volseed: the manifest cannot be written to ${seed}: permission denied; run volseed manifest where the image is built\n`,
    });
  });
});
