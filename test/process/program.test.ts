import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { judge } from '../../src/process/program.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'volseed-program-'));
});
afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

function file(content: string | Uint8Array, mode = 0o755): string {
  const path = join(base, 'program');
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

/** A real program, its loader's path changed to one of the same length. */
function withLoader(loader: string): Uint8Array {
  const program = readFileSync(process.execPath).subarray(0, 8192);
  const at = program.indexOf('/lib64/ld-linux');
  expect(at).toBeGreaterThan(0);
  program.write(loader, at, 'latin1');
  return program;
}

describe('what the kernel will start is told beforehand', () => {
  it('starts a program whose loader is here', () => {
    copyFileSync(process.execPath, join(base, 'node'));
    expect(judge(join(base, 'node'))).toBe('start');
  });

  it('knows a program whose loader is not in the image', () => {
    expect(judge(file(withLoader('/lib65')))).toBe('orphan');
  });

  it('starts a script whose interpreter is here, with its one argument', () => {
    expect(judge(file('#! /bin/sh -e\n'))).toBe('start');
  });

  it.each(['#!/no/such\n', '#!\n', '#! \n', '#!/bin/sh\r\n'])('knows a script whose interpreter is not: %j', (head) => {
    expect(judge(file(head))).toBe('orphan');
  });

  it.each(['', 'echo hello\n', '\x00\x01\x02', 'PK\x03\x04'])(
    'leaves to the shell what has no format: %j',
    (content) => {
      expect(judge(file(content))).toBe('script');
    },
  );

  it('leaves to the kernel what it cannot read', () => {
    expect(judge(join(base, 'missing'))).toBe('start');
  });

  it('takes any damaged ELF header without a fault', () => {
    const program = withLoader('/lib64');
    for (let at = 4; at < 300; at++) {
      for (const octet of [0x00, 0xff]) {
        const damaged = Uint8Array.from(program);
        damaged[at] = octet;
        expect(['start', 'orphan']).toContain(judge(file(damaged)));
      }
    }
  });
});
