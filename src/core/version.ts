/** Whether one image is older than another, by what their builders call them: `1.10.2`, `v2`, `2026.11.21`, `1.0.0-rc.1`. */
export function isOlder(version: string, than: string): boolean | undefined {
  const [a, b] = [parse(version), parse(than)];
  if (a === undefined || b === undefined) return undefined;
  for (let at = 0; at < Math.max(a.numbers.length, b.numbers.length); at++) {
    const difference = (a.numbers[at] ?? 0) - (b.numbers[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  if (a.before === b.before) return false;
  // What comes before a release is named behind it.
  if (a.before === '' || b.before === '') return b.before === '';
  return isBefore(a.before.split('.'), b.before.split('.'));
}

function isBefore(a: readonly string[], b: readonly string[]): boolean {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const [one, other] = [a[at], b[at]];
    if (one === other) continue;
    if (one === undefined || other === undefined) return one === undefined;
    const numbers = /^\d+$/.test(one) && /^\d+$/.test(other);
    return numbers ? Number(one) < Number(other) : one < other;
  }
  return false;
}

/** Undefined for what has no order that anybody could know: a commit, a name. */
function parse(version: string): { readonly numbers: readonly number[]; readonly before: string } | undefined {
  const [, numbers, before = ''] = /^v?(\d+(?:\.\d+)*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]*)?$/.exec(version) ?? [];
  return numbers === undefined ? undefined : { numbers: numbers.split('.').map(Number), before };
}
