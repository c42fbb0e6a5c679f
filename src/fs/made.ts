/**
 * Remembers in the state that a run has made the target itself, until one has been through: what ends a run before the root has
 * the seed's attributes is not to cost the root these.
 */
import fs from 'node:fs';
import type { Anchor } from './anchor.ts';
import type { StateDirectory } from './private.ts';
import { isMountPoint } from './trees.ts';

/**
 * An empty file, because its name is there whole or not at all.
 * RACE: killed between the making of the target and this, the root keeps what it was made with.
 */
export function noteMade(state: StateDirectory, volume: Anchor): void {
  const name = nameFor(volume);
  if (!state.exists(name)) state.create(name, new Uint8Array());
}

/** Never of a volume that was mounted there, or of what somebody else has made since, while the state is elsewhere. */
export function wasMade(state: StateDirectory, volume: Anchor): boolean {
  return state.exists(nameFor(volume)) && !isMountPoint(volume.root);
}

export function forgetMade(state: StateDirectory, volume: Anchor): void {
  state.remove(nameFor(volume));
}

/** Not by its device, which may have another number after a restart. An inode's number may be given anew, but not its birth. */
function nameFor({ descriptorOfRoot }: Anchor): string {
  const { ino, birthtimeNs } = fs.fstatSync(descriptorOfRoot, { bigint: true });
  return `made-${ino}-${birthtimeNs}`;
}
