// What a suite needs from the machine: suite('as root', ['rsync', 'root'], () => {...}). A newcomer without it sees the
// suite skipped, by its name; where CI is set nothing may be skipped, and the same lack fails.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';
import { kustomize } from './manifests.ts';
import { runtime } from './volseed.ts';

/** An ordinary user: what suites that need root drop to. No account of that number has to exist. */
export const ordinary = { uid: 1000, gid: 1000 } as const;

/** The published schemas of Kubernetes' objects, as a program that validates by them (scripts/prerequisites.sh). */
export const schemas = fileURLToPath(new URL('../../.local/kubernetes/bin/kubernetes-validate', import.meta.url));

const checks = {
  rsync: () => succeeds('rsync', ['--version']),
  // To have it is not enough: many containers forbid ptrace.
  strace: () => succeeds('strace', ['-o', '/dev/null', 'true']),
  script: () => succeeds('script', ['-qec', 'true', '/dev/null']),
  root: isRoot,
  'loop devices': () => isRoot() && succeeds('losetup', ['--find']),
  'mkfs.ext4': () => succeeds('mkfs.ext4', ['-V']),
  // In user space: a container's kernel seldom has FAT.
  exfat: () => succeeds('sh', ['-c', 'test -c /dev/fuse && command -v mkfs.exfat mount.exfat-fuse']),
  'mkfs.xfs': () => succeeds('mkfs.xfs', ['-V']),
  'the npm registry': () => succeeds('npm', ['view', 'picomatch', 'name']),
  kustomize: () => kustomize() !== undefined,
  'the schemas of Kubernetes': () => succeeds(schemas, ['--version']),
  'a checkout that other users can read': () => !isRoot() || succeeds('test', ['-r', runtime], ordinary),
} as const;

export type Prerequisite = keyof typeof checks;

/** A `describe` for a machine that has what it needs. */
export function suite(name: string, needs: readonly Prerequisite[], body: () => void): void {
  // oxlint-disable-next-line vitest/valid-title, vitest/valid-describe-callback -- both are the caller's
  describe.skipIf(lacks(...needs))(name, body);
}

/** Whether the machine lacks one of these; said in a line, and an error under CI. */
export function lacks(...needs: readonly Prerequisite[]): boolean {
  const lacking = needs.filter((need) => !checks[need]());
  if (lacking.length === 0) return false;
  if (process.env['CI']) throw new Error(`CI may skip nothing, and lacks ${lacking.join(', ')}`);
  process.stderr.write(`Skipping what needs ${lacking.join(', ')}.\n`);
  return true;
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function succeeds(command: string, args: readonly string[], identity: { uid?: number; gid?: number } = {}): boolean {
  return spawnSync(command, [...args], { stdio: 'ignore', ...identity }).status === 0;
}
