// Before the first container test: the images, built once by the real Dockerfile. After the last: nothing is left of them.
import type { TestProject } from 'vitest/node';
import { attempt, checkout, docker, engineAnswers, labelOf, newSuffix, removeAll } from '../support/docker.ts';

/** What every container test starts from. */
export interface Lab {
  readonly suffix: string;
  /** The sample image. */
  readonly sample: string;
  /** The image that has the program and nothing else. */
  readonly tool: string;
  /** The same with the executable that needs no Node. */
  readonly standalone: string;
  /** The executable with the libraries it needs. */
  readonly scratch: string;
  /** That as an initContainer. */
  readonly init: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    /** Missing where no engine answers. */
    readonly lab: Lab | undefined;
  }
}

const TARGETS = ['packages', 'build', 'tool', 'sample', 'build-standalone', 'tool-standalone', 'tool-scratch', 'init'];

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (!engineAnswers()) {
    console.warn('No container engine answers `docker version`.');
    project.provide('lab', undefined);
    return undefined;
  }
  const suffix = newSuffix();
  const label = labelOf(suffix);
  const named = (name: string): string => `volseed-test-${name}-${suffix}`;
  const remove = async (): Promise<void> => await removeAll(label);
  try {
    // The stages that build are given a name as well: the classic builder would leave them behind without one.
    for (const target of TARGETS) {
      // oxlint-disable-next-line no-await-in-loop -- each uses the layers of the one before
      await docker(['build', '--force-rm', '--label', label, '--target', target, '--tag', named(target), checkout]);
    }
  } catch (error) {
    await remove();
    throw error;
  }
  await reportSizes([...['sample', 'tool', 'tool-standalone', 'init'].map(named), 'node:26-bookworm-slim']);
  project.provide('lab', {
    suffix,
    sample: named('sample'),
    tool: named('tool'),
    standalone: named('tool-standalone'),
    scratch: named('tool-scratch'),
    init: named('init'),
  });
  return remove;
}

async function reportSizes(images: readonly string[]): Promise<void> {
  const { stdout } = await attempt(['image', 'inspect', '--format', '{{index .RepoTags 0}} {{.Size}}', ...images]);
  for (const line of stdout.trim().split('\n')) {
    const [image, bytes] = line.split(' ');
    console.log(`image ${image}: ${(Number(bytes) / 1e6).toFixed(1)} MB`);
  }
}
