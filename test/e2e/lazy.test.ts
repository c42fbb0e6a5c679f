// What a start loads, seen by a module that Node's --import puts before it. An executable has the same code, and no such option:
// it is left out there, by this file's name (scripts/test-artefacts.mjs).
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ground, lines, type Ground } from '../support/probe.ts';
import { leading, runtime, runToEnd } from '../support/volseed.ts';

/** Which of Node's modules are asked for by what is loaded late: yaml asks for `buffer` as soon as it is. */
function askedFor(on: Ground, ...args: readonly string[]): readonly string[] {
  const spy = join(on.root, 'spy.mjs');
  writeFileSync(
    spy,
    `const get = process.getBuiltinModule;
     const fs = get('node:fs');
     process.getBuiltinModule = (name) => (fs.writeSync(2, 'asked for ' + name + '\\n'), get(name));`,
  );
  const { code, stderr } = runToEnd(runtime, ['--import', spy, ...leading, 'sync', ...on.where, ...args]);
  expect(code).toBe(0);
  return lines(stderr).filter((line) => line.startsWith('asked for'));
}

test('a start without a configuration file loads nothing of what reads one', () => {
  const on = ground();
  const path = join(on.root, 'volseed.yaml');
  writeFileSync(path, 'policy: newer\n');
  const plain = askedFor(on);
  expect(plain).toContain('asked for node:sqlite');
  expect(plain).not.toContain('asked for buffer');
  expect(askedFor(on, '--config', path)).toContain('asked for buffer');
});
