// What the service finds that volseed has become: what a shell's exec would have given it.
import { expect, test, vi } from 'vitest';
import { docker } from '../support/docker.ts';
import { type Container, type Launch, runToEnd, serve, start, until } from './container.ts';
import { containers, newVolume } from './lab.ts';
import { finished } from './reading.ts';

const server = ['node', '/srv/server.js', '--port', '8080'];
const sleep = ['sleep', '1000'];
const settling = { timeout: 30_000, interval: 250 };

containers('volseed as the ENTRYPOINT', () => {
  test('the service is PID 1, and there is no other process', async () => {
    const container = await serve();
    expect(await container.answer()).toMatchObject({ pid: 1, ppid: 0 });
    const [, ...processes] = (await docker(['top', container.name, '-eo', 'pid,args'])).split('\n');
    expect(processes.map((line) => line.trim().replace(/^\d+ +/, ''))).toEqual([server.join(' ')]);
  });

  for (const command of [server, sleep]) {
    test(`${command[0]} finds what \`exec\` in bash gives it: signals, descriptors, limits, place`, async () => {
      const [mine, theirs] = await Promise.all([becomes(command), becomes(command, byBash(command))]);
      // Both have been exec'd, but each may still be on its way to its own signal handlers and sockets.
      await vi.waitFor(async () => {
        expect(await status(mine)).toEqual(await status(theirs));
        expect(kinds(await descriptors(mine))).toEqual(kinds(await descriptors(theirs)));
      }, settling);
      for (const read of [
        ['readlink', '/proc/1/cwd'],
        ['readlink', '/proc/1/exe'],
        ['cat', '/proc/1/cmdline'],
      ]) {
        // oxlint-disable-next-line no-await-in-loop -- three small reads
        expect(await mine.exec(...read)).toBe(await theirs.exec(...read));
      }
    });
  }

  test('the limits of a Node service are those that Node gives itself', async () => {
    const [mine, theirs] = await Promise.all([becomes(server), becomes(server, byBash(server))]);
    await vi.waitFor(async () => {
      expect(await mine.exec('cat', '/proc/1/limits')).toBe(await theirs.exec('cat', '/proc/1/limits'));
    }, settling);
  });

  test('a program that handles no signal ignores and blocks none', async () => {
    const none = '0'.repeat(16);
    expect(await status(await becomes(sleep))).toMatchObject({ SigIgn: none, SigBlk: none, SigCgt: none });
  });

  test('the environment is the one that the engine gave', async () => {
    const given = ['EMPTY=', 'LINES=one\ntwo', 'VOLSEED_LOG_LEVEL=info', 'VOLSEED_PORT=tcp://10.0.0.1:80'];
    const options = ['--hostname', 'same', ...given.flatMap((variable) => ['--env', variable])];
    const [mine, theirs] = await Promise.all([
      becomes(sleep, { options }),
      becomes(sleep, { options: [...options, '--entrypoint', 'sleep'], command: ['1000'] }),
    ]);
    expect(await environment(mine)).toEqual(await environment(theirs));
  });

  test('stdin, stdout and stderr are blocking', async () => {
    const container = await becomes(sleep);
    const info = await container.exec('cat', '/proc/1/fdinfo/0', '/proc/1/fdinfo/1', '/proc/1/fdinfo/2');
    const flags = [...info.matchAll(/^flags:\s+(\d+)$/gm)].map(([, octal = '']) => Number.parseInt(octal, 8));
    expect(flags).toHaveLength(3);
    expect(flags.map((each) => each & 0o4000)).toEqual([0, 0, 0]);
  });

  test('the last line before the exec is in the log, every time', async () => {
    const volume = await newVolume();
    for (let i = 0; i < 15; i++) {
      // One after the other, each with a service that ends at once: nothing else keeps the log open.
      // oxlint-disable-next-line no-await-in-loop
      const { code, stdout } = await runToEnd({ volume, command: ['true'] });
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`^${finished}\n[^\n]+\n$(?![^])`, 'm'));
    }
  });

  test('a command that is not there ends with 127, one that cannot be executed with 126, and both are named', async () => {
    const missing = await runToEnd({ command: ['no-such-command'] });
    expect(missing.stderr).toContain('no-such-command');
    expect(missing.code).toBe(127);
    const inert = await runToEnd({ command: ['/srv/server.js'] });
    expect(inert.stderr).toContain('/srv/server.js');
    expect(inert.code).toBe(126);
  });

  test('`docker stop` reaches the service at once, which ends by itself', async () => {
    const container = await serve();
    const seconds = await container.stop();
    console.log(`docker stop of the service: ${seconds.toFixed(2)} s`);
    expect(await container.exitCode()).toBe(0);
    expect((await container.output()).stdout).toMatch(/SIGTERM, bye\n$/);
    expect(seconds).toBeLessThan(5);
  });
});

/** Starts a container and waits until its PID 1 is the command. */
async function becomes(command: readonly string[], launch: Launch = {}): Promise<Container> {
  const container = await start({ command, ...launch });
  const [program = ''] = command;
  // What a process inherits is looked at when it has settled: Node installs its own handlers while it starts.
  if (command === server) await container.answer();
  else await until(`PID 1 is ${program}`, async () => (await container.exec('cat', '/proc/1/comm')) === program);
  return container;
}

function byBash(command: readonly string[]): Launch {
  return { options: ['--entrypoint', 'bash'], command: ['-c', `exec ${command.join(' ')}`] };
}

const compared = new Set(['SigPnd', 'ShdPnd', 'SigBlk', 'SigIgn', 'SigCgt', 'Umask', 'Groups', 'NoNewPrivs', 'CapEff']);

/** Of /proc/1/status, what a process hands on by exec. */
async function status(container: Container): Promise<Record<string, string>> {
  const lines = (await container.exec('cat', '/proc/1/status')).split('\n').map((line) => line.split(/:\s+/));
  return Object.fromEntries(lines.flatMap(([name = '', value = '']) => (compared.has(name) ? [[name, value]] : [])));
}

/** What each descriptor leads to, without the numbers that differ from container to container. */
async function descriptors(container: Container): Promise<string[]> {
  const listed = await container.exec('find', '/proc/1/fd', '-type', 'l', '-printf', '%f %l\\n');
  return listed.split('\n').map((line) => line.replace(/\[\d+\]$/, ''));
}

async function environment(container: Container): Promise<string[]> {
  return (await container.exec('cat', '/proc/1/environ')).split('\0').toSorted();
}

/** A service's own sockets get whatever number is free when it opens them, which is not the same every time. */
function kinds(lines: readonly string[]): string[] {
  return lines.map((line) => (/^[012] /.test(line) ? line : line.replace(/^\d+ /, ''))).toSorted();
}
