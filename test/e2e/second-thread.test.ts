// The promise: what the second thread could neither write nor take away is taken away by the first, and is never published.
import { expect, it } from 'vitest';
import { suite } from '../support/prerequisites.ts';
import { ground, leftovers, lines, unlikeSeed } from '../support/probe.ts';
import { file } from '../support/tree.ts';
import { program, runToEnd } from '../support/volseed.ts';

const files = Object.fromEntries(Array.from({ length: 601 }, (_, n) => [`d/f${1000 + n}`, file(`content ${n}`)]));

suite('a server that does not answer the second thread', ['strace'], () => {
  // The numbers of a call are those of each thread; the first one comes to fewer writes.
  it.each([150, 300, 450])('at its write no. %i and its first unlink costs no file', (when) => {
    const on = ground(files);
    const write = ['-e', `inject=write:error=ETIMEDOUT:when=${when}`];
    const unlink = ['-e', 'inject=unlink:error=ETIMEDOUT:when=1'];
    const trace = ['-f', '-o', '/dev/null', '-e', 'trace=write,unlink', ...write, ...unlink];
    const result = runToEnd('strace', [...trace, ...program, 'sync', '--threads', '2', ...on.where]);
    expect(lines(result.stderr).filter((line) => !line.includes('in trouble for the moment'))).toEqual([]);
    expect(result.code).toBe(0);
    expect(unlikeSeed(on)).toEqual([]);
    expect(leftovers(on.volume)).toEqual([]);
  });
});
