/** What `explain` found: a line for each thing that bears on the decision, or one JSON object. */
import type { Entry } from '../core/entry.ts';
import type { Explanation, Held, Outcome } from '../core/explanation.ts';
import type { Log } from '../core/log.ts';
import { display } from '../core/path.ts';
import { sizeOf } from '../core/words.ts';
import { differencesInWords } from './survey.ts';

export function sayExplanation(log: Log, explanation: Explanation, asJson: boolean): void {
  const { path, policy, seed, volume, outcome, above, below } = explanation;
  if (asJson) {
    return log.document({
      path: display(path),
      policy,
      seed: asData(seed),
      base: null,
      volume: asData(volume),
      decision: outcome,
      above: above.map((each) => ({ ...each, path: display(each.path) })),
      below,
    });
  }
  log.answer(display(path), { event: 'explain', path: display(path), ...outcome });
  const line = (name: string, text: string): void => log.answer(`  ${name.padEnd(9)} ${text}`);
  line('policy', `${policy.value} (${policy.by})`);
  line('seed', inWords(seed));
  line('base', 'none recorded');
  line('volume', inWords(volume));
  for (const each of above) line('above', `${display(each.path)}: ${decisionOf(each)}`);
  line('decision', decisionOf(outcome));
  if (below.length > 0) line('below', differencesInWords(below));
  log.flush();
}

function decisionOf({ verb, reason }: Outcome): string {
  return `${verb} (${reason})`;
}

function inWords(held: Held | undefined): string {
  if (held === undefined) return 'absent';
  const { entry, sha256 } = held;
  if (entry.kind === 'directory' && entry.implied === true) return 'directory, implied by what a seed goes into';
  const parts = [entry.kind === 'other' ? 'FIFO, socket or device' : entry.kind];
  if (entry.kind === 'link') parts[0] += ` to ${display(entry.target)}`;
  if (entry.kind === 'file') parts.push(exactly(entry.size));
  parts.push(timeOf(entry));
  if (entry.kind !== 'link') parts.push(`mode ${modeOf(entry)}`);
  parts.push(`owner ${entry.uid}:${entry.gid}`);
  if (entry.kind === 'file') parts.push(sha256 === undefined ? 'not hashed' : `sha256 ${sha256}`);
  return parts.join(', ');
}

function asData(held: Held | undefined): Readonly<Record<string, unknown>> | null {
  if (held === undefined) return null;
  const { entry, sha256 } = held;
  if (entry.kind === 'directory' && entry.implied === true) return { kind: entry.kind, implied: true };
  return {
    kind: entry.kind,
    ...(entry.kind === 'file' && { size: entry.size, sha256: sha256 ?? null }),
    ...(entry.kind === 'link' && { target: display(entry.target) }),
    mtime: timeOf(entry),
    ...(entry.kind !== 'link' && { mode: modeOf(entry) }),
    uid: entry.uid,
    gid: entry.gid,
  };
}

function exactly(bytes: number): string {
  return bytes < 1000 ? sizeOf(bytes) : `${bytes} bytes (${sizeOf(bytes)})`;
}

function modeOf({ mode }: Entry): string {
  return mode.toString(8).padStart(4, '0');
}

/** ISO 8601, UTC, to the nanosecond where there is a fraction. */
function timeOf({ seconds, nanoseconds }: Entry): string {
  const fraction = nanoseconds === 0 ? '' : `.${String(nanoseconds).padStart(9, '0').replace(/0+$/, '')}`;
  const date = new Date(seconds * 1000);
  // Beyond what a date can be, the bare number tells more than an error.
  return Number.isNaN(date.getTime()) ? `${seconds}${fraction} s` : date.toISOString().replace('.000Z', `${fraction}Z`);
}
