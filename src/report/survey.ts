/** What `status` found: runs, who is at work, and how the volume differs from its image. */
import type { Difference } from '../core/differences.ts';
import type { Log } from '../core/log.ts';
import { display, displayText } from '../core/path.ts';
import type { Survey } from '../core/survey.ts';
import type { Holder, Run } from '../core/run.ts';
import { keptOf } from '../core/run.ts';
import { count, originsOf, sizeOf, type Origin } from '../core/words.ts';

/** How many runs are listed; `--json` has all that are recorded. */
const LISTED = 10;

export function saySurvey(log: Log, survey: Survey, asJson: boolean): void {
  const { target, seeds, state, atWork, holder, interrupted, history, differences, same } = survey;
  if (asJson) {
    const { runs = [], resets = [] } = history ?? {};
    return log.document({
      target,
      seeds: asData(seeds),
      state,
      atWork,
      holder,
      interrupted,
      runs,
      resets,
      differences,
      same,
    });
  }
  const line = (name: string, text: string): void => log.answer(`${name.padEnd(8)} ${text}`);
  line('volume', `${displayText(target)}, from ${originsOf(seeds)}; ${stateOf(survey)}`);
  line('seeder', seederOf(survey));
  if (interrupted !== null)
    line('dead', `${nameOf(interrupted)} died before it had finished; the next run finishes it`);
  for (const reset of history?.resets ?? [])
    line('reset', `${displayText(reset.id)}, applied on ${displayText(reset.applied)}`);
  const runs = history?.runs ?? [];
  for (const run of runs.slice(0, LISTED)) line('run', runOf(run));
  if (runs.length > LISTED) line('run', `and ${runs.length - LISTED} before (--json lists them)`);
  if (runs.length === 0 && state !== null && history !== undefined) line('run', 'none recorded');
  if (differences !== null) line('now', nowOf(differences, same));
  log.flush();
}

export function differencesInWords(differences: readonly Difference[]): string {
  return differences.map(({ verb, reason, count: number }) => `${number} ${TO[verb]} (${reason})`).join(', ');
}

const TO: Readonly<Record<Difference['verb'], string>> = {
  create: 'to create',
  replace: 'to replace',
  attributes: 'to correct',
  remove: 'to remove',
  keep: 'kept',
  blocked: 'blocked',
};

function asData(seeds: readonly Origin[]) {
  return seeds.map(({ source, into }) => ({ source, into: display(into) }));
}

function nowOf(differences: readonly Difference[], same: number): string {
  const upToDate = `${same} up to date`;
  return differences.length === 0 ? `${upToDate}, nothing to do` : `${differencesInWords(differences)}, ${upToDate}`;
}

function stateOf({ state, atWork }: Survey): string {
  if (state !== null) return `state in ${state}`;
  return atWork === null ? 'its state cannot be read' : 'no state';
}

function seederOf({ state, atWork, holder }: Survey): string {
  if (atWork === null) return 'not known';
  if (!atWork) return state === null ? 'none at work, and none was before' : 'none at work';
  return holder === null ? 'one is at work' : `at work: ${nameOf(holder)}`;
}

function nameOf({ mode, run, host, since }: Holder): string {
  return `${mode} ${run} on host ${host} (since ${since})`;
}

function runOf({ id, mode, started, status, imageVersion, totals, error }: Run): string {
  const parts = [id, mode, started, status];
  if (imageVersion !== null) parts.push(`image ${imageVersion}`);
  const line = parts.map(displayText).join('  ');
  const { created, updated, corrected, removed, problems, bytes } = totals ?? {};
  const done = [
    `${created ?? 0} created`,
    `${updated ?? 0} updated`,
    ...(corrected ? [`${corrected} corrected`] : []),
    ...(removed ? [`${removed} removed`] : []),
    `${totals === null ? 0 : keptOf(totals)} kept`,
    ...(problems ? [count(problems, 'problem')] : []),
    sizeOf(bytes ?? 0),
  ];
  const end = error === null ? '' : `  ${displayText(error)}`;
  return `${line}${totals === null ? '' : `  ${done.join(', ')}`}${end}`;
}
