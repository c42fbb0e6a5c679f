/** The rule a path is under (DESIGN §3). */
export const POLICIES = ['newer', 'missing', 'merge', 'always', 'never'] as const;
export type Policy = (typeof POLICIES)[number];

/** What a policy does to the volume, said at the start of a run. The first is what the rsync entrypoint printed. */
export const SENTENCES: Readonly<Record<Policy, string>> = {
  newer: 'Files will be updated only if the source is newer (preserves manual changes).',
  missing: 'Only what is missing will be created (existing paths are never touched).',
  merge: 'Files that nobody edited will follow the source; edits and deletions are kept.',
  always: 'Files will be replaced wherever they differ from the source (manual changes are lost).',
  never: 'Nothing will be seeded.',
};
