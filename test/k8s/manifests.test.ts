// Every overlay as `kubectl apply -k` would send it, against what Kubernetes publishes of its own objects.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkout } from '../support/docker.ts';
import { built, kustomize, overlays, parsed, podSpecOf, type ContainerSpec } from '../support/manifests.ts';
import { schemas, suite } from '../support/prerequisites.ts';
import { runToEnd } from '../support/volseed.ts';

/** The oldest version that is still supported, and the newest. */
const VERSIONS = ['1.35', '1.37'];

const example = join(checkout, 'examples/init-container/pod.yaml');

suite('the manifests of k8s/', ['kustomize', 'the schemas of Kubernetes'], () => {
  for (const version of VERSIONS) {
    it.each(overlays)(`build, and are what Kubernetes ${version} knows, to the last field: %s`, (overlay) => {
      expect(validated(built(overlay), version)).toEqual({ code: 0, complaints: '' });
    });

    it(`have an example that Kubernetes ${version} knows`, () => {
      expect(runToEnd(schemas, ['--strict', '--quiet', '-k', version, example])).toMatchObject({ code: 0 });
    });
  }

  it('are told where they are wrong: a field that there is not, a value of another type', () => {
    const text = built('prod');
    expect(validated(text.replace('fsGroupChangePolicy', 'fsGroupPolicy'), '1.37').complaints).toMatch(/fsGroupPolicy/);
    expect(validated(text.replace('runAsUser: 1000', 'runAsUser: node'), '1.37').complaints).toMatch(/node/);
  });
});

suite('the pods of k8s/', ['kustomize'], () => {
  // A suite that is skipped is read all the same.
  const found = kustomize() === undefined ? [] : overlays;
  const everything = found.flatMap((overlay) => parsed(built(overlay)).map((manifest) => ({ overlay, manifest })));
  const made = everything.flatMap(({ overlay, manifest }) => {
    const spec = podSpecOf(manifest);
    return spec === undefined
      ? []
      : [{ name: `${overlay}: ${manifest.kind} ${manifest.metadata.name}`, overlay, spec }];
  });
  const restricted = made.filter(({ overlay }) => overlay !== 'dev');

  it.each(restricted)('$name keeps to the level `restricted` of Pod Security', ({ spec }) => {
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(spec.volumes?.filter(({ hostPath }) => hostPath !== undefined)).toEqual([]);
    for (const { securityContext } of containersOf(spec)) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  it.each(made)('$name finds the volumes and the configuration that it names', ({ spec, overlay }) => {
    const manifests = parsed(built(overlay));
    const templated = manifests.flatMap(({ metadata, spec: own }) =>
      (own?.volumeClaimTemplates ?? []).map((claim) => ({ volume: claim.metadata.name, of: metadata.name })),
    );
    const there = new Set([
      ...manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      ...templated.map(({ volume, of }) => `PersistentVolumeClaim ${volume}-${of}-0`),
      ...(spec.volumes ?? []).map(({ name }) => `volume ${name}`),
      ...templated.map(({ volume }) => `volume ${volume}`),
    ]);
    const named = [
      `ServiceAccount ${spec.serviceAccountName}`,
      ...containersOf(spec).flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => `volume ${name}`)),
      ...(spec.volumes ?? []).flatMap(({ configMap, persistentVolumeClaim: claim }) => [
        ...(configMap === undefined ? [] : [`ConfigMap ${configMap.name}`]),
        ...(claim === undefined ? [] : [`PersistentVolumeClaim ${claim.claimName}`]),
      ]),
    ];
    expect(named.filter((name) => !there.has(name))).toEqual([]);
  });

  it.each(restricted)('$name asks for memory and processor time, and is limited in memory', ({ spec }) => {
    const asked = {
      requests: { cpu: expect.anything(), memory: expect.anything() },
      limits: { memory: expect.anything() },
    };
    for (const { resources } of containersOf(spec)) expect(resources).toMatchObject(asked);
  });
});

describe('the overlays of k8s/', () => {
  it('are all there', () => {
    expect(overlays).toEqual(['configmap', 'dev', 'image-volume', 'prod', 'shared', 'uat']);
  });
});

function containersOf({
  initContainers = [],
  containers,
}: {
  initContainers?: readonly ContainerSpec[];
  containers: readonly ContainerSpec[];
}) {
  return [...initContainers, ...containers];
}

function validated(text: string, version: string) {
  const directory = mkdtempSync(join(tmpdir(), 'volseed-manifests-'));
  try {
    const file = join(directory, 'manifests.yaml');
    writeFileSync(file, text);
    const { code, stdout, stderr } = runToEnd(schemas, ['--strict', '--quiet', '-k', version, file]);
    return { code, complaints: stdout + stderr };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
