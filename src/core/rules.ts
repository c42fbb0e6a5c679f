/**
 * What the rules of a configuration say of one path. A rule that matches a directory is of all below it, too; where several
 * match, the last that sets an option decides that option, as in `.gitignore`.
 */
import { parentOf, ROOT, type RelPath } from './path.ts';
import type { PathRule } from './rulebook.ts';
import type { Matcher } from './selection.ts';

export interface PathSetting {
  readonly matches: Matcher;
  readonly sets: PathRule;
}

/** No rule is of the root, which belongs to whoever mounted it. Along a walk each directory is matched once. */
export function ruleOf(settings: readonly PathSetting[]): (path: RelPath) => PathRule {
  const directories = new Map<RelPath, Matched>([[ROOT, { key: '', rules: [] }]]);
  const merged = new Map<string, PathRule>([['', {}]]);
  let last: { readonly path: RelPath; readonly rule: PathRule } = { path: ROOT, rule: {} };

  const matchedBy = (path: RelPath): Matched => {
    const above = ofDirectory(parentOf(path));
    const rules = settings.flatMap(({ matches }, at) => (above.rules.includes(at) || matches(path) ? [at] : []));
    return rules.length === above.rules.length ? above : { key: rules.join(), rules };
  };
  const ofDirectory = (path: RelPath): Matched => {
    const known = directories.get(path);
    if (known !== undefined) return known;
    const matched = matchedBy(path);
    directories.set(path, matched);
    return matched;
  };

  return (path) => {
    if (path === last.path) return last.rule;
    const { key, rules } = path === ROOT ? ofDirectory(ROOT) : matchedBy(path);
    const rule = merged.get(key) ?? Object.assign({}, ...rules.map((at) => settings[at]?.sets));
    merged.set(key, rule);
    last = { path, rule };
    return rule;
  };
}

/** The numbers of the rules that match, and the same as a text. */
interface Matched {
  readonly key: string;
  readonly rules: readonly number[];
}
