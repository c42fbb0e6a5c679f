// npm run test:k8s: the manifests on a real cluster, the one that KUBECONFIG names. Written for kind, which needs the two images
// loaded before:
//
//   docker build -t volseed-sample:test .
//   printf 'FROM volseed-sample:test\nUSER 0\nRUN echo next > /var/initialdata/common/tables/t1.csv && volseed manifest\nUSER 1000\n' |
//     docker build -t volseed-sample:next -
//   kind load docker-image volseed-sample:test volseed-sample:next
//
// VOLSEED_K8S_IMAGE and VOLSEED_K8S_NEXT_IMAGE name others. kind's volumes are ReadWriteOnce, which on its one node all pods
// can mount; VOLSEED_K8S_RWX=1 asks for ReadWriteMany.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { newSuffix, run, succeed, type Output } from '../support/docker.ts';
import { built } from '../support/manifests.ts';

const first = process.env['VOLSEED_K8S_IMAGE'] || 'volseed-sample:test';
const next = process.env['VOLSEED_K8S_NEXT_IMAGE'] || 'volseed-sample:next';
const namespace = `volseed-test-${newSuffix()}`;
const shared = `${namespace}-shared`;
const patience = '--timeout=300s';
const EDIT = 'edited by a person';

if (!process.env['KUBECONFIG']) process.stderr.write('Skipping what needs a cluster: KUBECONFIG is not set.\n');

