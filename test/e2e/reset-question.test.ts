// The question that a terminal is asked before a reset of everything and before a restore; `script` is the terminal here.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { suite } from '../support/prerequisites.ts';
import { changesBy, type Ground, ground, oneLine } from '../support/probe.ts';
import { file } from '../support/tree.ts';
import { runToEnd, volseed, type Result, program } from '../support/volseed.ts';

function edited(): Ground {
  const on = ground({ a: file('image'), 'dir/b': file('image') });
  volseed(['sync', ...on.where]);
  writeFileSync(join(on.volume, 'a'), 'edited');
  return on;
}

const read = ({ volume }: Ground): string => readFileSync(join(volume, 'a'), 'utf8');

/** What is typed, or, where that is nothing, the end of input; the code and what the terminal then shows. */
function onTerminal(typed: string, ...args: string[]): Pick<Result, 'code' | 'stdout'> {
  const command = [...program, ...args].map((word) => `'${word}'`).join(' ');
  const env = { PATH: process.env['PATH'] ?? '', SHELL: '/bin/sh' };
  const { code, stdout } = runToEnd('script', ['-qec', command, '/dev/null'], { input: typed, env });
  return { code, stdout: stdout.replaceAll('\r', '') };
}

const question = 'Go on? [y/N] ';

suite('on a terminal', ['script'], () => {
  it.each(['y\n', 'Y\n', 'yes\n', ' Yes \n'])('reset --all goes on at %j', (typed) => {
    const on = edited();
    const { code, stdout } = onTerminal(typed, 'reset', '--all', ...on.where);
    expect([code, read(on)]).toEqual([0, 'image']);
    expect(stdout).toContain(`this puts the image's version back in ${on.volume}, edited or not`);
    expect(stdout).toContain(question);
  });

  it.each([
    ['no', 'n\n'],
    ['an empty line', '\n'],
    ['anything else', 'yesterday\n'],
    ['Ctrl-D', '\x04'],
    ['the end of the input', ''],
  ])('reset --all ends with 2 at %s, and nothing is touched', (_, typed) => {
    const on = edited();
    const { result, changed } = changesBy(on.root, () => onTerminal(typed, 'reset', '--all', ...on.where));
    expect([result.code, changed]).toEqual([2, []]);
    expect(result.stdout).toMatch(/volseed: not confirmed; nothing was touched\n$/);
  });

  it('--delete-extra asks also where patterns are given, and says what it removes', () => {
    const on = edited();
    const args = ['reset', 'dir', '--delete-extra', ...on.where];
    const { result, changed } = changesBy(on.root, () => onTerminal('n\n', ...args));
    expect([result.code, changed]).toEqual([2, []]);
    expect(result.stdout).toContain('and removes what is only there');
    expect(onTerminal('y\n', ...args)).toMatchObject({ code: 0 });
  });

  it('restore asks, and goes on or not', () => {
    const on = edited();
    volseed(['reset', '--all', '--yes', ...on.where]);
    const args = ['restore', '--last', '--target', on.volume];
    const { result, changed } = changesBy(on.root, () => onTerminal('n\n', ...args));
    expect([result.code, changed]).toEqual([2, []]);
    expect(result.stdout).toContain(`this overwrites what the backup holds in ${on.volume}`);
    expect([onTerminal('y\n', ...args).code, read(on)]).toEqual([0, 'edited']);
  });

  it.each([
    ['a reset by patterns', ['a']],
    ['--yes', ['--all', '--yes']],
    ['--dry-run', ['--all', '--dry-run']],
  ])('%s asks nothing', (_, args) => {
    const { code, stdout } = onTerminal('', 'reset', ...args, ...edited().where);
    expect(code).toBe(0);
    expect(stdout).not.toContain(question);
  });
});

describe('without a terminal', () => {
  it.each([['y\n'], ['']])('reset --all ends with 2 whatever is on its input (%j), and nothing is touched', (input) => {
    const on = edited();
    const { result, changed } = changesBy(on.root, () => volseed(['reset', '--all', ...on.where], { input }));
    expect(result).toEqual(oneLine(2, 'no terminal', '--yes'));
    expect(changed).toEqual([]);
  });

  it('restore asks nothing: what it overwrites is in a backup again', () => {
    const on = edited();
    volseed(['reset', '--all', '--yes', ...on.where]);
    expect(volseed(['restore', '--last', '--target', on.volume])).toMatchObject({ code: 0, stderr: '' });
    expect(read(on)).toBe('edited');
  });
});
