/** What `explain` found: a line for each thing that bears on the decision, or one JSON object. */
import type { Based } from '../core/base.ts';
import { LEAVE, type Attributes, type Entry } from '../core/entry.ts';
import type { Explanation, Held, Outcome } from '../core/explanation.ts';
import type { Log } from '../core/log.ts';
import { display } from '../core/path.ts';
import { sizeOf } from '../core/words.ts';
import { differencesInWords } from './survey.ts';

export function sayExplanation(log: Log, explanation: Explanation, asJson: boolean): void {
  const { path, policy, seed, base, volume, outcome, above, below } = explanation;
  if (asJson) {
    return log.document({
      path: display(path),
      policy,
      seed: asData(seed),
      base: base === undefined ? null : baseAsData(base),
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
  line('base', base === undefined ? 'none recorded' : baseInWords(base));
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
  return attributesOf(
    entry,
    entry.kind === 'file' ? entry.size : 0,
    entry.kind === 'link' ? entry.target : (sha256 ?? ''),
  );
}

/** @param content the SHA-256 of a file, the target of a link. */
function attributesOf(entry: Attributes & Pick<Entry, 'kind'>, size: number, content: string): string {
  const parts: string[] = [entry.kind === 'other' ? 'FIFO, socket or device' : entry.kind];
  if (entry.kind === 'link') parts[0] += ` to ${display(content)}`;
  if (entry.kind === 'file') parts.push(exactly(size));
  parts.push(timeOf(entry));
  if (entry.kind !== 'link') parts.push(`mode ${modeOf(entry)}`);
  parts.push(`owner ${idOf(entry.uid)}:${idOf(entry.gid)}`);
  if (entry.kind === 'file') parts.push(content === '' ? 'not hashed' : `sha256 ${content}`);
  return parts.join(', ');
}

function idOf(id: number): string {
  return id === LEAVE ? 'as it was' : String(id);
}

function baseInWords(base: Based): string {
  const offered =
    base.offer === undefined ? '' : `; the image's version is offered beside it since ${base.offer.since}`;
  return `${attributesOf(base, base.size, base.content)}${offered}`;
}

function baseAsData(base: Based): Readonly<Record<string, unknown>> {
  const { kind, size, content, offer, uid, gid } = base;
  return {
    kind,
    ...(kind === 'file' && { size, sha256: content === '' ? null : content }),
    ...(kind === 'link' && { target: display(content) }),
    mtime: timeOf(base),
    ...(kind !== 'link' && { mode: modeOf(base) }),
    uid,
    gid,
    ...(offer !== undefined && { offered: { kind: offer.kind, content: display(offer.content), since: offer.since } }),
  };
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

function modeOf({ mode }: Attributes): string {
  return mode.toString(8).padStart(4, '0');
}

/** ISO 8601, UTC, to the nanosecond where there is a fraction. */
function timeOf({ seconds, nanoseconds }: Attributes): string {
  const fraction = nanoseconds === 0 ? '' : `.${String(nanoseconds).padStart(9, '0').replace(/0+$/, '')}`;
  const date = new Date(seconds * 1000);
  // Beyond what a date can be, the bare number tells more than an error.
  return Number.isNaN(date.getTime()) ? `${seconds}${fraction} s` : date.toISOString().replace('.000Z', `${fraction}Z`);
}
