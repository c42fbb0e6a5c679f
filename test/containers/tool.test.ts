// The tool image: how another service's image gets the program.
import { expect, test } from 'vitest';
import { docker } from '../support/docker.ts';
import { runToEnd as runCommand } from '../support/volseed.ts';
import { runToEnd } from './container.ts';
import { containers, newVolume, nextImage, tool } from './lab.ts';

containers('the tool image', () => {
  test('has the program and nothing else', async () => {
    // Of an image without a command, a container can be made only by naming one; it is never run.
    const id = await docker(['create', tool(), 'none']);
    const listed = runCommand('bash', ['-c', `docker export ${id} | tar -t`])
      .stdout.trim()
      .split('\n');
    await docker(['rm', id]);
    // What the engine itself puts into every container.
    expect(listed.filter((name) => !/^(\.dockerenv|(dev|etc|proc|sys)\/.*)$/.test(name))).toEqual(['volseed']);
  });

  test('gives the program to an image that has Node', async () => {
    const lines = [
      `COPY --from=${tool()} /volseed /usr/local/bin/volseed`,
      'RUN mkdir /var/initialdata && echo hello > /var/initialdata/hello.txt',
      'ENV DATA_DIR_PATH=/data',
      'ENTRYPOINT ["volseed", "run", "--"]',
    ];
    const image = await nextImage(lines, { from: 'node:26-bookworm-slim' });
    const { code, stdout } = await runToEnd({ image, volume: await newVolume(), command: ['cat', '/data/hello.txt'] });
    expect(stdout).toMatch(/^hello\.txt\n[^]+\nhello\n$/m);
    expect(code).toBe(0);
  });
});
