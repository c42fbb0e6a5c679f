// What a person asks in a running container: why a path is as it is, what was done to the volume, and whether it is whole.
import { expect, test } from 'vitest';
import { attempt } from '../support/docker.ts';
import { type Container, serve } from './container.ts';
import { containers, newVolume } from './lab.ts';

/** `docker exec`, as a person or an orchestrator calls it: no terminal, no environment but the container's. */
async function volseed(container: Container, ...args: string[]) {
  return await attempt(['exec', container.name, 'volseed', ...args]);
}

const edit = async (container: Container, path: string): Promise<string> =>
  await container.exec('sh', '-c', `echo edited > /data/${path}`);

/** Every entry of the volume and of the state: whatever is written moves a ctime. */
async function everything(container: Container): Promise<string> {
  return await container.exec('find', '/data', '-printf', '%p %y %i %m %U:%G %s %T@ %C@\\n');
}

containers('asked by docker exec', () => {
  test('explain tells of an edited file why a restart keeps it; and the restart keeps it', async () => {
    const container = await serve({ volume: await newVolume() });
    await edit(container, 'tables/t2.csv');
    const [seeds, users] = (
      await container.exec('sha256sum', '/var/initialdata/common/tables/t2.csv', '/data/tables/t2.csv')
    )
      .split('\n')
      .map((line) => line.slice(0, 64));
    const { code, stdout, stderr } = await volseed(container, 'explain', '/data/tables/t2.csv');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^tables\/t2\.csv\n {2}policy {4}newer \(the default\)\n {2}seed /);
    expect(stdout).toMatch(new RegExp(` {2}seed .* sha256 ${seeds}\n`));
    expect(stdout).toMatch(new RegExp(` {2}volume .* sha256 ${users}\n`));
    expect(stdout).toMatch(/ {2}decision {2}keep \(newer in the volume\)\n$/);
    await container.stop();
    await container.startAgain();
    expect(await container.get('/tables/t2.csv')).toBe('edited\n');
    expect(await container.log()).toContain('kept tables/t2.csv: newer in the volume\n');
  });

  test('explain answers a mistyped path with the closest, and ends with 2', async () => {
    const { code, stdout, stderr } = await volseed(await serve(), 'explain', 'table/t2.csv');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('tables/t2.csv');
  });

  test('explain tells what policy the container was started with, and by what', async () => {
    const container = await serve({ options: ['--env', 'VOLSEED_POLICY=missing'] });
    const { stdout } = await volseed(container, 'explain', 'tables');
    expect(stdout).toContain('  policy    missing (VOLSEED_POLICY)\n');
  });

  test('status tells of every start and of the image that it was of, and what a restart would do', async () => {
    const volume = await newVolume();
    const first = await serve({ volume, options: ['--env', 'VOLSEED_IMAGE_VERSION=1.0'] });
    await first.stop();
    const container = await serve({ volume, options: ['--env', 'VOLSEED_IMAGE_VERSION=1.1'] });
    await edit(container, 'tables/t2.csv');
    const { code, stdout, stderr } = await volseed(container, 'status');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [volumeLine, seeder, latest, before, now, ...more] = stdout.trimEnd().split('\n');
    expect(volumeLine).toBe('volume   /data, from /var/initialdata/common; state in /data/.volseed');
    expect(seeder).toBe('seeder   none at work');
    expect(latest).toMatch(/^run .* run .* completed {2}image 1\.1 {2}0 created, /);
    expect(before).toMatch(/^run .* run .* completed {2}image 1\.0 {2}[1-9]\d* created, /);
    expect(now).toMatch(/^now {6}1 kept \(newer in the volume\), [1-9]\d* up to date$/);
    expect(more).toEqual([]);
  });

  test('status by another user than the service’s says that the state is not its own, and tells the rest', async () => {
    const container = await serve();
    const { code, stdout, stderr } = await attempt(['exec', '--user', '0', container.name, 'volseed', 'status']);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^volseed: warning: the state cannot be read: \/data\/\.volseed belongs to uid 1000, [^\n]+\n$/,
    );
    expect(stdout).toMatch(/^seeder {3}not known$/m);
    // Root would give every path to the owner that it has in the image.
    expect(stdout).toMatch(/^now {6}[1-9]\d* to correct \(attributes differ\), 0 up to date$/m);
  });

  test('verify ends with 0 after a start, and finds an edit, a loss, and damage that no time tells', async () => {
    const container = await serve({ volume: await newVolume() });
    expect(await volseed(container, 'verify')).toMatchObject({ code: 0, stderr: '' });
    await edit(container, 'tables/t2.csv');
    await container.exec('rm', '/data/tables/t1.csv');
    const colors = '/data/global/colors.json';
    const spoil = `touch -r ${colors} /tmp/time && printf x | dd of=${colors} conv=notrunc && touch -r /tmp/time ${colors}`;
    await container.exec('sh', '-c', spoil);
    const { code, stdout } = await volseed(container, 'verify');
    const [manifest, damaged, missing, edited, summary] = stdout.trimEnd().split('\n');
    expect(manifest).toMatch(/^The seed against its manifest: [1-9]\d* as it says, 0 not\.$/);
    expect([code, damaged, missing, edited]).toEqual([
      3,
      'damaged  global/colors.json',
      'missing  tables/t1.csv',
      'edited   tables/t2.csv',
    ]);
    expect(summary).toMatch(/^Verified: 1 missing, 1 damaged, 1 edited, 0 outdated, [1-9]\d* as in the image\./);
  });

  test('nothing that they do touches the volume, also where the container’s own file system is read-only', async () => {
    const container = await serve({ volume: await newVolume(), options: ['--read-only'] });
    await edit(container, 'tables/t2.csv');
    const before = await everything(container);
    const asked = [['explain', 'tables'], ['explain', 'tables/t2.csv', '--json'], ['status'], ['verify'], ['plan']];
    const codes: number[] = [];
    for (const args of asked) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { code } = await volseed(container, ...args);
      codes.push(code);
    }
    expect(codes).toEqual([0, 0, 0, 3, 0]);
    expect(await everything(container)).toBe(before);
  });
});
