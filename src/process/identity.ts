/** Who this process is: its ids, its groups, and whether it may give files away. */
import { readFileSync } from 'node:fs';
import type { Identity } from '../core/identity.ts';

const CAP_CHOWN = 1n << 0n;

export function identity(): Identity {
  const uid = process.geteuid?.() ?? 0;
  const gid = process.getegid?.() ?? 0;
  return { privileged: mayChown(uid), uid, groups: new Set([gid, ...(process.getgroups?.() ?? [])]) };
}

/** Root without the capability (`--cap-drop ALL`) changes owners no more than anybody else. */
function mayChown(uid: number): boolean {
  try {
    const [, effective] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
    if (effective !== undefined) return (BigInt(`0x${effective}`) & CAP_CHOWN) !== 0n;
  } catch {
    // No /proc: what the uid says.
  }
  return uid === 0;
}
