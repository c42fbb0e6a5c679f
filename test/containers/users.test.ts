// Who may seed: the users and restrictions under which containers are run.
import { expect, test } from 'vitest';
import { docker } from '../support/docker.ts';
import { runToEnd, serve } from './container.ts';
import { containers, newVolume } from './lab.ts';
import { differences, files, written } from './reading.ts';

const users = {
  root: '0:0',
  'the uid of the image': '1000',
  'an arbitrary uid with group 0': '1000670000:0',
};

const restrictions = {
  'as the engine does it': [],
  'with --read-only': ['--read-only'],
  'with --cap-drop ALL': ['--cap-drop', 'ALL'],
  'with --read-only and --cap-drop ALL': ['--read-only', '--cap-drop', 'ALL'],
};

for (const [who, user] of Object.entries(users)) {
  containers(`as ${who}`, () => {
    for (const [how, restriction] of Object.entries(restrictions)) {
      test(`a new volume is seeded and a restart copies nothing, ${how}`, async () => {
        const container = await serve({ volume: await newVolume(), options: ['--user', user, ...restriction] });
        expect(files(written(await container.log()))).toContain('tables/t2.csv');
        expect(await differences(container)).toBe('');
        const owners = await container.exec('find', '/data', '-mindepth', '1', '-printf', '%U\\n');
        expect(new Set(owners.split('\n'))).toEqual(new Set([user.split(':')[0]]));
        await container.stop();
        await container.startAgain();
        expect(written(await container.log())).toEqual([]);
      });
    }

    test('nothing but the volume is written to', async () => {
      const container = await serve({ volume: await newVolume(), options: ['--user', user] });
      expect(await docker(['diff', container.name])).toBe('');
    });
  });
}

containers('a volume whose root is of mode 755 and owned by root', () => {
  test('as uid 1000: 23, and one line that names the uid, the volume and the way out', async () => {
    const { code, stdout, stderr } = await runToEnd({ options: await asTheEngineMakesIt() });
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/\/data/);
    expect(stderr).toMatch(/\buid 1000\b/);
    expect(stderr).toMatch(/chown|fsGroup/);
    expect(stdout).not.toContain('sample service');
    expect(code).toBe(23);
  });

  test('as an arbitrary uid: 23, and a line that names it', async () => {
    const { code, stderr } = await runToEnd({ options: [...(await asTheEngineMakesIt()), '--user', '1000670000:0'] });
    expect(stderr).toMatch(/\buid 1000670000\b/);
    expect(code).toBe(23);
  });

  test('as root: seeded', async () => {
    const container = await serve({ options: [...(await asTheEngineMakesIt()), '--user', '0:0'] });
    expect(await differences(container)).toBe('');
  });

  test('as root without capabilities: seeded', async () => {
    const container = await serve({ options: [...(await asTheEngineMakesIt()), '--user', '0:0', '--cap-drop', 'ALL'] });
    expect(await differences(container)).toBe('');
  });

  test('as the way out has it: after a chown, uid 1000 seeds it', async () => {
    const options = await asTheEngineMakesIt();
    await runToEnd({ options: [...options, '--user', '0:0', '--entrypoint', 'chown'], command: ['1000', '/data'] });
    const container = await serve({ options });
    expect(await differences(container)).toBe('');
  });
});

/** A mount that does without what a new volume has from the image otherwise: owner and mode of the directory there. */
async function asTheEngineMakesIt(): Promise<string[]> {
  return ['--volume', `${await newVolume()}:/data:nocopy`];
}
