/** Flags and environment to one raw value for each option: flag beats environment. What they mean is for settings.ts. */
import { UsageError } from '../core/errors.ts';
import { displayText } from '../core/path.ts';
import { closest } from '../core/suggest.ts';
import { COMMANDS, OPERANDS, OPTIONS, optionsOf, variableOf, type Command, type Option } from './options.ts';
import { tokensOf, type Token } from './tokens.ts';
import type { Configured } from './written.ts';

/** A value, and the flag, variable or key that gave it, for messages. */
export interface Given {
  readonly values: readonly string[];
  readonly by: string;
}

export interface Arguments {
  readonly given: ReadonlyMap<string, Given>;
  /** What a command is about: patterns, a path, a backup's id; also behind `--`, but for `run`. */
  readonly operands: readonly string[];
  /** What stands behind `--`. */
  readonly rest: readonly string[];
  readonly help: boolean;
  /** What the configuration file says besides options; undefined where there is none. */
  readonly configured?: Configured;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function isCommand(word: string): word is Command {
  return Object.hasOwn(COMMANDS, word);
}

export function unknownCommand(word: string): UsageError {
  const near = closest(word, Object.keys(COMMANDS));
  const hint = near === undefined ? '' : ` (did you mean '${near}'?)`;
  return new UsageError(
    `unknown command '${displayText(word)}'${hint}; known are ${Object.keys(COMMANDS).join(', ')}, see volseed --help`,
  );
}

/** @param args what follows the command. Throws `UsageError`. */
export function readArguments(command: Command, args: readonly string[], environment: Environment): Arguments {
  const options = optionsOf(command);
  const { flags, operands, rest, help } = readFlags(command, options, args);
  const given = new Map<string, Given>();
  for (const option of options) {
    const found = flags.get(option.name) ?? readVariable(option, environment);
    if (found !== undefined) given.set(option.name, found);
  }
  return { given, operands, rest, help };
}

function readFlags(command: Command, options: readonly Option[], args: readonly string[]) {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const takesValue = new Set(options.filter(({ kind }) => kind !== 'flag').map(({ name }) => name));
  const tokens = tokensOf(args.slice(0, end), (name) => takesValue.has(name), { h: 'help' });
  const flags = new Map<string, Given>();
  const operands: string[] = [];
  const takesOperands = OPERANDS[command] !== undefined;
  let help = false;
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (!takesOperands) throw stray(command, token.value);
      operands.push(token.value);
    }
    if (token.kind !== 'option') continue;
    if (token.name === 'help') {
      help = true;
      continue;
    }
    const { option, negated } = lookUp(command, options, token.rawName);
    const value = option.kind === 'flag' ? flagValue(token, negated) : valueOf(option, token);
    const before = flags.get(option.name);
    if (before !== undefined && option.kind !== 'list') {
      throw new UsageError(`--${option.name} is given twice; give it once`);
    }
    flags.set(option.name, { values: [...(before?.values ?? []), value], by: `--${option.name}` });
  }
  const behind = args.slice(end + 1);
  return { flags, operands: takesOperands ? [...operands, ...behind] : [], rest: takesOperands ? [] : behind, help };
}

type OptionToken = Extract<Token, { kind: 'option' }>;

function lookUp(command: Command, options: readonly Option[], rawName: string): { option: Option; negated: boolean } {
  const name = rawName.replace(/^--?/, '');
  for (const negated of [false, true]) {
    const wanted = negated ? name.replace(/^no-/, '') : name;
    const option = options.find((candidate) => candidate.name === wanted && rawName.startsWith('--'));
    if (option !== undefined && (!negated || (option.kind === 'flag' && wanted !== name))) return { option, negated };
  }
  throw unknownOption(command, options, rawName, name);
}

function unknownOption(command: Command, options: readonly Option[], rawName: string, name: string): UsageError {
  const elsewhere = OPTIONS.find((option) => option.name === name);
  if (elsewhere !== undefined && rawName.startsWith('--')) {
    return new UsageError(`--${name} is an option of ${elsewhere.commands.join(' and ')}, not of ${command}`);
  }
  const near = closest(
    name,
    options.map((option) => option.name),
  );
  const hint = near === undefined ? '' : ` (did you mean --${near}?)`;
  return new UsageError(`unknown option ${displayText(rawName)}${hint}; see volseed ${command} --help`);
}

function flagValue({ rawName, value, inlineValue }: OptionToken, negated: boolean): string {
  if (inlineValue !== true) return String(!negated);
  if (negated) throw new UsageError(`${rawName} takes no value`);
  return value ?? '';
}

function valueOf(option: Option, { value, inlineValue }: OptionToken): string {
  const missing = value === undefined || (inlineValue !== true && value.startsWith('-'));
  if (missing) throw new UsageError(`--${option.name} needs a value: --${option.name}=${option.value}`);
  return value;
}

function stray(command: Command, word: string): UsageError {
  const hint =
    command === 'run'
      ? '; put -- before the command: volseed run [options] -- COMMAND [ARG...]'
      : `; see volseed ${command} --help`;
  return new UsageError(`unexpected argument '${displayText(word)}'${hint}`);
}

/** A variable that is set but empty is not set: compose files make such of `${NAME:-}`. */
function readVariable(option: Option, environment: Environment): Given | undefined {
  const name = variableOf(option);
  const value = environment[name];
  if (value === undefined || value === '') return undefined;
  return { values: option.kind === 'list' ? splitList(value) : [value], by: name };
}

/** Splits at commas and newlines, but not at a comma inside braces: `{a,b}` is one glob. */
export function splitList(text: string): string[] {
  const items: string[] = [];
  let item = '';
  let depth = 0;
  for (const char of text) {
    if (char === '{') depth++;
    if (char === '}') depth = Math.max(0, depth - 1);
    if (char === '\n' || (char === ',' && depth === 0)) {
      items.push(item);
      item = '';
    } else item += char;
  }
  return [...items, item].map((each) => each.trim()).filter((each) => each !== '');
}
