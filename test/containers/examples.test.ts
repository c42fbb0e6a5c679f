// Every example, built by its own Dockerfile and used as a person would use it: the first start, a restart, the next version of
// the image, an edit, a reset, the container gone and come back, a backup, the volume lost, the backup restored.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { attempt, docker } from '../support/docker.ts';
import { type Container, runToEnd, start, until } from './container.ts';
import { example, target, type Recipe } from './images.ts';
import { containers, newVolume } from './lab.ts';
import { written } from './reading.ts';

interface Example extends Recipe {
  /** Where the volume is mounted. */
  readonly data: string;
  /** A path of the volume that the next image has another version of, and one that a person edits. */
  readonly follows: string;
  readonly edited: string;
  /** What that person makes of it. */
  readonly edit: string;
  /** Whether the service works, and works on what the volume has. */
  readonly works: (container: Container) => Promise<void>;
  /** The files of the next version. */
  readonly next: Readonly<Record<string, string>>;
  readonly options?: (state: string) => readonly string[];
}

/** The version of the next image, and a person's edit: both are told from the first version by these words. */
const NEXT = 'the next version';
const EDIT = 'edited by a person';

const answers =
  (path: string, body: string | RegExp) =>
  async (container: Container): Promise<void> => {
    const found = await until(path, async () => await container.get(path).catch(() => undefined));
    expect(found).toMatch(body);
  };

const EXAMPLES: Readonly<Record<string, () => Promise<Example>>> = {
  'node-service': async () => ({
    example: 'node-service',
    tool: await target('tool'),
    data: '/data',
    follows: 'rates.csv',
    edited: 'greetings.json',
    edit: `{ "en": "${EDIT}" }`,
    next: { 'rates.csv': `rate\n${NEXT}\n`, 'greetings.json': '{ "en": "Hello again" }\n' },
    works: answers('/', /./),
  }),
  'static-binary': async () => ({
    example: 'static-binary',
    tool: await target('tool-scratch'),
    stages: ['build'],
    data: '/data',
    follows: 'pages/about.txt',
    edited: 'pages/index.html',
    edit: EDIT,
    next: { 'pages/about.txt': `${NEXT}\n`, 'pages/index.html': '<h1>Other pages</h1>\n' },
    works: answers('/about.txt', /version/),
  }),
  nginx: async () => ({
    example: 'nginx',
    tool: await target('tool-standalone'),
    data: '/var/www/html',
    follows: 'style.css',
    edited: 'index.html',
    edit: EDIT,
    next: { 'style.css': `/* ${NEXT} */\n`, 'index.html': '<h1>Version 2</h1>\n' },
    works: answers('/', /./),
  }),
  postgres: async () => ({
    example: 'postgres',
    tool: await target('tool-standalone'),
    data: '/var/lib/postgresql/data',
    follows: 'conf.d/10-memory.conf',
    edited: 'conf.d/20-log.conf',
    edit: `# ${EDIT}`,
    next: {
      'conf.d/10-memory.conf': `# ${NEXT}\nwork_mem = '16MB'\n`,
      'conf.d/20-log.conf': "log_statement = 'ddl'\n",
    },
    options: (state) => ['--volume', `${state}:/var/lib/volseed`],
    works: async (container) => {
      await until('the server answers', async () => (await attempt(['exec', container.name, 'pg_isready'])).code === 0);
    },
  }),
};

for (const [name, make] of Object.entries(EXAMPLES)) {
  containers(`the example ${name}`, () => {
    test('is seeded, follows its image, keeps an edit, and gets it back after a reset and after its volume is lost', async () => {
      const recipe = await make();
      const first = await example(recipe);
      const on = await place(recipe);

      const begun = await on.start(first);
      expect(written(await begun.log()).toSorted()).toEqual(expect.arrayContaining([recipe.edited, recipe.follows]));
      await begun.stop();
      await docker(['start', begun.name]);
      await recipe.works(begun);
      expect(written(await begun.log())).toEqual([]);

      await on.write(recipe.edited, recipe.edit);
      const second = await example({ ...recipe, change: (directory) => putInto(directory, recipe.next) });
      await on.remove(begun);
      const upgraded = await on.start(second);
      expect(await on.read(recipe.follows)).toContain(NEXT);
      expect(await on.read(recipe.edited)).toContain(EDIT);
      expect(await on.read(`${recipe.edited}.volseed-new`)).toBe(recipe.next[recipe.edited]?.trim());

      expect(await volseed(upgraded, 'reset', recipe.edited)).toMatchObject({ code: 0, stderr: '' });
      expect(await on.read(recipe.edited)).toBe(recipe.next[recipe.edited]?.trim());
      expect(await volseed(upgraded, 'restore', '--last')).toMatchObject({ code: 0, stderr: '' });
      expect(await on.read(recipe.edited)).toContain(EDIT);

      await on.remove(upgraded);
      const again = await on.start(second);
      // The reset has ended the conflict, and an edit is an edit of what it put back.
      const gone = `removed ${recipe.edited}.volseed-new (conflict resolved)`;
      expect(written(await again.log())).toEqual([gone]);
      expect(await on.read(recipe.edited)).toContain(EDIT);
      expect(await volseed(again, 'backup', '--backup-dir', '/backups/one')).toMatchObject({ code: 0, stderr: '' });
      await on.remove(again);

      await on.lose();
      const anew = await on.start(second);
      expect(await on.read(recipe.edited)).not.toContain(EDIT);
      const restored = await volseed(anew, 'restore', await latest(anew), '--backup-dir', '/backups/one');
      expect(restored).toMatchObject({ code: 0, stderr: '' });
      expect(await on.read(recipe.edited)).toContain(EDIT);
      await recipe.works(anew);
    });
  });
}

