/**
 * What has become of a path of the seed, by its content; mode and owner are not asked.
 *
 *   absent                                              missing
 *   another content, type or link target, and its mtime
 *     in the same second as the seed's, a file          damaged: an edit would have moved it
 *     later                                             edited
 *     earlier                                           outdated
 */
import type { Entry } from './entry.ts';

export const VERDICTS = ['missing', 'damaged', 'edited', 'outdated'] as const;
export type Verdict = (typeof VERDICTS)[number] | 'same';

/** @param sameContent of two files of one size; of no meaning for others. */
export function verdictOf(seed: Entry, volume: Entry | undefined, sameContent: boolean): Verdict {
  if (volume === undefined) return 'missing';
  if (isSame(seed, volume, sameContent)) return 'same';
  if (seed.kind === 'file' && volume.kind === 'file' && seed.seconds === volume.seconds) return 'damaged';
  return volume.seconds < seed.seconds ? 'outdated' : 'edited';
}

function isSame(seed: Entry, volume: Entry, sameContent: boolean): boolean {
  if (seed.kind === 'file' && volume.kind === 'file') return seed.size === volume.size && sameContent;
  if (seed.kind === 'link' && volume.kind === 'link') return seed.target === volume.target;
  return seed.kind === volume.kind;
}
