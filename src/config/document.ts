/** YAML with places: what a configuration file says, and at which line and column it says it. */
import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument, visit, type Node, type Pair } from 'yaml';
import { displayText } from '../core/path.ts';

/** Both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Mistake extends Place {
  readonly message: string;
}

export type Path = readonly (string | number)[];

export interface Document {
  /** Undefined for an empty file. */
  readonly value: unknown;
  /** Of a value, or of the key that it is under; where there is none, of what would hold it. */
  readonly placeOf: (path: Path, what: 'key' | 'value') => Place;
}

/** More of them than a person writes: a few lines of aliases of aliases would fill the memory. */
const MOST_ALIASES = 100;

export function parse(text: string): Document | { readonly mistakes: readonly Mistake[] } {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false, stringKeys: true });
  const placeAt = (offset: number): Place => {
    const { line, col } = counter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };

  const mistakes = [...document.errors, ...document.warnings].map(({ code, message, pos }) => ({
    ...placeAt(pos[0]),
    message: WORDS[code] ?? `YAML: ${displayText(message.replaceAll(/\s+/g, ' '))}`,
  }));
  // After the first mistake of its syntax the rest of a file is guesswork.
  if (mistakes.length > 0) return { mistakes: mistakes.slice(0, 1) };

  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return;
      const shown = `'*${displayText(alias.source)}'`;
      const message = `${shown} is an alias of nothing; put what begins with * in quotes: ${shown}`;
      mistakes.push({ ...placeAt(offsetOf(alias)), message });
    },
  });
  if (mistakes.length > 0) return { mistakes };
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch {
    let first = 0;
    visit(document, {
      Alias: (_, alias) => {
        first = offsetOf(alias);
        return visit.BREAK;
      },
    });
    return { mistakes: [{ ...placeAt(first), message: 'too many aliases; write out what they stand for' }] };
  }

  const stepInto = (holder: unknown, key: string | number): Pair | Node | undefined => {
    const node = isAlias(holder) ? holder.resolve(document) : holder;
    if (isSeq(node)) return node.items[Number(key)] as Node | undefined;
    if (!isMap(node)) return undefined;
    return node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key));
  };
  return {
    value: value ?? undefined,
    placeOf: (path, what) => {
      let at: unknown = document.contents;
      let offset = offsetOf(at);
      for (const [index, key] of path.entries()) {
        const found = stepInto(at, key);
        if (found === undefined) break;
        at = isPair(found) ? found.value : found;
        const isKey = isPair(found) && (at === null || (what === 'key' && index === path.length - 1));
        offset = isKey ? offsetOf(found.key) : offsetOf(at);
      }
      return placeAt(offset);
    },
  };
}

const WORDS: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'a key stands here for the second time; keep one of them',
  TAB_AS_INDENT: 'a tab at the beginning of a line; YAML is indented by spaces',
  MULTIPLE_DOCS: "a second document begins here; one file is one document, without a '---' in it",
  TAG_RESOLVE_FAILED: "a tag that has no meaning here; put what begins with '!' in quotes",
  BAD_SCALAR_START: 'this character cannot begin a value; put the value in quotes',
  BLOCK_AS_IMPLICIT_KEY: "a second ': ' in one line; put the value in quotes, or begin a new line",
  MULTILINE_IMPLICIT_KEY: "a key without its ':'; write KEY: VALUE",
  BAD_INDENT: 'indented otherwise than its neighbours, or a [ or { that is not closed',
  NON_STRING_KEY: 'a key that is no text; write KEY: VALUE',
  RESOURCE_EXHAUSTION: 'nested deeper than any configuration is',
  MISSING_CHAR: "a quote, bracket or ':' is missing here",
};

/** Where a node begins; 0 for none. */
function offsetOf(node: unknown): number {
  return (node as Node | null | undefined)?.range?.[0] ?? 0;
}