describe.skipIf(!process.env['KUBECONFIG'])('a cluster', () => {
  beforeAll(async () => {
    await apply(built('prod').replaceAll('sample-prod', namespace));
    await kubectl('rollout', 'status', 'statefulset/sample', patience);
  });

  afterAll(async () => {
    await run('kubectl', ['delete', 'namespace', namespace, shared, '--ignore-not-found', '--wait=false']);
  });

  test('each pod is seeded by its init container, and the message has the totals', async () => {
    for (const pod of ['sample-0', 'sample-1', 'sample-2']) {
      expect(await message(pod)).toMatch(/^Totals: \d+ created, /);
      expect(await inPod(pod, 'cat', '/data/tables/t1.csv')).not.toBe('');
    }
  });

  test('the service runs as Pod Security asks', async () => {
    expect(await inPod('sample-0', 'cat', '/proc/1/status')).toMatch(
      /^CapEff:\s+0+$[^]*^NoNewPrivs:\s+1$[^]*^Seccomp:\s+2$/m,
    );
  });

  test('a pod that is made anew keeps an edit, and nothing is copied', async () => {
    await edit('sample-0');
    await kubectl('delete', 'pod', 'sample-0');
    await kubectl('rollout', 'status', 'statefulset/sample', patience);
    expect(await message('sample-0')).toMatch(/^Totals: nothing to copy, /);
    expect(await inPod('sample-0', 'cat', '/data/tables/t2.csv')).toBe(EDIT);
  });

  test('a new image rolls out: what nobody edited follows it, the edit stays', async () => {
    await kubectl('set', 'image', 'statefulset/sample', `seed=${next}`, `service=${next}`);
    await kubectl('rollout', 'status', 'statefulset/sample', patience);
    expect(await inPod('sample-0', 'cat', '/data/tables/t1.csv')).toBe('next');
    expect(await inPod('sample-0', 'cat', '/data/tables/t2.csv')).toBe(EDIT);
    expect(await message('sample-0')).toMatch(/ 1 updated, .* \(1 edited\)/);
  });

  test('by kubectl exec: plan tells, reset puts back, restore undoes', async () => {
    expect(await inPod('sample-0', 'volseed', 'plan')).toMatch(/^keep +tables\/t2\.csv \(edited\)$/m);
    await inPod('sample-0', 'volseed', 'reset', 'tables/t2.csv');
    expect(await inPod('sample-0', 'cat', '/data/tables/t2.csv')).not.toBe(EDIT);
    await inPod('sample-0', 'volseed', 'restore', '--last');
    expect(await inPod('sample-0', 'cat', '/data/tables/t2.csv')).toBe(EDIT);
  });

  test('the backup’s job ends well, and its message says how to bring it back', async () => {
    await kubectl('create', 'job', 'backup-now', '--from=cronjob/backup');
    await kubectl('wait', 'job/backup-now', '--for=condition=complete', patience);
    const path = 'jsonpath={.items[0].status.containerStatuses[0].state.terminated.message}';
    expect(await kubectl('get', 'pod', '-l', 'job-name=backup-now', '-o', path)).toMatch(
      /volseed restore \S+ brings it back/,
    );
  });

  test('a seed that fails stops the rollout at one pod, whose message says why; the others go on', async () => {
    const env = [{ name: 'VOLSEED_MIN_SEED_FILES', value: '1000000' }];
    const patch = { spec: { template: { spec: { initContainers: [{ name: 'seed', env }] } } } };
    await kubectl('patch', 'statefulset', 'sample', '--patch', JSON.stringify(patch));
    const path = 'jsonpath={.status.initContainerStatuses[0].lastState.terminated.message}';
    const refused = /asks for 1000000; nothing was touched/;
    // The pod goes and comes back under the same name meanwhile.
    const said = async (): Promise<string> =>
      (await run('kubectl', ['-n', namespace, 'get', 'pod', 'sample-2', '-o', path])).stdout;
    await vi.waitFor(async () => expect(await said()).toMatch(refused), { timeout: 300_000, interval: 1000 });
    const ready = await kubectl('get', 'statefulset', 'sample', '-o', 'jsonpath={.status.readyReplicas}');
    expect(ready).toBe('2');
    expect(await inPod('sample-0', 'cat', '/data/tables/t2.csv')).toBe(EDIT);
    await kubectl('rollout', 'undo', 'statefulset/sample');
    // A StatefulSet does not replace a pod that never became ready by itself.
    await kubectl('delete', 'pod', 'sample-2');
    await kubectl('rollout', 'status', 'statefulset/sample', patience);
  });

  test('of several replicas on one claim one seeds, and the others find nothing to do', async () => {
    const mode = process.env['VOLSEED_K8S_RWX'] ? 'ReadWriteMany' : 'ReadWriteOnce';
    await apply(built('shared').replaceAll('sample-shared', shared).replaceAll('ReadWriteMany', mode));
    await kubectl('-n', shared, 'rollout', 'status', 'deployment/sample', patience);
    const path = '{range .items[*]}{.status.initContainerStatuses[0].state.terminated.message}{end}';
    const messages = (await kubectl('-n', shared, 'get', 'pods', '-o', `jsonpath=${path}`)).split('\n');
    expect(messages.filter((line) => /^Totals: \d+ created/.test(line))).toHaveLength(1);
    expect(messages.filter((line) => line.startsWith('Totals: nothing to copy'))).toHaveLength(2);
  });
});

async function kubectl(...args: readonly string[]): Promise<string> {
  const place = args[0] === '-n' ? [] : ['-n', namespace];
  return await succeed('kubectl', [...place, ...args], {});
}

/** A second time where the namespace, which is of the same file, was not there yet for what lies in it. */
async function apply(manifests: string): Promise<void> {
  const input = manifests.replaceAll(/image: volseed-sample:\w+/g, `image: ${first}`);
  const applied = async (): Promise<Output> => await run('kubectl', ['apply', '-f', '-'], { input });
  const { code } = await applied();
  if (code === 0) return;
  const again = await applied();
  if (again.code !== 0) throw new Error(again.stderr);
}

async function inPod(pod: string, ...command: readonly string[]): Promise<string> {
  return await kubectl('exec', pod, '-c', 'service', '--', ...command);
}

async function edit(pod: string): Promise<void> {
  await inPod(pod, 'sh', '-c', `printf '${EDIT}' > /data/tables/t2.csv`);
}

async function message(pod: string): Promise<string> {
  return await kubectl('get', 'pod', pod, '-o', 'jsonpath={.status.initContainerStatuses[0].state.terminated.message}');
}