containers('the example postgres', () => {
  test('would not start where the seed or the state came into the data directory first', async () => {
    const image = await example(await EXAMPLES['postgres']!());
    const launch = { image, options: ['--entrypoint', 'volseed'], command: ['run', '--', 'database', 'postgres'] };
    const { code, stderr } = await runToEnd(launch);
    expect(stderr).toMatch(/directory "\/var\/lib\/postgresql\/data" exists but is not empty/);
    expect(code).not.toBe(0);
  });

  test('goes by the configuration on its volume', async () => {
    const image = await example(await EXAMPLES['postgres']!());
    const container = await start({ image });
    const asks = async (): Promise<string> =>
      (await attempt(['exec', container.name, 'psql', '-Atc', 'show work_mem'])).stdout;
    expect(await until('the server answers', asks)).toBe('8MB\n');
    expect(await container.exec('ls', '-A', '/var/lib/postgresql/data')).not.toContain('.volseed');
  });
});

containers('the example nginx', () => {
  test('serves neither the state nor what is placed beside an edited page', async () => {
    const container = await start({ image: await example(await EXAMPLES['nginx']!()) });
    await answers('/', /Version 1/)(container);
    await container.exec('sh', '-c', 'cd /var/www/html && cp index.html index.html.volseed-new && chmod 644 *');
    for (const path of ['/.volseed/state.db', '/index.html.volseed-new']) {
      // oxlint-disable-next-line no-await-in-loop -- two small requests
      await expect(container.get(path)).rejects.toThrow('404');
    }
  });
});

async function volseed(container: Container, ...args: string[]) {
  return await attempt(['exec', container.name, 'volseed', ...args]);
}

/** The volumes of one example, and its containers, one at a time. */
async function place({ data, options, works }: Example) {
  const state = await newVolume();
  const backups = await newVolume();
  let volume = await newVolume();
  // Where there is no shell, another container writes and reads; by root, as an operator on the host would.
  const helper = async (script: string): Promise<string> =>
    await docker(['run', '--rm', '--volume', `${volume}:/volume`, 'debian:bookworm-slim', 'sh', '-ec', script]);
  await docker(['run', '--rm', '--volume', `${backups}:/backups`, 'debian:bookworm-slim', 'chmod', '777', '/backups']);
  return {
    start: async (image: string): Promise<Container> => {
      const mounts = ['--volume', `${volume}:${data}`, '--volume', `${backups}:/backups`, ...(options?.(state) ?? [])];
      const container = await start({ image, options: mounts });
      await works(container);
      return container;
    },
    remove: async (container: Container): Promise<void> => {
      await container.stop();
      await docker(['rm', container.name]);
    },
    /** As somebody edits a file: the content changes, and the owner does not. */
    write: async (path: string, text: string): Promise<void> => {
      await helper(`echo '${text}' > '/volume/${path}'`);
    },
    read: async (path: string): Promise<string> => await helper(`cat '/volume/${path}'`),
    /** The disk is gone, and a new one is in its place. */
    lose: async (): Promise<void> => {
      await docker(['volume', 'rm', volume]);
      volume = await newVolume();
    },
  };
}

/** The id of the latest backup in the directory that outlives the volume. */
async function latest(container: Container): Promise<string> {
  const { stdout } = await volseed(container, 'backups', '--json', '--backup-dir', '/backups/one');
  const { backups }: { backups: readonly { readonly id: string }[] } = JSON.parse(stdout);
  return (
    backups
      .map(({ id }) => id)
      .toSorted()
      .at(-1) ?? ''
  );
}

function putInto(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) writeFileSync(join(directory, 'initialdata', path), text);
}
