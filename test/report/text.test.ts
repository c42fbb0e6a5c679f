import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { TextLog } from '../../src/report/text.ts';
import { place } from '../fs/place.ts';
import { node } from '../support/volseed.ts';

const SOURCE = JSON.stringify(fileURLToPath(new URL('../../src/report/text.ts', import.meta.url)));
const script = (body: string): string[] => [
  '--input-type=module',
  '-e',
  `import fs from 'node:fs'; import { TextLog } from ${SOURCE}; ${body}`,
];

/** Every write, by its descriptor; `answer` may say how many bytes are taken, or throw. */
function written(answer: (n: number, bytes: Uint8Array) => number = (_, bytes) => bytes.length): string[] {
  const lines: string[] = [];
  let n = 0;
  vi.spyOn(fs, 'writeSync').mockImplementation((descriptor: number, bytes: unknown) => {
    const taken = answer(n++, bytes as Uint8Array);
    lines.push(
      `${descriptor} ${Buffer.from(bytes as Uint8Array)
        .subarray(0, taken)
        .toString()}`,
    );
    return taken;
  });
  onTestFinished(() => void vi.restoreAllMocks());
  return lines;
}

const failing = (code: string): Error => Object.assign(new Error(code), { code });

describe('a text log', () => {
  it('says what happens on stdout, and what is wrong on stderr, marked', () => {
    const lines = written();
    const log = new TextLog('debug');
    log.write('debug', 'detail');
    log.write('info', 'line');
    log.write('warn', 'odd');
    log.write('error', 'bad');
    expect(lines).toEqual(['1 detail\n', '1 line\n', '2 volseed: warning: odd\n', '2 volseed: bad\n']);
  });

  it('says no less than is asked for', () => {
    const lines = written();
    for (const least of ['info', 'warn', 'error'] as const) {
      const log = new TextLog(least);
      for (const level of ['debug', 'info', 'warn', 'error'] as const) log.write(level, `${least} ${level}`);
    }
    expect(lines.map((line) => line.trim().split(' ').slice(-2).join(' '))).toEqual([
      'info info',
      'info warn',
      'info error',
      'warn warn',
      'warn error',
      'error error',
    ]);
  });

  it('keeps the order of the two, where items wait and a warning comes', () => {
    const lines = written();
    const log = new TextLog('info');
    log.item('info', 'one');
    log.item('info', 'two');
    expect(lines).toEqual([]);
    log.item('warn', 'three');
    log.item('info', 'four');
    log.flush();
    expect(lines).toEqual(['1 one\ntwo\n', '2 volseed: warning: three\n', '1 four\n']);
  });

  it('writes many items in few pieces, each line whole', () => {
    const lines = written();
    const log = new TextLog('info');
    for (let n = 0; n < 10_000; n++) log.item('info', `line ${n} ${'x'.repeat(30)}`);
    log.flush();
    expect(lines.length).toBeLessThan(10);
    expect(lines.every((piece) => piece.endsWith('\n'))).toBe(true);
  });

  it('writes on where the kernel took a part, also in the midst of a character', () => {
    const taken: Uint8Array[] = [];
    written((_, bytes) => {
      taken.push(Buffer.from(bytes.subarray(0, 3)));
      return Math.min(3, bytes.length);
    });
    new TextLog('info').write('info', 'caf\u00e9 \u{1f600}');
    expect(Buffer.concat(taken).toString()).toBe('caf\u00e9 \u{1f600}\n');
  });

  it('waits for a slow reader, and loses nothing', () => {
    const lines = written((n, bytes) => {
      if (n < 3) throw failing('EAGAIN');
      return bytes.length;
    });
    new TextLog('info').write('info', 'line');
    expect(lines).toEqual(['1 line\n']);
  });

  it.each(['EPIPE', 'EBADF', 'ENOSPC', 'EIO'])('goes on in silence where it cannot be written (%s)', (code) => {
    let calls = 0;
    written(() => {
      calls++;
      throw failing(code);
    });
    const log = new TextLog('info');
    for (let n = 0; n < 3; n++) expect(() => log.write('info', 'line')).not.toThrow();
    expect(calls).toBe(1);
  });

  it('still warns where only stdout is gone', () => {
    const lines: string[] = [];
    vi.spyOn(fs, 'writeSync').mockImplementation((descriptor: number, bytes: unknown) => {
      if (descriptor === 1) throw failing('EPIPE');
      return (lines.push(String(bytes)), (bytes as Uint8Array).length);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const log = new TextLog('info');
    log.write('info', 'lost');
    log.write('warn', 'said');
    expect(lines).toEqual(['volseed: warning: said\n']);
  });
});

describe('a text log in a process', () => {
  it('loses no line in a full pipe that came non-blocking, and really met one', async () => {
    const root = place();
    // process.stdout makes the pipe non-blocking; the reader starts when the writer has met EAGAIN.
    const body = `
      process.stdout;
      const { writeSync } = fs;
      fs.writeSync = (...args) => {
        try { return writeSync(...args); } catch (error) {
          if (error.code === 'EAGAIN') writeSync(fs.openSync('met', 'w'), 'x');
          throw error;
        }
      };
      const log = new TextLog('info');
      for (let n = 0; n < 40_000; n++) log.item('info', 'line ' + n);
      log.flush();`;
    const pipe = `"$0" "$@" | { while [ ! -e met ]; do sleep 0.01; done; cat > out; }`;
    const child = spawn('sh', ['-c', pipe, node, ...script(body)], { cwd: root, stdio: 'inherit' });
    onTestFinished(() => void child.kill('SIGKILL'));
    await new Promise((resolve) => void child.once('close', resolve));
    const lines = fs.readFileSync(`${root}/out`, 'utf8').split('\n');
    expect(lines.length).toBe(40_001);
    expect(lines.every((line, n) => n === 40_000 || line === `line ${n}`)).toBe(true);
  });

  it('does not end a process whose reader has gone', () => {
    const body = `
      const log = new TextLog('info');
      for (let n = 0; n < 200_000; n++) log.item('info', 'line ' + n);
      log.flush();
      fs.writeSync(2, 'at the end');`;
    const { stderr } = spawnSync('sh', ['-c', `"$0" "$@" | true`, node, ...script(body)], { encoding: 'utf8' });
    expect(stderr).toBe('at the end');
  });

  it('keeps the order where both are one', () => {
    const body = `
      const log = new TextLog('info');
      for (let n = 0; n < 500; n++) log.item(n % 7 === 0 ? 'warn' : 'info', 'n' + n);
      log.flush();`;
    const { stdout } = spawnSync('sh', ['-c', `exec "$0" "$@" 2>&1`, node, ...script(body)], { encoding: 'utf8' });
    expect(stdout.match(/n\d+$/gm)).toEqual(Array.from({ length: 500 }, (_, n) => `n${n}`));
  });
});
