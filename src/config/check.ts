/** A configuration file's text to what it says, or to all that is wrong with it, each with its line. */
import { parseChmod } from '../core/chmod.ts';
import { UsageError } from '../core/errors.ts';
import { displayText } from '../core/path.ts';
import type { PathRule } from '../core/rulebook.ts';
import type { Policy } from '../core/policy.ts';
import { closest } from '../core/suggest.ts';
import { parse, type Document, type Mistake, type Path } from './document.ts';
import { compileGlobs } from './globs.ts';
import { NOT_IN_FILE, OPTIONS, keyOf } from './options.ts';
import { faultsOf, schemasOf, type Fault, type Schemas } from './schema.ts';
import type { Written } from './written.ts';

/** What the schema has found to be there. */
interface Content {
  readonly source?: string;
  readonly seeds?: readonly { readonly source: string; readonly into?: string; readonly policy?: Policy }[];
  readonly rules?: readonly Rule[];
  readonly safety?: Readonly<Record<string, unknown>>;
  readonly [option: string]: unknown;
}

interface Rule extends Pick<PathRule, 'policy' | 'onConflict' | 'restoreDeleted'> {
  readonly match: string | readonly string[];
  readonly mode?: string;
  readonly owner?: string | number;
}

export async function check(text: string): Promise<Written | { readonly mistakes: readonly Mistake[] }> {
  const document = parse(text);
  if ('mistakes' in document) return document;
  if (document.value === undefined) return { values: () => undefined, seeds: undefined, rules: [] };
  const schemas = schemasOf();
  const mistakes = [
    ...unknownKeys(document, schemas),
    ...faultsOf(schemas.whole, document.value).map((fault) => inWords(fault, document)),
  ];
  if (mistakes.length > 0) return { mistakes: inOrder(mistakes) };
  const content = document.value as Content;
  const more = [...contradictions(content, document), ...(await badGlobs(content, document))];
  return more.length > 0 ? { mistakes: inOrder(more) } : written(content, document);
}

function written(content: Content, { placeOf }: Document): Written {
  const line = (path: Path): number => placeOf(path, 'key').line;
  return {
    values: (option) => {
      const key = keyOf(option);
      const path = option.section === undefined ? [key] : [option.section, key];
      const value = (option.section === undefined ? content : content[option.section])?.[key];
      if (value === undefined) return undefined;
      const values = Array.isArray(value) ? value : [value];
      // An empty list says what a variable that is empty says.
      if (values.length === 0) return undefined;
      return { values: values.map(String), key: shown(path), place: placeOf(path, 'value') };
    },
    seeds: content.seeds?.map(({ source, into, policy }, at) => ({
      source,
      into,
      policy,
      key: `seeds[${at}]`,
      place: placeOf(['seeds', at, 'source'], 'value'),
      intoPlace: placeOf(['seeds', at, 'into'], 'value'),
    })),
    rules: (content.rules ?? []).map(({ match, mode, owner, ...sets }, at) => ({
      match: [match].flat(),
      mode,
      owner: owner === undefined ? undefined : String(owner),
      sets,
      key: `rules[${at}]`,
      line: line(['rules', at]),
    })),
  };
}

function unknownKeys({ value, placeOf }: Document, { keys }: Schemas): Mistake[] {
  const mistakes: Mistake[] = [];
  const look = (holder: unknown, path: Path, known: readonly string[]): void => {
    // A schema of valibot takes a list for a mapping of numbers.
    if (Array.isArray(holder)) {
      const expected = path.length === 0 ? 'a mapping of keys to values' : 'a mapping';
      mistakes.push(inWords({ path, expected, found: holder }, { placeOf }));
    }
    if (!isMapping(holder)) return;
    for (const key of Object.keys(holder).filter((each) => !known.includes(each))) {
      const where = path.length === 0 ? '' : ` in ${shown(path)}`;
      const message = `unknown key '${displayText(key)}'${where}${hintFor(key, path, known)}`;
      mistakes.push({ ...placeOf([...path, key], 'key'), message });
    }
  };
  look(value, [], keys.top);
  if (!isMapping(value)) return mistakes;
  look(value['safety'], ['safety'], keys.safety);
  for (const list of ['seeds', 'rules'] as const) {
    const items = value[list];
    if (Array.isArray(items)) items.forEach((item, at) => look(item, [list, at], keys[list]));
  }
  return mistakes;
}

