/** What of the volume is to be in a backup before a plan is carried out. */
import { byDepth, type Saved } from './archive.ts';
import type { Entry } from './entry.ts';
import { parentOf, ROOT, type RelPath } from './path.ts';
import type { Plan } from './plan.ts';

export interface ToSave {
  readonly path: RelPath;
  readonly entry: Entry;
  readonly holds: Saved['holds'];
}

export interface Saving {
  /** In the order of a plan, the directories above each among them. */
  readonly entries: readonly ToSave[];
  readonly absent: readonly RelPath[];
  /** Special files that go and cannot be saved. */
  readonly special: readonly RelPath[];
}

/** @param directory what the volume has at a directory that holds something of the plan. */
export function savingOf(plan: Plan, directory: (path: RelPath) => Entry | undefined): Saving {
  const entries = new Map<RelPath, ToSave>();
  const absent: RelPath[] = [];
  for (const { path, old, verb } of plan.changes) {
    if (path === ROOT) continue;
    if (old === undefined) absent.push(path);
    else
      entries.set(path, {
        path,
        entry: old,
        holds: verb === 'attributes' && old.kind === 'file' ? 'attributes' : 'content',
      });
  }
  for (const { path, old } of plan.removals) entries.set(path, { path, entry: old, holds: 'content' });
  const gone = new Set(absent);
  for (const path of [...entries.keys(), ...absent]) {
    for (
      let above = parentOf(path);
      above !== ROOT && !entries.has(above) && !gone.has(above);
      above = parentOf(above)
    ) {
      const entry = directory(above);
      if (entry?.kind === 'directory') entries.set(above, { path: above, entry, holds: 'attributes' });
    }
  }
  const sorted = [...entries.values()].toSorted((a, b) => byDepth(a.path, b.path));
  return {
    entries: sorted.filter(({ entry }) => entry.kind !== 'other'),
    absent,
    special: sorted.filter(({ entry }) => entry.kind === 'other').map(({ path }) => path),
  };
}
