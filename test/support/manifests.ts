// The manifests of k8s/, built as `kubectl apply -k` would.
import { parseAllDocuments } from 'yaml';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from './docker.ts';
import { runToEnd } from './volseed.ts';

/** One Kubernetes object, as far as the tests look at it: its other fields are there, and are nobody's business here. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: Spec;
}

export interface Spec {
  readonly replicas?: number;
  readonly template?: { readonly spec: PodSpec };
  readonly jobTemplate?: { readonly spec: Spec };
  readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
}

export interface PodSpec {
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly initContainers?: readonly ContainerSpec[];
  readonly containers: readonly ContainerSpec[];
  readonly volumes?: readonly Volume[];
  readonly serviceAccountName?: string;
}

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly envFrom?: readonly unknown[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly resources?: unknown;
  readonly terminationMessagePath?: string;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

export interface Volume {
  readonly name: string;
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly configMap?: { readonly name: string };
  readonly image?: { readonly reference: string };
  readonly hostPath?: { readonly path: string; readonly type?: string };
}

export const overlays: readonly string[] = readdirSync(join(checkout, 'k8s/overlays')).toSorted();

/** The command that builds manifests, or nothing where the machine has none. */
export function kustomize(): readonly string[] | undefined {
  const commands = [
    ['kubectl', 'kustomize'],
    ['kustomize', 'build'],
    [join(checkout, '.local/bin/kustomize'), 'build'],
  ];
  return commands.find(([command = '', ...rest]) => spawnSync(command, [...rest, '--help']).status === 0);
}

/** What `kubectl kustomize` makes of an overlay, as text. */
export function built(overlay: string): string {
  const [command = '', ...rest] = kustomize() ?? ['kubectl', 'kustomize'];
  const { code, stdout, stderr } = runToEnd(command, [...rest, join(checkout, 'k8s/overlays', overlay)]);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

export function parsed(text: string): readonly Manifest[] {
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

/** The Pods' part of whatever makes Pods. */
export function podSpecOf({ kind, spec }: Manifest): PodSpec | undefined {
  if (kind === 'Pod') return spec as unknown as PodSpec;
  return kind === 'CronJob' ? spec?.jobTemplate?.spec.template?.spec : spec?.template?.spec;
}
