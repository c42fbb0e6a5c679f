// Images beyond the sample and the tool: the Dockerfile's other targets, and the examples, each built when a test first asks.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attempt, checkout, docker } from '../support/docker.ts';
import { label, lab, named } from './lab.ts';

/** An image of the Dockerfile's. What the stages before it are called does not matter: they need a name to be removed by. */
export async function target(name: 'tool' | 'tool-standalone' | 'tool-scratch' | 'init'): Promise<string> {
  const stages = name === 'tool' ? [] : ['packages', 'build', 'build-standalone'];
  for (const stage of [...stages, name]) {
    const image = `volseed-test-${stage}-${lab().suffix}`;
    // oxlint-disable no-await-in-loop -- each uses the layers of the one before
    const { code } = await attempt(['image', 'inspect', image]);
    if (code !== 0) await build(checkout, image, ['--target', stage]);
    // oxlint-enable no-await-in-loop
  }
  return `volseed-test-${name}-${lab().suffix}`;
}

export interface Recipe {
  readonly example: string;
  /** The image that the example takes volseed from. */
  readonly tool: string;
  /** Stages that build something, which would stay behind nameless. */
  readonly stages?: readonly string[];
  /** Changes the example's files before it is built: the next version of the image. */
  readonly change?: (directory: string) => void;
}

/** An image of examples/, built as its Dockerfile says. */
export async function example({ example: name, tool, stages = [], change }: Recipe): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'volseed-example-'));
  try {
    cpSync(join(checkout, 'examples', name), directory, { recursive: true, preserveTimestamps: true });
    change?.(directory);
    const from = ['--build-arg', `VOLSEED=${tool}`];
    for (const stage of stages) {
      // oxlint-disable-next-line no-await-in-loop -- one uses the layers of the other
      await build(directory, named(stage), ['--target', stage, ...from]);
    }
    const image = named(name);
    await build(directory, image, from);
    return image;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function build(context: string, image: string, options: readonly string[]): Promise<void> {
  await docker(['build', '--force-rm', '--label', label(), '--tag', image, ...options, context]);
}
