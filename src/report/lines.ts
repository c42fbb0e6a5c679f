/** What a run says, line for line as operators know it from the rsync entrypoint that this replaces, and its totals. */
import type { Backup } from '../core/archive.ts';
import type { Totals as SeedTotals } from '../core/manifest-format.ts';
import { explain } from '../core/errors.ts';
import type { Fields, Level, Log } from '../core/log.ts';
import { display, displayText, type RelPath } from '../core/path.ts';
import type { Change, Kept, Plan, Problem, Removal } from '../core/plan.ts';
import { SENTENCES, type Policy } from '../core/policy.ts';
import type { KeptReason } from '../core/reconcile.ts';
import { keptOf, type Totals } from '../core/run.ts';
import { count, originsOf, sizeOf, type Origin } from '../core/words.ts';

/** How many kept paths one run lists for each reason before it only counts them: a rolled-back image may keep all. */
const LISTED = 20;

export interface Beginning {
  readonly command: string;
  readonly seeds: readonly Origin[];
  readonly target: string;
  readonly policy: Policy;
  readonly checksum: boolean;
  readonly rules: readonly unknown[];
  /** The configuration file. */
  readonly file: string | undefined;
}

export function sayBeginning(log: Log, beginning: Beginning, seed: SeedKnown): void {
  const { command, seeds, target, policy, checksum, rules, file } = beginning;
  const from = originsOf(seeds, "'");
  const fields = { source: seeds.map(({ source }) => source).join(', '), target };
  if (command === 'reset') {
    const line = `Resetting '${displayText(target)}' to the initial data of ${from}, newer or not.`;
    log.write('info', line, fields);
    return saySeed(beginning, seed, log);
  }
  log.write('info', `Initiating sync of initial data from ${from} to '${displayText(target)}'.`, fields);
  log.write('info', 'This operation will sync directories and their contents recursively.');
  log.write('info', SENTENCES[policy], { policy });
  if (file !== undefined && rules.length > 0)
    log.write('info', `${count(rules.length, 'rule')} of ${displayText(file)} may say otherwise for single paths.`);
  if (checksum) log.write('debug', 'Contents are compared where sizes are equal.');
  saySeed(beginning, seed, log);
}

/** What is known of the seed before it is looked at, and what `newer` can make of it, which goes by the times of files. */
function saySeed(
  { policy, checksum, command }: Pick<Beginning, 'policy' | 'checksum' | 'command'>,
  { digest, totals, version }: SeedKnown,
  log: Log,
): void {
  if (digest === undefined || totals === undefined) return;
  const of = version === undefined ? '' : ` of image version ${displayText(version)}`;
  log.write('debug', `The seed is known by its manifest ${digest}${of}.`, { event: 'seed', digest, version });
  const one = totals.files > 1 && totals.oldest === totals.newest;
  if (!one || command === 'reset' || policy !== 'newer' || checksum) return;
  log.write(
    'warn',
    `all ${totals.files} files of the seed have one mtime; if those of the next image have it too, the policy newer cannot see ` +
      'an update that keeps the size: --policy merge does, and so does --checksum',
    { event: 'equal times' },
  );
}

/** What a seed tells without being looked at (fs/seed.ts). */
export interface SeedKnown {
  readonly digest: string | undefined;
  readonly totals: SeedTotals | undefined;
  readonly version: string | undefined;
}

export function sayRestoring(log: Log, target: string, { id, created, why }: Backup): void {
  log.write('info', `Restoring '${displayText(target)}' from backup ${id} (${created}, ${why}).`, { id, created, why });
}

/** One line each: id, when, why, files, bytes. */
export function sayBackups(log: Log, backups: readonly Backup[], asJson: boolean): void {
  if (asJson) return log.document({ backups });
  for (const { id, created, why, files, bytes } of backups)
    log.answer(`${id}  ${created}  ${count(files, 'path')}, ${sizeOf(bytes)}  ${why}`, { event: 'backup', id });
  if (backups.length === 0) log.answer('There are no backups.');
  log.flush();
}

/** rsync's line: the path, a slash behind a directory, an arrow behind a link. */
export function lineOf({ path, new: entry }: Change): string {
  const shown = display(path);
  if (entry.kind === 'link') return `${shown} -> ${display(entry.target)}`;
  return entry.kind === 'directory' ? `${shown}/` : shown;
}

export function sayChange(log: Log, change: Change): void {
  const level: Level = change.verb === 'attributes' ? 'debug' : 'info';
  const line = change.verb === 'attributes' ? `${lineOf(change)} (attributes)` : lineOf(change);
  log.item(level, line, { event: pastOf(change), path: display(change.path), reason: change.reason });
}

export function sayRemoval(log: Log, { path, old, reason }: Removal): void {
  const line = `removed ${display(path)}${old.kind === 'directory' ? '/' : ''} (${reason})`;
  log.item('info', line, { event: 'removed', path: display(path), reason });
}