function hintFor(key: string, path: Path, known: readonly string[]): string {
  if (key === '<<') return ': merge keys are not understood; write out what is meant';
  const option = OPTIONS.find((each) => keyOf(each) === key || each.name === key);
  const isHere = option !== undefined && known.includes(keyOf(option));
  if (option !== undefined && !isHere && !NOT_IN_FILE.includes(keyOf(option)))
    return option.section === undefined ? ' (it is a key at the top)' : ` (it is a key of ${option.section})`;
  const near = isHere ? keyOf(option) : closest(key, known);
  if (near !== undefined) return ` (did you mean '${near}'?)`;
  return path.length === 0 ? '' : `; known are ${known.join(', ')}`;
}

function inWords({ path, expected, found }: Fault, { placeOf }: Pick<Document, 'placeOf'>): Mistake {
  if (expected === undefined) {
    const holder = path.slice(0, -1);
    return { ...placeOf(holder, 'value'), message: `${shown(holder)} has no ${String(path.at(-1))}` };
  }
  const key = path.length === 0 ? '' : `${shown(path)}: `;
  const message = `${key}expected ${expected}, found ${nameOf(found)}${wayOut(expected, found)}`;
  return { ...placeOf(path, 'value'), message };
}

function wayOut(expected: string, found: unknown): string {
  if (typeof found === 'number' && !/number|time/.test(expected)) return '; put it in quotes';
  if (typeof found !== 'string' || !expected.startsWith('one of ')) return '';
  const near = closest(found, expected.slice('one of '.length).split(', '));
  return near === undefined ? '' : ` (did you mean '${near}'?)`;
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (isMapping(value))
    return Object.keys(value).length === 1 ? `only ${displayText(Object.keys(value).join())}` : 'a mapping';
  if (typeof value === 'string') return `'${displayText(value.slice(0, 100))}'`;
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

/** What each key for itself is right about, and all together are not. */
function contradictions({ source, seeds, rules = [] }: Content, { placeOf }: Document): Mistake[] {
  const mistakes: Mistake[] = [];
  if (source !== undefined && seeds !== undefined) {
    const message = "both 'source' and 'seeds' say where the seed is; keep one of them";
    mistakes.push({ ...placeOf(['source'], 'key'), message });
  }
  rules.forEach(({ mode }, at) => {
    if (mode === undefined || parseChmod(mode, 0) !== undefined) return;
    const path = ['rules', at, 'mode'];
    mistakes.push({
      ...placeOf(path, 'value'),
      message: `${shown(path)}: '${mode}' is no mode: D and F exclude each other`,
    });
  });
  return mistakes;
}

async function badGlobs({ rules = [], ...content }: Content, { placeOf }: Document): Promise<Mistake[]> {
  const mistakes: Mistake[] = [];
  const look = async (globs: unknown, path: Path): Promise<void> => {
    if (globs === undefined) return;
    for (const [at, glob] of [globs as string | readonly string[]].flat().entries()) {
      const own = Array.isArray(globs) ? [...path, at] : path;
      try {
        await compileGlobs([glob], shown(path));
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        mistakes.push({ ...placeOf(own, 'value'), message: error.message });
      }
    }
  };
  for (const key of ['include', 'exclude']) await look(content[key], [key]);
  for (const [at, { match }] of rules.entries()) await look(match, ['rules', at, 'match']);
  return mistakes;
}

function shown(path: Path): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${displayText(key)}`))
    .join('')
    .replace(/^\./, '');
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function inOrder(mistakes: readonly Mistake[]): Mistake[] {
  return mistakes.toSorted((a, b) => a.line - b.line || a.column - b.column);
}
