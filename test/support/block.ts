// File systems in a file: on a loop device, so that what has reached the disk can be told from what has not.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { runToEnd } from './volseed.ts';

export const KINDS = {
  // No commit but those that somebody asks for: what is copied is what they have left.
  ext4: { size: '96M', make: ['mkfs.ext4', '-q', '-F'], mount: 'commit=1000' },
  // A copy has the UUID of the original, which is mounted as well.
  xfs: { size: '320M', make: ['mkfs.xfs', '-q', '-f'], mount: 'nouuid' },
} as const;

export type Kind = keyof typeof KINDS;

export class Disk {
  readonly #kind: Kind;
  readonly #image: string;
  readonly path: string;

  constructor(kind: Kind, image: string, path: string) {
    this.#kind = kind;
    this.#image = image;
    this.path = path;
    fs.mkdirSync(path, { recursive: true });
    run('mount', ['-o', `loop,${KINDS[kind].mount}`, image, path]);
  }

  static make(kind: Kind, image: string, path: string): Disk {
    run('truncate', ['-s', KINDS[kind].size, image]);
    run(KINDS[kind].make[0], [...KINDS[kind].make.slice(1), image]);
    return new Disk(kind, image, path);
  }

  /**
   * What a machine that loses its power now would find: the image as it is, mounted, which replays the journal. Everybody who
   * writes to it must be at rest; where the kernel wrote meanwhile the copy is taken again.
   */
  cut(image: string, path: string): Disk {
    for (;;) {
      const before = this.#written();
      run('cp', ['--sparse=always', this.#image, image]);
      if (before === this.#written()) return new Disk(this.#kind, image, path);
    }
  }

  [Symbol.dispose](): void {
    spawnSync('umount', [this.path]);
    fs.rmSync(this.#image, { force: true });
  }

  /** The kernel's account of the device: all that was written to it, and what is on its way. */
  #written(): string {
    const device = run('losetup', ['--noheadings', '--output', 'NAME', '--associated', this.#image]).trim();
    const figures = fs
      .readFileSync(`/sys/block/${device.replace('/dev/', '')}/stat`, 'utf8')
      .trim()
      .split(/\s+/);
    return `${figures[4]} ${figures[6]} ${figures[8]}`;
  }
}

/** Whether this kernel can mount it at all: what it cannot, no CI can ask for. */
export function kernelHas(kind: string): boolean {
  spawnSync('modprobe', [kind], { stdio: 'ignore' });
  return new RegExp(`\\b${kind}$`, 'm').test(fs.readFileSync('/proc/filesystems', 'utf8'));
}

function run(command: string, args: readonly string[]): string {
  const { code, stdout, stderr } = runToEnd(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
