// A state directory of a test's own.
import fs from 'node:fs';
import { onTestFinished } from 'vitest';
import type { Run } from '../../src/core/run.ts';
import { StateDirectory } from '../../src/fs/private.ts';
import { anchorAt, place } from '../fs/place.ts';

export interface Ground {
  readonly state: StateDirectory;
  /** The path of the state directory. */
  readonly at: string;
  readonly volume: string;
}

export function ground(): Ground {
  const volume = place();
  const state = StateDirectory.open(anchorAt(volume), undefined);
  onTestFinished(() => state[Symbol.dispose]());
  return { state, at: `${volume}/.volseed`, volume };
}

export const run = (id: string, over: Partial<Run> = {}): Run => ({
  id,
  mode: 'sync',
  started: `2026-01-01T00:00:00.${id}Z`,
  finished: null,
  status: 'completed',
  seedDigest: null,
  imageVersion: null,
  totals: null,
  error: null,
  ...over,
});

/** Every name that comes to be in a directory while something is done. */
export async function namesDuring(directory: string, action: () => unknown): Promise<Set<string>> {
  const names = new Set<string>();
  const END = 'the-end-of-the-watch';
  const ended = Promise.withResolvers<void>();
  const watcher = fs.watch(directory, (_, name) => {
    if (name === END) ended.resolve();
    else if (name !== null) names.add(name);
  });
  try {
    await action();
    fs.writeFileSync(`${directory}/${END}`, '');
    await ended.promise;
  } finally {
    watcher.close();
    fs.rmSync(`${directory}/${END}`, { force: true });
  }
  return names;
}
