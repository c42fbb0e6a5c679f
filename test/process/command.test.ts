import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CommandError, EXIT } from '../../src/core/errors.ts';
import { findCommand } from '../../src/process/command.ts';
import { as, place } from '../fs/place.ts';
import { ordinary, suite } from '../support/prerequisites.ts';
import { directory, fifo, file, symlink } from '../support/tree.ts';

const program = file('#!/bin/sh\n', { mode: 0o755 });

/** What it ends with: the file, or the exit code and the message. */
function find(command: string, path?: string): string {
  try {
    return findCommand(command, path);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return `${error.exitCode} ${error.message}`;
  }
}

const tools = (): string =>
  place({
    'one/tool': file('', { mode: 0o644 }),
    'one/dir': directory(),
    'two/tool': program,
    'two/dir': program,
    'two/link': symlink('tool'),
    'two/broken': symlink('nowhere'),
    'two/loop': symlink('loop'),
    'two/pipe': fifo({ mode: 0o755 }),
    here: program,
  });

describe('a command by its name', () => {
  it('is the first along PATH that can be executed, not merely the first', () => {
    const root = tools();
    const path = `${root}/none:${root}/one:${root}/two`;
    expect(find('tool', path)).toBe(`${root}/two/tool`);
    expect(find('dir', path)).toBe(`${root}/two/dir`);
    expect(find('link', path)).toBe(`${root}/two/link`);
  });

  it('is looked for here where PATH has an empty entry, and only there', () => {
    process.chdir(tools());
    for (const path of ['', ':/none', '/none:', '/none::/none2']) expect(find('here', path)).toBe('./here');
    expect(find('here', '/none')).toMatch(/^127 /);
  });

  it('is looked for where a shell would look that has no PATH', () => {
    expect(find('sh')).toMatch(/^\/(usr\/)?bin\/sh$/);
  });

  it('that is nowhere ends 127, with the PATH that was searched', () => {
    const message = `127 command not found: nowhere (searched PATH=/a:/b); name it by its full path, or set PATH`;
    expect(find('nowhere', '/a:/b')).toBe(message);
    expect(find('', '/bin')).toMatch(/^127 command not found: ''/);
  });

  it('that is there and cannot be executed ends 126', () => {
    const root = tools();
    expect(find('tool', `${root}/one`)).toMatch(`126 command not executable: tool: uid ${process.geteuid?.()} may not`);
  });

  it.each(['broken', 'loop', 'pipe', 'dir/x'])('that is no file ends 127: %s', (name) => {
    const root = tools();
    expect(find(name.includes('/') ? `${root}/one/none/x` : name, `${root}/two`)).toMatch(/^127 /);
  });
});

describe('a command by its path', () => {
  it('is that file', () => {
    const root = tools();
    process.chdir(root);
    expect(find(`${root}/two/tool`, '/none')).toBe(`${root}/two/tool`);
    expect(find('./here', '/none')).toBe('./here');
    expect(find('two/tool', '/none')).toBe('two/tool');
  });

  it.each([
    ['two/none', '127 command not found: two/none (there is no such file)'],
    ['two/broken', '127 command not found: two/broken'],
    ['none/tool', '127 command not found: none/tool'],
    ['here/tool', '127 command not found: here/tool'],
    ['one/dir', '126 command not executable: one/dir is a directory'],
    ['one/tool', '126 command not executable: one/tool: uid'],
    ['two/pipe', '126 command not executable: two/pipe'],
    ['two/loop', '126 '],
    [`two/${'x'.repeat(300)}`, '12'],
  ])('that cannot be executed ends as in a shell: %s', (command, message) => {
    process.chdir(tools());
    expect(find(command)).toContain(message);
  });

  it('is shown on one line', () => {
    expect(find('./a\nb')).toContain(String.raw`./a\nb`);
  });
});

suite('a command as an ordinary user', ['root'], () => {
  it('that it may not reach ends 126', async () => {
    const root = place({ 'closed/tool': program, closed: directory({ mode: 0o700 }) });
    fs.chmodSync(root, 0o755);
    await as(ordinary, () => {
      expect(find(`${root}/closed/tool`)).toMatch(/^126 /);
    });
  });
});

it('ends with the two codes that shells have for it', () => {
  expect([EXIT.notExecutable, EXIT.notFound]).toEqual([126, 127]);
});
