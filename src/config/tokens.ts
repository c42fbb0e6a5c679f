/**
 * What stands in the arguments, one after the other, as `parseArgs` of node:util tells it where it is not strict: loading that takes a
 * tenth of an executable's start.
 */
export type Token =
  | { readonly kind: 'positional'; readonly value: string }
  | {
      readonly kind: 'option';
      readonly name: string;
      /** With its dashes, as it was given. */
      readonly rawName: string;
      readonly value: string | undefined;
      /** Whether the value stood behind an equals sign; undefined where there is none. */
      readonly inlineValue: boolean | undefined;
    };

/**
 * @param takesValue whether the argument after an option of this name is its value, whatever it looks like.
 * @param shorts the names that single letters stand for.
 */
export function* tokensOf(
  args: readonly string[],
  takesValue: (name: string) => boolean,
  shorts: Readonly<Record<string, string>>,
): Generator<Token> {
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? '';
    if (!arg.startsWith('-') || arg === '-') {
      yield { kind: 'positional', value: arg };
    } else if (arg.startsWith('--')) {
      const equals = arg.indexOf('=', 3);
      const rawName = equals === -1 ? arg : arg.slice(0, equals);
      const name = rawName.slice(2);
      if (equals !== -1) yield { kind: 'option', name, rawName, value: arg.slice(equals + 1), inlineValue: true };
      else if (takesValue(name) && at + 1 < args.length)
        yield { kind: 'option', name, rawName, value: args[++at], inlineValue: false };
      else yield { kind: 'option', name, rawName, value: undefined, inlineValue: undefined };
    } else {
      for (const letter of arg.slice(1))
        yield {
          kind: 'option',
          name: shorts[letter] ?? letter,
          rawName: `-${letter}`,
          value: undefined,
          inlineValue: undefined,
        };
    }
  }
}
