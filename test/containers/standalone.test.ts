// The executable in images that have no Node, no shell, or nothing at all.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { attempt, checkout, docker } from '../support/docker.ts';
import { lines } from '../support/probe.ts';
import { runToEnd as runCommand } from '../support/volseed.ts';
import { runToEnd, serve, until } from './container.ts';
import { containers, init, label, named, newVolume, nextImage, sample, scratch, standalone, tool } from './lab.ts';

const seeded = ['RUN mkdir /var/initialdata && echo hello > /var/initialdata/hello.txt', 'ENV DATA_DIR_PATH=/data'];

/** The files of an image, but for what the engine puts into every container. */
async function filesOf(image: string): Promise<string[]> {
  const id = await docker(['create', image, 'none']);
  const { stdout } = runCommand('bash', ['-c', `docker export ${id} | tar -t`]);
  await docker(['rm', id]);
  return lines(stdout).filter((name) => !/\/$|^(\.dockerenv|(dev|etc|proc|sys)\/.*)$/.test(name));
}

const inspect = async (image: string, format: string): Promise<string> =>
  await docker(['image', 'inspect', '--format', format, image]);

containers('the executable', () => {
  test('seeds, and becomes the service, in an image without Node', async () => {
    const copy = `COPY --from=${standalone()} /volseed /usr/local/bin/volseed`;
    const entry = 'ENTRYPOINT ["volseed", "run", "--"]';
    const image = await nextImage([copy, ...seeded, entry], { from: 'debian:bookworm-slim' });
    const command = ['sh', '-c', 'echo $$ $(cat /data/hello.txt)'];
    const { code, stdout } = await runToEnd({ image, volume: await newVolume(), command });
    expect(stdout).toMatch(/^hello\.txt\n[^]+\n1 hello\n$/m);
    expect(code).toBe(0);
  });

  test('seeds, and becomes the service, on scratch', async () => {
    const from = await nextImage(seeded, { from: 'debian:bookworm-slim' });
    const image = await nextImage(
      [
        `COPY --from=${scratch()} / /`,
        `COPY --from=${from} /var/initialdata /var/initialdata`,
        'ENV DATA_DIR_PATH=/data PATH=/usr/local/bin',
        'ENTRYPOINT ["volseed", "run", "--"]',
      ],
      { from: 'scratch' },
    );
    // The one program there is to become: the second run finds done what the first did.
    const command = ['volseed', 'sync'];
    const { code, stdout, stderr } = await runToEnd({ image, volume: await newVolume(), command });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Totals: 1 created[^]+^Totals: nothing to copy, 1 up to date/m);
  });

  test('says what is missing where its loader is not there', async () => {
    const image = await nextImage([`COPY --from=${standalone()} /volseed /volseed`, 'CMD ["/volseed"]'], {
      from: 'scratch',
    });
    const { code, stderr } = await attempt(['run', '--rm', '--label', label(), image]);
    expect({ code: code === 0, stderr }).toEqual({ code: false, stderr: expect.stringContaining('no such file') });
  });
});

containers('the initContainer image', () => {
  test('seeds as an ordinary user who may write nowhere else and has no capability', async () => {
    const volume = await newVolume();
    const image = await nextImage(['COPY hello.txt /var/initialdata/hello.txt', 'ENV DATA_DIR_PATH=/data'], {
      from: init(),
      context: (directory) => runCommand('sh', ['-c', 'echo hello > "$0/hello.txt"', directory]),
    });
    // What Kubernetes does for fsGroup.
    await runToEnd({
      image: sample(),
      volume,
      options: ['--user', '0', '--entrypoint', 'chown'],
      command: ['1000', '/data'],
    });
    const restricted = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--network', 'none'];
    const { code, stdout, stderr } = await runToEnd({ image, volume, options: restricted });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^hello\.txt\nInitial data sync operation completed successfully\.$/m);
    const read = { image: sample(), volume, options: ['--entrypoint', 'cat'], command: ['/data/hello.txt'] };
    expect((await runToEnd(read)).stdout).toBe('hello\n');
  });

  test('has the executable, its libraries, its licences, and no shell', async () => {
    expect(await inspect(init(), '{{.Config.User}} {{json .Config.Entrypoint}} {{json .Config.Cmd}}')).toBe(
      '1000 ["volseed"] ["sync"]',
    );
    const names = (await filesOf(init())).map((name) => name.replace(/(x86_64|aarch64|x86-64)/g, 'ARCH'));
    expect(names.toSorted()).toEqual(
      [
        'lib/ARCH-linux-gnu/libc.so.6',
        'lib/ARCH-linux-gnu/libdl.so.2',
        'lib/ARCH-linux-gnu/libm.so.6',
        'lib/ARCH-linux-gnu/libpthread.so.0',
        'lib64/ld-linux-ARCH.so.2',
        'usr/local/bin/volseed',
        'usr/share/licenses/volseed/LICENSES.txt',
      ].toSorted(),
    );
  });
});

containers('every image that ships', () => {
  const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version: string };

  test.each([
    ['the tool', tool],
    ['the executable', standalone],
    ['the executable with its libraries', scratch],
    ['the initContainer', init],
    ['the sample', sample],
  ])('says what it is: %s', async (_, image) => {
    const labels = JSON.parse(await inspect(image(), '{{json .Config.Labels}}')) as Record<string, string>;
    expect(labels).toMatchObject({
      'org.opencontainers.image.title': expect.stringContaining('volseed'),
      'org.opencontainers.image.description': expect.stringMatching(/./),
      'org.opencontainers.image.licenses': 'MIT',
      'org.opencontainers.image.version': version,
    });
  });
});

describe('the same sources', () => {
  containers('built again with nothing kept', () => {
    test('give the same layers', async () => {
      const again = named('image');
      onTestFinished(async () => {
        await attempt(['rmi', '--force', again]);
      });
      const stages = ['packages', 'build', 'build-standalone', 'tool-scratch'];
      const build = ['build', '--force-rm', '--label', label(), '--tag', again];
      // One label more, and no stage is taken from what is there.
      const { code, stderr } = await attempt([...build, '--no-cache', '--target', stages.at(-1) ?? '', checkout]);
      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
      const layers = '{{.Id}} {{json .RootFS.Layers}}';
      const [[id, those], [otherId, these]] = [
        (await inspect(scratch(), layers)).split(' '),
        (await inspect(again, layers)).split(' '),
      ];
      expect(otherId).not.toBe(id);
      expect(these).toBe(those);
    });
  });
});

containers('the health check of the sample', () => {
  const status = '{{.State.Health.Status}}';

  test('tells of a service that serves, and of one whose data are gone', async () => {
    const container = await serve({
      volume: await newVolume(),
      options: ['--health-interval', '1s', '--health-retries', '1'],
    });
    await until('healthy', async () => (await container.inspect(status)) === 'healthy');
    expect(await container.inspect(status)).toBe('healthy');
    await container.exec('mv', '/data/tables', '/data/elsewhere');
    await until('unhealthy', async () => (await container.inspect(status)) === 'unhealthy');
  });
});
