// Seeding that is interrupted, and seeding that others wait for.
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { docker } from '../support/docker.ts';
import { Container, serve, start, until } from './container.ts';
import { containers, newVolume, nextImage } from './lab.ts';
import { differences, files, finished, written } from './reading.ts';

/** Enough that seeding takes seconds. */
const many = 30_000;

containers('a long seeding', () => {
  let image = '';

  beforeAll(async () => {
    const make = `
      const { mkdirSync, writeFileSync } = require("node:fs");
      for (let i = 0; i < ${many}; i++) {
        const directory = "/var/initialdata/common/many/" + (i % 300);
        if (i < 300) mkdirSync(directory, { recursive: true });
        writeFileSync(directory + "/" + i + ".txt", "file " + i + ".".repeat(i % 200));
      }`;
    image = await nextImage(['USER root', `RUN ${JSON.stringify(['node', '--eval', make])}`, 'USER 1000']);
  });

  for (const seconds of [0, 0.25, 0.5]) {
    test(`\`docker stop\` after ${seconds} s ends it with 143 at once, and the next start completes the volume`, async () => {
      const container = await seeding(image, await newVolume());
      await pause(seconds * 1000);
      const took = await container.stop();
      console.log(`docker stop ${seconds} s into the seeding of ${many} files: ${took.toFixed(2)} s`);
      expect(await container.exitCode()).toBe(143);
      expect(await container.log()).not.toContain(finished);
      // volseed's second, and what the client and the engine need to stop anything.
      expect(took).toBeLessThan(3);
      await complete(container);
    });
  }

  test('killed, it is completed by the next start', async () => {
    const container = await seeding(image, await newVolume());
    await pause(500);
    await docker(['kill', container.name]);
    expect(await container.ended()).toBe(137);
    await complete(container);
  });

  test('of containers that start at once on one volume, one seeds and the others find nothing to do', async () => {
    const volume = await newVolume();
    const all = await Promise.all([1, 2, 3, 4].map(async () => await serve({ image, volume })));
    const counts = await Promise.all(all.map(async (container) => files(written(await container.log())).length));
    const [first, second, third, most] = counts.toSorted((a, b) => a - b);
    expect([first, second, third]).toEqual([0, 0, 0]);
    expect(most).toBeGreaterThan(many);
    const answers = await Promise.all(all.map(async (container) => await container.answer()));
    expect(answers.map(({ pid }) => pid)).toEqual([1, 1, 1, 1]);
    expect(await differences(new Container(all[0]?.name ?? ''))).toBe('');
  });

  test('the one that seeds is killed while three others wait: one of those finishes, and all of them serve', async () => {
    const volume = await newVolume();
    const first = await seeding(image, volume);
    const others = await Promise.all([1, 2, 3].map(async () => await start({ image, volume })));
    await until('one says that it waits', async () => /wait/i.test(await (others[0] ?? first).log()));
    await docker(['kill', first.name]);
    const answers = await Promise.all(others.map(async (container) => await container.answer()));
    expect(answers.map(({ pid }) => pid)).toEqual([1, 1, 1]);
    const logs = await Promise.all(others.map(async (container) => await container.log()));
    expect(logs.filter((log) => log.includes('was interrupted; this one finishes it'))).toHaveLength(1);
    expect(await differences(others[0] ?? first)).toBe('');
  });

  test('a reset in one container, while a replica starts on the volume: both are done, and the replica serves', async () => {
    const volume = await newVolume();
    const first = await serve({ image, volume });
    await first.exec('sh', '-c', 'echo edited >> /data/many/0/0.txt');
    const resetting = first.exec('volseed', 'reset', '--all', '--yes');
    const replica = await start({ image, volume });
    const status = await first.exec('volseed', 'status');
    expect(await resetting).toContain('many/0/0.txt');
    expect((await replica.answer()).pid).toBe(1);
    expect(status).toMatch(/^seeder /m);
    expect(await differences(first)).toBe('');
  });

  test('a container that waits for another to seed says so, and `docker stop` ends it at once with 143', async () => {
    const volume = await newVolume();
    const first = await seeding(image, volume);
    const second = await start({ image, volume });
    await until('it says that it waits', async () => /wait/i.test(await second.log()));
    const took = await second.stop();
    console.log(`docker stop of a container that waits for the lock: ${took.toFixed(2)} s`);
    expect(await second.exitCode()).toBe(143);
    expect(took).toBeLessThan(3);
    await first.answer();
    expect(await differences(first)).toBe('');
  });
});

/** A container that has begun to seed. */
async function seeding(image: string, volume: string): Promise<Container> {
  const container = await start({ image, volume });
  await until('seeding begins', async () => (await container.log()).includes('Initiating sync'));
  return container;
}

/** Starts an interrupted container again: its volume must become what an undisturbed start leaves, and nothing else. */
async function complete(container: Container): Promise<void> {
  await container.startAgain();
  expect(await differences(container)).toBe('');
  expect(await container.exec('find', '/data/.volseed/stage', '-mindepth', '1')).toBe('');
  expect(await container.exec('find', '/data', '-name', '.*.volseed-*')).toBe('');
}
