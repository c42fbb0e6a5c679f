/** What `verify` found, a line for each path, and how much of each. */
import type { Log } from '../core/log.ts';
import { display, type RelPath } from '../core/path.ts';
import { VERDICTS, type Verdict } from '../core/verdict.ts';

export interface Finding {
  readonly path: RelPath;
  readonly verdict: Exclude<Verdict, 'same'>;
}

/** What came of comparing a seed with its manifest. */
export interface ManifestFinding {
  /** What is wrong with the manifest itself; the rest of a sentence that begins with it. */
  readonly damaged?: string | undefined;
  /** Paths that are as it says. */
  readonly same: number;
  readonly differing: readonly { readonly path: RelPath; readonly what: string }[];
}

/** @param manifest undefined where the seed has none. */
export function sayVerdicts(
  log: Log,
  found: readonly Finding[],
  same: number,
  manifest: ManifestFinding | undefined,
  asJson: boolean,
): void {
  const counts = Object.fromEntries(
    VERDICTS.map((verdict) => [verdict, found.filter((each) => each.verdict === verdict).length]),
  );
  if (asJson) {
    const differing = found.map(({ path, verdict }) => ({ path: display(path), verdict }));
    return log.document({ ...counts, same, differing, ...(manifest && { manifest: asData(manifest) }) });
  }
  if (manifest !== undefined) sayManifest(log, manifest);
  for (const { path, verdict } of found)
    log.answer(`${verdict.padEnd(8)} ${display(path)}`, { event: verdict, path: display(path) });
  const parts = Object.entries(counts).map(([verdict, count]) => `${count} ${verdict}`);
  log.answer(`Verified: ${parts.join(', ')}, ${same} as in the image. Nothing was touched.`, {
    event: 'verified',
    ...counts,
    same,
  });
}

function sayManifest(log: Log, { damaged, same, differing }: ManifestFinding): void {
  for (const { path, what } of differing)
    log.answer(`manifest ${display(path)} (${what})`, { event: 'manifest', path: display(path), what });
  const wayOut = 'run volseed manifest again, as the last step on the seed where the image is built';
  if (damaged !== undefined) return log.answer(`The manifest ${damaged}; ${wayOut}.`, { event: 'manifest', damaged });
  const end = differing.length === 0 ? '.' : `; ${wayOut}.`;
  log.answer(`The seed against its manifest: ${same} as it says, ${differing.length} not${end}`, {
    event: 'manifest',
    same,
    differing: differing.length,
  });
}

function asData({ differing, ...rest }: ManifestFinding): unknown {
  return { ...rest, differing: differing.map(({ path, what }) => ({ path: display(path), what })) };
}
