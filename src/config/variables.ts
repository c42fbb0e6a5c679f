/** `${VAR}` and `${VAR:-default}` in the paths of a configuration file; `$$` is a dollar sign. */

type Environment = Readonly<Record<string, string | undefined>>;

export type Expanded = { readonly value: string } | { readonly mistake: string };

const PIECE = /\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}$]*))?\}|\$/g;

/**
 * One pass: what a variable holds is not looked into. A variable that is empty counts as not set, as everywhere, because
 * `${DATA}/sub` must not become `/sub`.
 */
export function expand(text: string, environment: Environment): Expanded {
  let mistake: string | undefined;
  const value = text.replaceAll(PIECE, (piece: string, name?: string, fallback?: string) => {
    if (piece === '$$') return '$';
    if (name === undefined) {
      mistake ??= "a '$' that begins no variable: write ${NAME}, ${NAME:-default}, or $$ for the sign itself";
      return '';
    }
    const found = Object.hasOwn(environment, name) ? environment[name] : undefined;
    if (found !== undefined && found !== '') return found;
    if (fallback === undefined) mistake ??= `the variable ${name} is not set; set it, or write \${${name}:-default}`;
    return fallback ?? '';
  });
  return mistake === undefined ? { value } : { mistake };
}
