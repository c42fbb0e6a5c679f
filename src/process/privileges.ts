/** Drops to another user for good, as gosu and setpriv do. */
import { explain, UsageError } from '../core/errors.ts';
import type { Account } from './accounts.ts';

/** Groups first, then group, then user: afterwards there is no way back. HOME becomes the user's, or /, as gosu sets it. */
export function dropTo({ uid, gid, groups, home }: Account): void {
  try {
    process.setgroups?.([...groups]);
    process.setgid?.(gid);
    process.setuid?.(uid);
  } catch (error) {
    const self = process.geteuid?.();
    if (self === uid && process.getegid?.() === gid) return;
    throw new UsageError(
      `--user: uid ${self} cannot become uid ${uid}, gid ${gid}: ${explain(error)}; start as root, or leave --user out`,
      {
        cause: error,
      },
    );
  }
  process.env['HOME'] = home === undefined || home === '' ? '/' : home;
}
