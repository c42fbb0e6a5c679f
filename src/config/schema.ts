/**
 * What may stand in a configuration file, made from the table of options: checked by it at a start, and published as JSON
 * Schema for editors (docs/volseed.schema.json). Each message is what was expected, to be put into a sentence.
 */
import * as v from 'valibot';
import { ON_CONFLICT } from '../core/merge.ts';
import { POLICIES } from '../core/policy.ts';
import { keyOf, NOT_IN_FILE, OPTIONS, type Option } from './options.ts';

const MODE = String.raw`(?:[DF]?[0-7]{1,4}|[DFugoa]*[-+=][rwxXst]*)`;

const text = (expected: string) => v.pipe(v.string(expected), v.minLength(1, expected));
const matching = (pattern: RegExp, expected: string) => v.pipe(v.string(expected), v.regex(pattern, expected));
const whole = (least: number, expected: string) =>
  v.pipe(v.number(expected), v.integer(expected), v.minValue(least, expected));
const oneOf = (choices: readonly string[]) => v.picklist(choices, `one of ${choices.join(', ')}`);
const either = <const T extends readonly v.GenericSchema[]>(options: T, expected: string) => v.union(options, expected);

const listOf = (one: string, many: string, least = 0) =>
  either([text(one), v.pipe(v.array(text(one), many), v.minLength(least, many))], many);
const owner = () => {
  const expected = 'an owner: USER, USER:GROUP or :GROUP, names or numbers';
  return either([text(expected), whole(0, expected)], expected);
};
const modes = () => {
  const expected = "modes in quotes, as '0640' or 'D0750,F0640' or 'go-w'";
  return matching(new RegExp(`^${MODE}(?:,${MODE})*$`), expected);
};
const time = () => {
  const expected = 'a time: 500ms, 30s, 10m or 1h';
  const number = v.pipe(v.number(expected), v.minValue(0, expected));
  return either([matching(/^\d+(?:\.\d+)?(?:ms|s|m|h)?$/, expected), number], expected);
};
const limit = () => {
  const expected = 'a number of paths, or a share as 10%';
  return either([whole(0, expected), matching(/^(?:\d{1,9}|(?:\d{1,2}|100)%)$/, expected)], expected);
};

/** By what the table of options calls the value. */
const FORMS: Readonly<Record<string, () => v.GenericSchema>> = {
  DIR: () => text('a path'),
  FILE: () => text('a path'),
  GLOB: () => listOf('a glob', 'a glob or a list of globs'),
  GLOBS: () => listOf('a path or glob', 'a path or glob, or a list of them'),
  'USER:GROUP': owner,
  MODES: modes,
  TIME: time,
  N: () => whole(1, 'a whole number above 0'),
  SOFT: () => whole(1, 'a whole number above 0'),
  FILES: () => whole(0, 'a whole number'),
  LIMIT: limit,
  ID: () => matching(/^[\x21-\x7e]{1,200}$/, '1 to 200 printable ASCII characters without spaces'),
};

/** The values that are paths: variables are expanded in them, and they are relative to the file. */
export const PATHS: readonly string[] = ['DIR', 'FILE'];

function formOf({ kind, choices, value = '' }: Option): v.GenericSchema {
  if (kind === 'flag') return v.boolean('true or false');
  if (choices !== undefined) return oneOf(choices);
  const form = FORMS[value];
  if (form === undefined) throw new Error(`the schema knows no value ${value}`);
  return form();
}

type Entries = Record<string, v.GenericSchema>;

export interface Schemas {
  readonly whole: v.GenericSchema;
  /** The keys of each kind of mapping. */
  readonly keys: Readonly<Record<'top' | 'seeds' | 'rules' | 'safety', readonly string[]>>;
}

export function schemasOf(): Schemas {
  const options = OPTIONS.filter((option) => !NOT_IN_FILE.includes(keyOf(option)));
  const entriesOf = (section: Option['section']): Entries =>
    Object.fromEntries(
      options
        .filter((option) => option.section === section)
        .map((option) => [keyOf(option), optional(formOf(option), `${option.describe}; default: ${option.fallback}`)]),
    );
  const seed: Entries = {
    source: described(text('a path'), 'the directory that the image ships'),
    into: optional(text('a path'), 'the directory of the target that it goes into; default: the target itself'),
    policy: optional(oneOf(POLICIES), 'for what comes from this seed, where no rule names another'),
  };
  const rule: Entries = Object.fromEntries(
    Object.entries({
      match: described(
        listOf('a glob', 'a glob or a list of globs', 1),
        'paths below the target; a directory means all below it',
      ),
      policy: optional(oneOf(POLICIES), 'the policy of these paths'),
      mode: optional(modes(), "their modes, as rsync's --chmod: '0640', 'D0750,F0640', 'go-w'"),
      owner: optional(owner(), 'their owner: USER, USER:GROUP or :GROUP, names or numbers'),
      onConflict: optional(
        oneOf(ON_CONFLICT),
        'what becomes of a path that the image and a person have changed; default: new',
      ),
      restoreDeleted: optional(
        v.boolean('true or false'),
        'whether what a person has deleted comes back; default: false',
      ),
    }),
  );
  const safety = entriesOf('safety');
  const top: Entries = {
    ...entriesOf(undefined),
    seeds: optional(
      v.pipe(v.array(v.strictObject(seed, 'a mapping'), 'a list of seeds'), v.minLength(1, 'at least one seed')),
      'several seeds in one volume; a later one wins where two ship one path',
    ),
    rules: optional(
      v.array(v.pipe(v.strictObject(rule, 'a mapping'), v.minEntries(2, 'an option besides match')), 'a list of rules'),
      'options for single paths; the last rule that matches and sets an option decides it',
    ),
    safety: optional(v.strictObject(safety, 'a mapping'), 'what a run must not do without being told to'),
  };
  return {
    whole: v.strictObject(top, 'a mapping of keys to values'),
    keys: { top: Object.keys(top), seeds: Object.keys(seed), rules: Object.keys(rule), safety: Object.keys(safety) },
  };
}

function described<T extends v.GenericSchema>(schema: T, description: string) {
  return v.pipe(schema, v.description(description));
}

function optional(schema: v.GenericSchema, description: string): v.GenericSchema {
  return v.exactOptional(described(schema, description));
}

/** Something that a schema finds wrong. */
export interface Fault {
  readonly path: readonly (string | number)[];
  /** What was expected there; undefined where a key is missing that has to be there, the path's last. */
  readonly expected: string | undefined;
  readonly found: unknown;
}

/** All that is wrong with a value but unknown keys, which are for who knows the keys. */
export function faultsOf(schema: v.GenericSchema, value: unknown): Fault[] {
  const { issues = [] } = v.safeParse(schema, value);
  return issues.flatMap((issue) => {
    if (issue.expected === 'never') return [];
    return [faultOf(issue, [])];
  });
}

function faultOf(issue: v.BaseIssue<unknown>, above: Fault['path']): Fault {
  const path = [...above, ...(issue.path ?? []).map(({ key }) => key as string | number)];
  // One item of a list, where a list or a single value may stand.
  const inner = Array.isArray(issue.input) ? issue.issues?.find((each) => each.path !== undefined) : undefined;
  if (inner !== undefined) return faultOf(inner, path);
  const isMissing = issue.type === 'strict_object' && issue.received === 'undefined';
  return { path, expected: isMissing ? undefined : issue.message, found: issue.input };
}
