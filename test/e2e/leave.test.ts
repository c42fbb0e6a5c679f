// How volseed ends where it becomes no service: Node's own exit can hang for ever (src/process/leave.ts).
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ground } from '../support/probe.ts';
import { suite } from '../support/prerequisites.ts';
import { artefact, program, runToEnd } from '../support/volseed.ts';

/** What it executed after itself, and how it ended. */
function ending(args: readonly string[], inject: readonly string[] = []): { code: number; executed: string[] } {
  const log = `${ground().root}/calls`;
  const trace = ['-f', '-o', log, '-e', 'trace=execve', ...inject];
  const { code } = runToEnd('strace', [...trace, ...program, ...args], { env: { PATH: process.env['PATH'] ?? '' } });
  const calls = readFileSync(log, 'utf8').match(/execve\("[^"]*", \[[^\]]*\]/g) ?? [];
  return { code, executed: calls.slice(1) };
}

// Elsewhere an exec that fails would abort (Node 22 and 24), and Bun joins no threads.
suite('the end on Node 26', ['strace'], () => {
  it.skipIf(artefact !== 'node26')('is that of another program, which has no threads to wait for', () => {
    expect(ending(['sync', ...ground().where])).toEqual({ code: 0, executed: ['execve("/bin/true", ["true"]'] });
  });

  it.skipIf(artefact !== 'node26')('has the exit code', () => {
    expect(ending(['sync'])).toEqual({ code: 2, executed: ['execve("/bin/sh", ["sh", "-c", "exit 2"]'] });
  });

  it.skipIf(artefact !== 'node26')('is the runtime’s own where nothing can be executed', () => {
    const refused = ['-e', 'inject=execve:error=EACCES:when=2+'];
    expect(ending(['--version'], refused).code).toBe(0);
    expect(ending(['sync'], refused).code).toBe(2);
  });
});
