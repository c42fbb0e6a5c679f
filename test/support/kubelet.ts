// What stands between a manifest and `podman kube play`: the part of a cluster's controllers (a StatefulSet's Pods and claims)
// and of the kubelet (volumes and who may write to them, termination messages), as far as podman does not do it itself.
//
// Left out, because podman would need the image's help or the host's ports: probes, ports. For a real cluster to show.
import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { podSpecOf, type ContainerSpec, type Manifest, type PodSpec, type Volume } from './manifests.ts';

export interface Node {
  /** A directory of the host that stands for the disks of the cluster. */
  readonly disk: string;
  /** What a name in the manifests is called in podman's store. */
  readonly imageOf: (reference: string) => string;
  /** The files of an image, for an image volume. */
  readonly filesOf: (reference: string) => string;
  /** Makes the names of pods this run's. */
  readonly suffix: string;
}

export interface Pod {
  readonly name: string;
  /** To be played. */
  readonly manifest: string;
  /** Where what a container leaves as its termination message comes to lie. */
  readonly messageOf: (container: string) => string;
}

/** The Pods that the controllers would make of the manifests: a StatefulSet's by number, a CronJob's as one Job. */
export function podsOf(manifests: readonly Manifest[], node: Node): readonly Pod[] {
  return manifests.flatMap((manifest) => {
    const spec = podSpecOf(manifest);
    if (spec === undefined) return [];
    const count = manifest.spec?.replicas ?? 1;
    return Array.from({ length: count }, (_, number) => {
      const name = manifest.kind === 'Pod' ? manifest.metadata.name : `${manifest.metadata.name}-${number}`;
      const claimed = (manifest.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => ({
        name: metadata.name,
        persistentVolumeClaim: { claimName: `${metadata.name}-${name}` },
      }));
      return podOf(name, { ...spec, volumes: [...(spec.volumes ?? []), ...claimed] }, manifests, node);
    });
  });
}

function podOf(name: string, spec: PodSpec, manifests: readonly Manifest[], node: Node): Pod {
  const directory = join(node.disk, 'pods', name);
  const messageOf = (container: string): string => join(directory, 'messages', container);
  mkdirSync(join(directory, 'messages'), { recursive: true });
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  for (const container of containers) {
    writeFileSync(messageOf(container.name), '');
    // So that the container's user can write it, whoever that is: the kubelet does the same.
    chmodSync(messageOf(container.name), 0o666);
  }
  const messages = containers.map((container) => ({
    name: `message-${container.name}`,
    hostPath: { path: messageOf(container.name), type: 'File' },
  }));
  const onHost = (volume: Volume): Volume => mounted(volume, { directory, spec, manifests, node });
  const runnable = (container: ContainerSpec): unknown => played(container, node, manifests);
  const { initContainers = [], securityContext } = spec;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${name}-${node.suffix}`,
      // Each start of a pod runs its init containers, and what they said can be read afterwards.
      annotations: { 'io.podman.annotations.init.container.type': 'always' },
    },
    spec: {
      restartPolicy: 'Never',
      securityContext,
      initContainers: initContainers.map(runnable),
      containers: spec.containers.map(runnable),
      volumes: [...(spec.volumes ?? []).map(onHost), ...messages],
    },
  };
  return { name: `${name}-${node.suffix}`, manifest: JSON.stringify(pod), messageOf };
}

function played(container: ContainerSpec, { imageOf }: Node, manifests: readonly Manifest[]): unknown {
  const {
    name,
    image,
    command,
    args,
    securityContext,
    resources,
    env = [],
    envFrom = [],
    volumeMounts = [],
  } = container;
  const variables = (envFrom as { configMapRef: { name: string } }[]).flatMap(({ configMapRef }) =>
    Object.entries(dataOf(configMapRef.name, manifests)).map(([key, value]) => ({ name: key, value })),
  );
  const message = { name: `message-${name}`, mountPath: container.terminationMessagePath ?? '/dev/termination-log' };
  return {
    name,
    image: imageOf(image),
    imagePullPolicy: 'Never',
    command,
    args,
    securityContext,
    resources,
    env: [...variables, ...env],
    volumeMounts: [...volumeMounts, message],
  };
}

interface Mounting {
  readonly directory: string;
  readonly spec: PodSpec;
  readonly manifests: readonly Manifest[];
  readonly node: Node;
}

/** A volume as a directory of the host, with what the kubelet does to it. */
function mounted({ name, persistentVolumeClaim, configMap, image, hostPath }: Volume, mounting: Mounting): Volume {
  const { directory, spec, manifests, node } = mounting;
  if (image !== undefined) return onHost(name, node.filesOf(image.reference));
  if (configMap !== undefined) {
    return onHost(name, projected(join(directory, 'volumes', name), dataOf(configMap.name, manifests)));
  }
  const path =
    hostPath === undefined ? join(node.disk, persistentVolumeClaim?.claimName ?? name) : join(node.disk, hostPath.path);
  if (mkdirSync(path, { recursive: true, mode: 0o755 }) !== undefined) chmodSync(path, 0o755);
  const group = spec.securityContext?.['fsGroup'];
  // A new volume is root's. The kubelet gives one that has fsGroup to the group; a hostPath, never.
  if (typeof group === 'number' && hostPath === undefined) {
    chownSync(path, 0, group);
    chmodSync(path, 0o2775);
  }
  return onHost(name, path);
}

const onHost = (name: string, path: string): Volume => ({ name, hostPath: { path, type: 'Directory' } });

/** A ConfigMap as the kubelet mounts it: a directory of the time behind a link, and links through that. */
function projected(path: string, data: Readonly<Record<string, string>>): string {
  const version = '..2026_11_21_09_00_00.123456789';
  rmSync(path, { recursive: true, force: true });
  mkdirSync(join(path, version), { recursive: true });
  for (const [key, value] of Object.entries(data)) {
    writeFileSync(join(path, version, key), value);
    symlinkSync(join('..data', key), join(path, key));
  }
  symlinkSync(version, join(path, '..data'));
  return path;
}

function dataOf(name: string, manifests: readonly Manifest[]): Readonly<Record<string, string>> {
  const found = manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name);
  if (found === undefined) throw new Error(`no ConfigMap ${name} in the manifests`);
  return found.data ?? {};
}
