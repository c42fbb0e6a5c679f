// Pods for real: podman plays what a cluster would run, with the containers' users, capabilities and mounts.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { run, succeed, type Output } from './docker.ts';
import { podsOf, type Node, type Pod } from './kubelet.ts';
import type { Manifest } from './manifests.ts';

export function podmanAnswers(): boolean {
  return spawnSync('podman', ['info'], { stdio: 'ignore' }).status === 0;
}

/** A node with disks and images of its own; `remove` leaves nothing of it. */
export class PodmanNode {
  readonly #home = mkdtempSync(join(tmpdir(), 'volseed-node-'));
  readonly #env: Readonly<Record<string, string>>;
  readonly #suffix: string;
  /** Names in the manifests, without their tags, to images in podman's store. */
  readonly #images = new Map<string, string>();
  /** All of them, those too that another has taken the name of. */
  readonly #loaded = new Set<string>();
  readonly #mounted: string[] = [];

  constructor(suffix: string) {
    this.#suffix = suffix;
    mkdirSync(this.disk);
    // podman asks for limits that not every root may give: a virtual machine's, a container's.
    const conf = join(this.#home, 'containers.conf');
    writeFileSync(conf, '[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n');
    this.#env = { CONTAINERS_CONF: process.env['CONTAINERS_CONF'] ?? conf };
  }

  /** A directory of the host that stands for the disks of the cluster. */
  get disk(): string {
    return join(this.#home, 'disk');
  }

  /** Brings an image from docker's store, to be what the manifests call by this name. */
  async load(image: string, name: string): Promise<void> {
    const command = 'docker save "$1" | podman load --quiet';
    await succeed('sh', ['-ec', command, 'sh', image], { env: this.#env });
    const loaded = `localhost/${image}:latest`;
    this.#images.set(name, loaded);
    this.#loaded.add(loaded);
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
    return podsOf(manifests, { disk: this.disk, suffix: this.#suffix, imageOf, filesOf });
  }

  /** Starts a pod, and returns when its init containers have ended; what podman says where it does not come up. */
  async play({ manifest }: Pod): Promise<Output> {
    return await this.#podman(['kube', 'play', '--quiet', '-'], manifest);
  }

  /** Ends a pod with all its containers. What is on its volumes stays. */
  async down({ name }: Pod): Promise<void> {
    await this.#podman(['pod', 'rm', '--force', '--time', '5', name]);
  }

  async exec({ name }: Pod, container: string, ...command: readonly string[]): Promise<Output> {
    return await this.#podman(['exec', `${name}-${container}`, ...command]);
  }

  async logs({ name }: Pod, container: string): Promise<string> {
    const { stdout, stderr } = await this.#podman(['logs', `${name}-${container}`]);
    return stdout + stderr;
  }

  async inspect({ name }: Pod, container: string, format: string): Promise<string> {
    return (await this.#podman(['inspect', '--format', format, `${name}-${container}`])).stdout.trim();
  }

  async remove(pods: readonly Pod[]): Promise<void> {
    await Promise.all(pods.map(async (pod) => await this.down(pod)));
    for (const image of this.#mounted) spawnSync('podman', ['image', 'unmount', image]);
    await this.#podman(['rmi', '--force', ...this.#loaded]);
    rmSync(this.#home, { recursive: true });
  }

  async #podman(args: readonly string[], input = ''): Promise<Output> {
    return await run('podman', args, { env: this.#env, input });
  }
}
