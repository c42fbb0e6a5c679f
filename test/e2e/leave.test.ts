// How volseed ends where it becomes no service: Node's own exit can hang for ever (src/process/leave.ts).
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ground } from '../support/probe.ts';
import { suite } from '../support/prerequisites.ts';
import { artefact, program, runToEnd } from '../support/volseed.ts';

suite('the end', ['strace'], () => {
  // Bun joins no threads.
  it.skipIf(artefact.startsWith('linux-'))('comes once the runtime’s threads have been seen asleep, twice', () => {
    const on = ground();
    const log = `${on.root}/calls`;
    const trace = ['-o', log, '-e', 'trace=openat,exit_group'];
    const { code } = runToEnd('strace', [...trace, ...program, 'sync', ...on.where], {
      env: { PATH: process.env['PATH'] ?? '' },
    });
    expect(code).toBe(0);
    const looks = readFileSync(log, 'utf8').match(/"\/proc\/self\/task"|exit_group/g) ?? [];
    expect(looks.length).toBeGreaterThan(2);
    expect(looks.at(-1)).toBe('exit_group');
  });
});
