// Pods for real: podman plays what a cluster would run, with the containers' users, capabilities and mounts.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { run, succeed, type Output } from './docker.ts';
import { podsOf, type Node, type Pod } from './kubelet.ts';
import type { Manifest } from './manifests.ts';

export function podmanAnswers(): boolean {
  return spawnSync('podman', ['info'], { stdio: 'ignore' }).status === 0;
}

const podman = async (...args: readonly string[]): Promise<string> => await succeed('podman', args, {});

/** A node with disks and images of its own; `remove` leaves nothing of it. */
export class PodmanNode {
  readonly #disk = mkdtempSync(join(tmpdir(), 'volseed-node-'));
  readonly #suffix: string;
  /** Names in the manifests, without their tags, to images in podman's store. */
  readonly #images = new Map<string, string>();
  readonly #mounted: string[] = [];

  constructor(suffix: string) {
    this.#suffix = suffix;
  }

  get disk(): string {
    return this.#disk;
  }

  /** Brings an image from docker's store, to be what the manifests call by this name. */
  async load(image: string, name: string): Promise<void> {
    const command = 'docker save "$1" | podman load --quiet';
    await succeed('sh', ['-ec', command, 'sh', image], {});
    this.#images.set(name, `localhost/${image}:latest`);
  }

  pods(manifests: readonly Manifest[]): readonly Pod[] {
    const imageOf: Node['imageOf'] = (reference) => {
      const found = this.#images.get(reference.replace(/:[^:]*$/, ''));
      if (found === undefined) throw new Error(`no image for ${reference}`);
      return found;
    };
    const filesOf: Node['filesOf'] = (reference) => {
      const image = imageOf(reference);
      this.#mounted.push(image);
      return spawnSync('podman', ['image', 'mount', image], { encoding: 'utf8' }).stdout.trim();
    };
    return podsOf(manifests, { disk: this.#disk, suffix: this.#suffix, imageOf, filesOf });
  }

  /** Starts a pod, and returns when its init containers have ended; what podman says where it does not come up. */
  async play({ manifest }: Pod): Promise<Output> {
    return await run('podman', ['kube', 'play', '--quiet', '-'], { input: manifest });
  }

  /** Ends a pod with all its containers. What is on its volumes stays. */
  async down({ name }: Pod): Promise<void> {
    await run('podman', ['pod', 'rm', '--force', '--time', '5', name], {});
  }

  async exec({ name }: Pod, container: string, ...command: readonly string[]): Promise<Output> {
    return await run('podman', ['exec', `${name}-${container}`, ...command], {});
  }

  async logs({ name }: Pod, container: string): Promise<string> {
    const { stdout, stderr } = await run('podman', ['logs', `${name}-${container}`], {});
    return stdout + stderr;
  }

  async inspect({ name }: Pod, container: string, format: string): Promise<string> {
    return await podman('inspect', '--format', format, `${name}-${container}`);
  }

  async remove(pods: readonly Pod[]): Promise<void> {
    await Promise.all(pods.map(async (pod) => await this.down(pod)));
    for (const image of this.#mounted) spawnSync('podman', ['image', 'unmount', image]);
    await run('podman', ['rmi', '--force', ...new Set(this.#images.values())], {});
    rmSync(this.#disk, { recursive: true });
  }
}
