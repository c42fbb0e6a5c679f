// The pods of k8s/ and of the init container's example, run for real: what a cluster's controllers and kubelet do stands in
// test/support/kubelet.ts, all else is podman's.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { built, kustomize, parsed, type Manifest } from '../support/manifests.ts';
import type { Pod } from '../support/kubelet.ts';
import { PodmanNode, podmanAnswers } from '../support/podman.ts';
import { checkout } from '../support/docker.ts';
import { until } from './container.ts';
import { example, target } from './images.ts';
import { containers, lab, nextImage, sample } from './lab.ts';

const EDIT = 'edited by a person';
const able = process.env['CI'] || (podmanAnswers() && kustomize() !== undefined);

(able ? containers : describe.skip)('pods', () => {
  let node: PodmanNode;
  let pods: Pod[] = [];

  beforeAll(async () => {
    node = new PodmanNode(lab().suffix);
    await node.load(sample(), 'volseed-sample');
    await node.load(await target('init'), 'volseed-init');
  });

  afterEach(async () => {
    await Promise.all(pods.map(async (pod) => await node.down(pod)));
    pods = [];
    for (const name of readdirSync(node.disk)) rmSync(join(node.disk, name), { recursive: true });
  });

  afterAll(async () => {
    await node.remove(pods);
  });

  /** The pods of an overlay; `change` is what another version of the manifests would say. */
  function podsOf(overlay: string, change: (text: string) => string = (text) => text): readonly Pod[] {
    return rendered(parsed(change(built(overlay))));
  }

  function rendered(manifests: readonly Manifest[]): readonly Pod[] {
    const made = node.pods(manifests);
    pods.push(...made);
    return made;
  }

  async function up(pod: Pod): Promise<void> {
    const { code, stdout, stderr } = await node.play(pod);
    if (code !== 0) throw new Error(`${pod.name}: ${stdout}${stderr}${messageOf(pod, 'seed')}`);
  }

  const disk = (...path: readonly string[]): string => join(node.disk, ...path);

  async function served(pod: Pod, path: string): Promise<string> {
    const script = `fetch('http://127.0.0.1:8080${path}').then((answer) => answer.text()).then(console.log)`;
    return await until(`${pod.name} answers`, async () => {
      const { code, stdout, stderr } = await node.exec(pod, 'service', 'node', '--eval', script);
      if (code !== 0 && !/ECONNREFUSED/.test(stderr)) throw new Error(stderr + (await node.logs(pod, 'service')));
      return stdout.trim();
    });
  }

  test('prod: the init container seeds, the service reads; a restart keeps an edit, and so does the next image', async () => {
    const [pod] = podsOf('prod') as [Pod];
    await up(pod);
    expect(messageOf(pod, 'seed')).toMatch(/^Totals: 376 created, .*\.\n$/);
    expect(messageOf(pod, 'service')).toBe('');
    expect(JSON.parse(await served(pod, '/'))).toMatchObject({ pid: 1, dataDir: '/data' });

    writeFileSync(disk('data-sample-0', 'tables/t2.csv'), EDIT);
    await node.down(pod);
    await up(pod);
    expect(messageOf(pod, 'seed')).toMatch(/^Totals: nothing to copy, /);
    expect(await served(pod, '/tables/t2.csv')).toBe(EDIT);

    await node.down(pod);
    const lines = ['USER 0', 'RUN echo next > /var/initialdata/common/tables/t1.csv && volseed manifest', 'USER 1000'];
    await node.load(await nextImage(lines), 'volseed-sample');
    const [next] = podsOf('prod') as [Pod];
    await up(next);
    await node.load(sample(), 'volseed-sample');
    expect(messageOf(next, 'seed')).toMatch(/^Totals: 0 created, 1 updated, .* 1 kept \(1 edited\)/);
    expect(await served(next, '/tables/t1.csv')).toBe('next');
    expect(await served(next, '/tables/t2.csv')).toBe(EDIT);
  });

  test('prod: as Pod Security asks: no root, no capability, no new privilege, seccomp, a root file system that is read-only', async () => {
    const [pod] = podsOf('prod') as [Pod];
    await up(pod);
    await served(pod, '/');
    const { stdout } = await node.exec(pod, 'service', 'cat', '/proc/1/status');
    expect(stdout).toMatch(/^Uid:\s+1000\s+1000\s+1000\s+1000$/m);
    expect(stdout).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(stdout).toMatch(/^Cap(Eff|Bnd):\s+0+$/m);
    expect(stdout).toMatch(/^Seccomp:\s+2$/m);
    expect(await node.exec(pod, 'service', 'touch', '/srv/x')).toMatchObject({
      stderr: expect.stringContaining('Read-only'),
    });
  });

  test('a seed that fails keeps the service from starting, and the message says why', async () => {
    const [refused] = podsOf('prod', (text) => text.replace('minSeedFiles: 1', 'minSeedFiles: 1000')) as [Pod];
    expect((await node.play(refused)).code).not.toBe(0);
    expect(messageOf(refused, 'seed')).toMatch(
      /^volseed: .* has 339 files, and minSeedFiles asks for 1000; nothing was touched/,
    );
    expect(await node.inspect(refused, 'service', '{{.State.Status}}')).not.toBe('running');
    expect(readdirSync(disk('data-sample-0')).filter((name) => name !== '.volseed')).toEqual([]);
    await node.down(refused);

    rmSync(disk('data-sample-0'), { recursive: true });
    const [unowned] = podsOf('prod', (text) => text.replaceAll(/^ *fsGroup: 1000\n/gm, '')) as [Pod];
    expect((await node.play(unowned)).code).not.toBe(0);
    expect(messageOf(unowned, 'seed')).toMatch(/uid 1000.*fsGroup/);
  });

  test('uat: the reset of a release is done once', async () => {
    const [pod] = podsOf('uat') as [Pod];
    await up(pod);
    await node.down(pod);
    writeFileSync(disk('data-sample-0', 'tables/t2.csv'), EDIT);
    const [same] = podsOf('uat') as [Pod];
    await up(same);
    expect(await served(same, '/tables/t2.csv')).toBe(EDIT);
    await node.down(same);
    const [next] = podsOf('uat', (text) => text.replace('2026-11-release', '2026-12-release')) as [Pod];
    await up(next);
    expect(messageOf(next, 'seed')).toMatch(/^Backed up 1 path .*\nTotals: 0 created, 1 updated/);
    expect(await served(next, '/tables/t2.csv')).not.toBe(EDIT);
    expect(await node.exec(next, 'service', 'volseed', 'restore', '--last')).toMatchObject({ code: 0 });
    expect(await served(next, '/tables/t2.csv')).toBe(EDIT);
  });

  test('dev: the entrypoint seeds a directory of the node, and becomes the service', async () => {
    const [pod] = podsOf('dev') as [Pod];
    await up(pod);
    expect(JSON.parse(await served(pod, '/'))).toMatchObject({ pid: 1, ppid: 0 });
    expect(await node.logs(pod, 'service')).toContain('Totals: 376 created');
    expect(existsSync(disk('var/lib/sample-dev/tables/t1.csv'))).toBe(true);
    // It has become the service: what that ends of is for the service to say.
    expect(messageOf(pod, 'service')).toBe('');
  });

  test('shared: of pods that start at once on one volume, one seeds and the others find nothing to do', async () => {
    const replicas = podsOf('shared');
    expect(replicas).toHaveLength(3);
    await Promise.all(replicas.map(up));
    const messages = replicas.map((pod) => messageOf(pod, 'seed').replace(/, \d+ up to date.*\n/, '')).toSorted();
    expect(messages).toEqual(['Totals: 376 created, 0 updated', 'Totals: nothing to copy', 'Totals: nothing to copy']);
    for (const pod of replicas) expect(await served(pod, '/health')).toContain('ok');
  });

  test('a ConfigMap seeds, and one that changed updates what nobody edited', async () => {
    const [pod] = podsOf('configmap') as [Pod];
    await up(pod);
    expect(await served(pod, '/tables/t1.csv')).toBe('code,name\nN,North\nS,South');
    writeFileSync(disk('data-sample-0', 'tables/t2.csv'), EDIT);
    await node.down(pod);
    const [next] = podsOf('configmap', (text) => text.replace('S,South', 'E,East')) as [Pod];
    await up(next);
    expect(await served(next, '/tables/t1.csv')).toContain('E,East');
    expect(await served(next, '/tables/t2.csv')).toBe(EDIT);
  });

  test('an image that has nothing but a seed is mounted, and seeds', async () => {
    const lines = [`COPY --from=${sample()} /var/initialdata/common /`];
    await node.load(await nextImage(lines, { from: 'scratch' }), 'volseed-sample-seed');
    const [pod] = podsOf('image-volume') as [Pod];
    await up(pod);
    expect(messageOf(pod, 'seed')).toMatch(/^Totals: 376 created/);
    expect(JSON.parse(await served(pod, '/'))).toMatchObject({ tables: expect.any(Number) });
  });

  test('the backup’s job archives what was edited, and after the loss of the volume it comes back', async () => {
    const [pod, , , job] = podsOf('prod') as [Pod, Pod, Pod, Pod];
    await up(pod);
    writeFileSync(disk('data-sample-0', 'tables/t2.csv'), EDIT);
    await up(job);
    const message = await until('the job has ended', async () => messageOf(job, 'backup'));
    expect(message).toMatch(/^Backed up 376 paths .*; volseed restore \S+ brings it back\.\n$/);
    const [, id = ''] = /restore (\S+)/.exec(message) ?? [];
    await node.down(pod);
    rmSync(disk('data-sample-0'), { recursive: true });

    const restoring = (text: string): string => text.replace(/^( *- )backup\n/m, `$1restore\n$1${id}\n`);
    const [anew, , , restore] = podsOf('prod', restoring) as [Pod, Pod, Pod, Pod];
    await up(anew);
    expect(await served(anew, '/tables/t2.csv')).not.toBe(EDIT);
    await node.down(job);
    await up(restore);
    await until('the job has ended', async () => messageOf(restore, 'backup'));
    expect(await served(anew, '/tables/t2.csv')).toBe(EDIT);
  });

  test('the example: the seed is in the tool’s image, and the service’s image is anybody’s', async () => {
    await node.load(await example({ example: 'init-container', tool: await target('init') }), 'greetings-seed');
    await node.load(await nextImage(['USER 1000'], { from: 'node:26-bookworm-slim' }), 'node');
    const [pod] = rendered(parsed(readFileSync(join(checkout, 'examples/init-container/pod.yaml'), 'utf8'))) as [Pod];
    await up(pod);
    expect(messageOf(pod, 'seed')).toMatch(/^Totals: 1 created/);
    expect(await served(pod, '/')).toBe('Hello from the image');
  });
});

/** What a container has left to be told of it, now that it has ended. */
function messageOf(pod: Pod, container: string): string {
  return readFileSync(pod.messageOf(container), 'utf8');
}
