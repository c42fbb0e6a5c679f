// What the container tests are made of: the suites themselves, names, volumes, images. A test's containers and volumes go
// when the test does; its images, and what a crash leaves, are removed at the end of the run by their label.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, inject, onTestFinished } from 'vitest';
import { attempt, docker, labelOf, newSuffix } from '../support/docker.ts';

/**
 * A suite that needs a container engine. A newcomer may have none, and sees by name what was skipped; where everything is
 * to be proved, its tests fail.
 */
export const containers = inject('lab') || process.env['CI'] ? describe : describe.skip;

export function sample(): string {
  return lab().sample;
}

export function tool(): string {
  return lab().tool;
}

export const standalone = (): string => lab().standalone;
export const scratch = (): string => lab().scratch;
export const init = (): string => lab().init;

/** A name for something of this run's. */
export function named(what: string): string {
  return `volseed-test-${what}-${lab().suffix}-${newSuffix()}`;
}

export function label(): string {
  return labelOf(lab().suffix);
}

/** What every test starts from. */
export function lab(): NonNullable<ReturnType<typeof inject<'lab'>>> {
  const found = inject('lab');
  if (!found) throw new Error('no container engine answers `docker version`');
  return found;
}

/** A new volume. The first container that mounts it gives it the owner and mode of the image's directory. */
export async function newVolume(): Promise<string> {
  const name = named('volume');
  await docker(['volume', 'create', '--label', label(), name]);
  onTestFinished(async () => {
    await attempt(['volume', 'rm', '--force', name]);
  });
  return name;
}

export interface Recipe {
  /** Puts the files for COPY into the directory. */
  readonly context?: (directory: string) => void;
  readonly from?: string;
}

/** The next image: what `lines` make of the sample. It stays until the end of the run, for its layers are small. */
export async function nextImage(lines: readonly string[], { context, from = sample() }: Recipe = {}): Promise<string> {
  const name = named('image');
  const directory = mkdtempSync(join(tmpdir(), 'volseed-context-'));
  try {
    context?.(directory);
    const dockerfile = [`FROM ${from}`, ...lines, ''].join('\n');
    await docker(['build', '--force-rm', '--label', label(), '--tag', name, '--file', '-', directory], {
      input: dockerfile,
    });
    return name;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
