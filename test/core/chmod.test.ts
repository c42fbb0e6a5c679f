import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseChmod } from '../../src/core/chmod.ts';
import { suite } from '../support/prerequisites.ts';
import { firstNumber, Random } from '../support/random.ts';
import { scratch } from '../support/tree.ts';
import { runToEnd } from '../support/volseed.ts';

const UMASK = 0o022;
const octal = (mode: number | undefined): string | undefined => mode?.toString(8).padStart(4, '0');

describe('parseChmod', () => {
  // What `rsync -p --chmod` makes of a file and of a directory, under the umask 022.
  it.each([
    // change            file before, after      directory before, after
    ['644', 0o600, '0644', 0o700, '0644'],
    ['D755,F644', 0o600, '0644', 0o700, '0755'],
    ['D2775', 0o600, '0600', 0o700, '2775'],
    ['F4711', 0o600, '4711', 0o700, '0700'],
    ['ug+w', 0o444, '0664', 0o555, '0775'],
    ['o-rwx', 0o777, '0770', 0o777, '0770'],
    ['a=r', 0o777, '0444', 0o777, '0444'],
    ['+w', 0o444, '0644', 0o555, '0755'],
    ['+X', 0o644, '0644', 0o644, '0755'],
    ['+X', 0o744, '0755', 0o744, '0755'],
    ['+x', 0o644, '0755', 0o644, '0755'],
    ['Dg+s,ug+w,Fo-w,+X', 0o646, '0664', 0o755, '2775'],
    ['u=', 0o777, '0077', 0o777, '0077'],
    ['u+s', 0o755, '4755', 0o755, '4755'],
    ['g-s', 0o2755, '0755', 0o2755, '0755'],
    ['Do+t', 0o777, '0777', 0o777, '1777'],
    // s is the user's where nobody is named who could have it, and both for all.
    ['+s', 0o755, '4755', 0o755, '4755'],
    ['o+s', 0o755, '4755', 0o755, '4755'],
    ['og+s', 0o755, '2755', 0o755, '2755'],
    ['a+s', 0o755, '6755', 0o755, '6755'],
    ['a=rs', 0o1755, '7444', 0o1755, '7444'],
    // In turn: the later acts on what the earlier left; X asks what the mode was at first.
    ['600,a+r', 0o777, '0644', 0o777, '0644'],
    ['a-x,a+X', 0o755, '0755', 0o755, '0755'],
  ])('%s makes of a file %i: %s; of a directory %i: %s', (text, file, asFile, directory, asDirectory) => {
    const change = parseChmod(text, UMASK);
    expect(octal(change?.(file, false))).toBe(asFile);
    expect(octal(change?.(directory, true))).toBe(asDirectory);
  });

  it.each(['', ',', '644,', '8', '77777', 'rwx', 'u', 'u+z', 'DF644', 'DFu+w', 'u+w+x', ' 644', 'D', '0x1ff', 'u~w'])(
    'takes %j for no change at all',
    (text) => {
      expect(parseChmod(text, UMASK)).toBeUndefined();
    },
  );

  it('lets the umask take away only where nobody is named', () => {
    expect(parseChmod('+w', 0o077)?.(0, false)).toBe(0o200);
    expect(parseChmod('a+w', 0o077)?.(0, false)).toBe(0o222);
  });
});

suite('parseChmod and rsync', ['rsync'], () => {
  it('make the same of random changes', () => {
    using place = scratch();
    const random = new Random(firstNumber);
    const modes = [0o600, 0o644, 0o755, 0o711, 0o777, 0o444];
    const [from, to] = [`${place.path}/from`, `${place.path}/to`];
    mkdirSync(from);
    for (const mode of modes) {
      writeFileSync(`${from}/f${mode}`, '');
      chmodSync(`${from}/f${mode}`, mode);
      mkdirSync(`${from}/d${mode}`);
      chmodSync(`${from}/d${mode}`, mode | 0o700);
    }
    const item = (): string => {
      const only = random.pick(['', '', 'D', 'F']);
      if (random.chance(30)) return `${only}7${random.below(8)}${random.below(8)}`;
      const who = Array.from({ length: random.below(3) }, () => random.pick(['u', 'g', 'o', 'a'])).join('');
      const what = Array.from({ length: random.below(4) }, () => random.pick(['r', 'w', 'x', 'X', 's', 't'])).join('');
      return `${only}${who}${random.pick(['+', '-', '='])}${what}`;
    };
    const failures: string[] = [];
    for (let n = 0; n < 25; n++) {
      const text = Array.from({ length: 1 + random.below(3) }, item).join(',');
      const umask = random.pick(['000', '022', '077', '027']);
      const script = `umask ${umask}; exec rsync -dp --chmod="$1" "$2"/ "$3"`;
      const target = `${to}${n}`;
      const { code } = runToEnd('sh', ['-c', script, 'sh', text, from, target]);
      const change = parseChmod(text, Number.parseInt(umask, 8));
      for (const mode of modes) {
        const left = (name: string): string | undefined =>
          code === 0 ? octal(statSync(`${target}/${name}`).mode & 0o7777) : undefined;
        const seen = [left(`f${mode}`), left(`d${mode}`)].join(' ');
        const made = [change?.(mode, false), change?.(mode | 0o700, true)].map(octal).join(' ');
        if (made !== seen) failures.push(`${text} (umask ${umask}) of ${octal(mode)}: ${made}, rsync ${seen}`);
      }
    }
    expect({ VOLSEED_TEST_SEED: firstNumber, failures }).toMatchObject({ failures: [] });
  });
});