export function pastOf({ verb }: Change): 'created' | 'updated' | 'corrected' {
  return ({ create: 'created', replace: 'updated', attributes: 'corrected' } as const)[verb];
}

/** Tells what was kept, each reason up to a number of lines. */
export function sayKept(log: Log, kept: readonly Kept[]): void {
  const counts = new Map<KeptReason, number>();
  for (const { path, reason } of kept) {
    const number = (counts.get(reason) ?? 0) + 1;
    counts.set(reason, number);
    const level = number <= LISTED && reason !== 'exists' ? 'info' : 'debug';
    log.item(reason === 'conflict' && level === 'info' ? 'warn' : level, keptLine(path, reason), {
      event: 'kept',
      path: display(path),
      reason,
    });
  }
  for (const [reason, number] of counts) {
    if (number > LISTED && reason !== 'exists') {
      log.item('info', `kept ${number - LISTED} more: ${reason} (--log-level debug lists them)`);
    }
  }
  log.flush();
}

function keptLine(path: RelPath, reason: KeptReason): string {
  const why = reason === 'conflict' ? `${reason}: edited in the volume, and changed by the image` : reason;
  return `kept ${display(path)}: ${why}`;
}

export function sayProblem(log: Log, { path, kind, message }: Problem): void {
  const shown = path === '' ? 'the root directory' : display(path);
  log.write(kind === 'vanished' || kind === 'passed over' ? 'warn' : 'error', `${shown}: ${message}`, {
    event: 'problem',
    kind,
    path: display(path),
  });
}

/** Said once in a run, of what is counted from then on. */
export function sayTrouble(log: Log, code: string, call: string | undefined): void {
  const what = `${code}: ${explain({ code })}${call === undefined ? '' : `, from ${call}`}`;
  log.write(
    'warn',
    `the file system is in trouble for the moment (${what}); what fails so is tried again for a while`,
    {
      event: 'trouble',
      code,
      call,
    },
  );
}

export function sayEnd(
  log: Log,
  totals: Totals,
  vanished: number,
  seconds: number,
  what = 'Initial data sync operation',
): void {
  const problems = totals.problems + vanished;
  const good = problems === 0;
  const end = good ? 'completed successfully' : `completed with ${count(problems, 'problem')} (named above)`;
  log.write(good ? 'info' : 'error', `${what} ${end}.`, { event: 'end' });
  log.write('info', totalsLine(totals, seconds), { event: 'totals', ...totals, seconds: rounded(seconds) });
}

/** Created, updated, kept by reason, bytes, seconds. */
export function totalsLine(totals: Totals, seconds: number): string {
  const { created, updated, corrected, removed, same, retried, bytes } = totals;
  const done = created + updated + corrected + removed;
  const parts = done === 0 ? ['nothing to copy'] : [`${created} created`, `${updated} updated`];
  if (corrected > 0) parts.push(`${corrected} with attributes corrected`);
  if (removed > 0) parts.push(`${removed} removed`);
  parts.push(`${same} up to date`, keptPart(totals));
  if (retried > 0) parts.push(`${retried} tried again`);
  parts.push(sizeOf(bytes), `${rounded(seconds)} s`);
  return `Totals: ${parts.join(', ')}.`;
}

function keptPart(totals: Totals): string {
  const reasons = Object.entries(totals.kept).map(([reason, number]) => `${number} ${reason}`);
  return `${keptOf(totals)} kept${reasons.length === 0 ? '' : ` (${reasons.join(', ')})`}`;
}

/** A plan in lines: what would be done and why, what is kept and why, what stands in the way. */
export function sayPlan(log: Log, plan: Plan, totals: Totals): void {
  for (const { path, old, reason } of plan.removals) {
    const line = `${'remove'.padEnd(10)} ${display(path)}${old.kind === 'directory' ? '/' : ''} (${reason})`;
    log.answer(line, { event: 'remove', path: display(path), reason });
  }
  for (const change of plan.changes) {
    const fields: Fields = { event: change.verb, path: display(change.path), reason: change.reason };
    log.answer(`${change.verb.padEnd(10)} ${lineOf(change)} (${change.reason})`, fields);
  }
  for (const { path, reason } of plan.kept) {
    log.answer(`${'keep'.padEnd(10)} ${display(path)} (${reason})`, {
      event: 'keep',
      path: display(path),
      reason,
    });
  }
  const { created, updated, corrected, removed, same, bytes } = totals;
  const would = [
    `${created} to create`,
    `${updated} to update`,
    `${corrected} to correct`,
    ...(removed > 0 ? [`${removed} to remove`] : []),
    keptPart(totals),
    `${same} up to date`,
  ];
  log.answer(`Plan: ${would.join(', ')}, ${sizeOf(bytes)} to copy. Nothing was touched.`, {
    event: 'plan',
    ...totals,
  });
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
