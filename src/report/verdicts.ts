/** What `verify` found, a line for each path, and how much of each. */
import type { Log } from '../core/log.ts';
import { display, type RelPath } from '../core/path.ts';
import { VERDICTS, type Verdict } from '../core/verdict.ts';

export interface Finding {
  readonly path: RelPath;
  readonly verdict: Exclude<Verdict, 'same'>;
}

export function sayVerdicts(log: Log, found: readonly Finding[], same: number, asJson: boolean): void {
  const counts = Object.fromEntries(
    VERDICTS.map((verdict) => [verdict, found.filter((each) => each.verdict === verdict).length]),
  );
  if (asJson) {
    const differing = found.map(({ path, verdict }) => ({ path: display(path), verdict }));
    return log.document({ ...counts, same, differing });
  }
  for (const { path, verdict } of found)
    log.answer(`${verdict.padEnd(8)} ${display(path)}`, { event: verdict, path: display(path) });
  const parts = Object.entries(counts).map(([verdict, count]) => `${count} ${verdict}`);
  log.answer(`Verified: ${parts.join(', ')}, ${same} as in the image. Nothing was touched.`, {
    event: 'verified',
    ...counts,
    same,
  });
}
