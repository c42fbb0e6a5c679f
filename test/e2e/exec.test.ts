// volseed run becomes the service: the service must find what a shell's `exec` would have given it.
import { chmodSync, closeSync, constants, openSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { lacks } from '../support/prerequisites.ts';
import {
  changesBy,
  exists,
  filesOf,
  type Ground,
  groundOnDisk as ground,
  lines,
  lacksMounts,
  makeDirectory,
  manyFiles,
  oneLine,
  plainSeed,
  signalProbe,
  stillService,
  unlikeSeed,
} from '../support/probe.ts';
import {
  argumentsOf,
  becomes,
  descendants,
  descriptorsOf,
  endWithin,
  environmentOf,
  isAlive,
  type Launch,
  limitsOf,
  makePipe,
  parentOf,
  says,
  serviceOf,
  type Running,
  start,
  startVolseed,
  statusOf,
  until,
  workingDirectoryOf,
} from '../support/process.ts';
import { build, directory, file, tree } from '../support/tree.ts';
import { artefact, type Options, type Result, volseed, program } from '../support/volseed.ts';

/** `run` on a ground, to its end. */
function run(on: Ground, command: readonly string[], options?: Options): Result {
  return volseed(['run', ...on.where, '--', ...command], options);
}

/** `run` on a ground, while a test looks on. */
function startRun(on: Ground, command: readonly string[], launch?: Launch): Running {
  return startVolseed(['run', ...on.where, '--', ...command], launch);
}

/** The yardstick: the same service by `exec` in bash, from the same parent. */
function startByBash(command: readonly string[], launch?: Launch): Running {
  return start('bash', ['--norc', '-c', 'exec "$@"', 'bash', ...command], launch);
}

/** The same, after shell commands that set what a process inherits. */
function startRunAfter(preparation: string, on: Ground, command: readonly string[]): Running {
  const line = [...program, 'run', ...on.where, '--', ...command];
  return start('bash', ['--norc', '-c', `${preparation}; exec "$@"`, 'bash', ...line]);
}

/** What must be the same in two processes: all of /proc/PID/status but names, numbers and figures. */
function inherited(pid: number): Record<string, string> {
  const own = /^(?:Name|State|Pid|Tgid|Ngid|NS\w+|FDSize|SigQ|Vm\w+|Rss\w+|HugetlbPages|\w+_ctxt_switches)$/;
  const status = Object.entries(statusOf(pid)).filter(([name]) => !own.test(name));
  const files = ['oom_score_adj', 'coredump_filter', 'cgroup'];
  const others = files.map((name) => [name, readFileSync(`/proc/${pid}/${name}`, 'utf8')] as const);
  return Object.fromEntries([...status, ...others]);
}

describe('the service', () => {
  test('has the PID of volseed, its parent, and no child, not even a dead one', async () => {
    const running = startRun(ground(), stillService);
    await becomes(running, 'sleep');
    expect(parentOf(running.pid)).toBe(process.pid);
    expect(descendants(running.pid)).toEqual([]);
  });

  test('starts when the volume is seeded, not before', () => {
    const on = ground();
    const { stdout } = run(on, ['cat', join(on.volume, 'tables/t1.csv')]);
    expect(stdout.endsWith('id,name\n1,one\n')).toBe(true);
  });

  test('has the signals, ids, capabilities and priorities that exec in bash gives', async () => {
    const [running, yardstick] = [startRun(ground(), stillService), startByBash(stillService)];
    await becomes(running, 'sleep');
    await becomes(yardstick, 'sleep');
    expect(inherited(running.pid)).toEqual(inherited(yardstick.pid));
    const { SigIgn, SigBlk, SigCgt } = statusOf(running.pid);
    expect({ SigIgn, SigBlk, SigCgt }).toEqual({
      SigIgn: '0000000000000000',
      SigBlk: '0000000000000000',
      SigCgt: '0000000000000000',
    });
  });

  test('has the limits that volseed got, with the soft one on open files as the runtime leaves it', async () => {
    const preparation =
      'ulimit -n 4096; ulimit -Sn 1000; ulimit -c 0; ulimit -Ss 4096; ulimit -u 5000; ulimit -Sf 100000';
    const running = startRunAfter(preparation, ground(), stillService);
    const yardstick = start('bash', ['--norc', '-c', `${preparation}; exec "$@"`, 'bash', ...stillService]);
    await becomes(running, 'sleep');
    await becomes(yardstick, 'sleep');
    const { 'Max open files': files, ...limits } = limitsOf(running.pid);
    const { 'Max open files': _, ...expected } = limitsOf(yardstick.pid);
    expect(limits).toEqual(expected);
    // The one runtime that leaves it alone is Bun's for musl.
    expect(files).toBe(artefact === 'linux-x64-musl' ? '1000 4096 files' : '4096 4096 files');
  });

  test('has the soft limit on open files that --nofile names, and volseed its PID all the same', async () => {
    const { where } = ground();
    const running = startVolseed(['run', ...where, '--nofile', '777', '--', ...stillService]);
    await becomes(running, 'sleep');
    expect(limitsOf(running.pid)['Max open files']).toMatch(/^777 \d+ files$/);
    expect(parentOf(running.pid)).toBe(process.pid);
  });

  test.each(['022', '000', '027', '077', '777'])(
    'has the umask %s that volseed got, and the seed its modes',
    async (mask) => {
      const on = ground({ 'open/file': file('for all', { mode: 0o666 }), open: directory({ mode: 0o777 }) });
      const running = startRunAfter(`umask ${mask}`, on, stillService);
      await becomes(running, 'sleep');
      expect(statusOf(running.pid)['Umask']).toBe(`0${mask}`);
      expect(unlikeSeed(on)).toEqual([]);
    },
  );

  test('is in the directory in which volseed was started', async () => {
    const on = ground();
    const cwd = makeDirectory(on.root, 'a place\nof its own');
    const running = startRun(on, stillService, { cwd });
    await becomes(running, 'sleep');
    expect(workingDirectoryOf(running.pid)).toBe(cwd);
  });

  test('is in the volume where volseed was started there', async () => {
    const on = ground();
    const running = startVolseed(['run', '--source', on.seed, '--target', '.', '--', ...stillService], {
      cwd: on.volume,
    });
    await becomes(running, 'sleep');
    expect(workingDirectoryOf(running.pid)).toBe(on.volume);
    expect(unlikeSeed(on)).toEqual([]);
  });

  test('has the environment that volseed got, to the letter', async () => {
    const on = ground();
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: '/somewhere/else',
      DATA_DIR_PATH: on.volume,
      VOLSEED_SOURCE: on.seed,
      VOLSEED_SERVICE_PORT: '80',
      NODE_OPTIONS: '--max-old-space-size=512',
      NODE_ENV: '',
      EMPTY: '',
      SPACES: '  two  ',
      LINES: 'one\ntwo\n',
      EQUALS: '=a=b=',
      UMLAUT: 'größe ☃ 𝄞',
      ESCAPE: '\u001B[31m',
      'dotted.name': '1',
      'dashed-name': '2',
      lower: 'case',
      PWD: '/no/such/place',
      UV_THREADPOOL_SIZE: '3',
      LONG: 'x'.repeat(100_000),
    };
    const running = startVolseed(['run', '--', ...stillService], { env });
    await becomes(running, 'sleep');
    const expected = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    expect(environmentOf(running.pid)).toEqual(expected.toSorted());
  });

  test.each([
    { args: [''] },
    { args: ['', '', 'x', ''] },
    { args: ['-v', '--help', '--version', '--target', '/nowhere', '-x=1'] },
    { args: ['--', '--', '-', '--'] },
    { args: ['two\nlines', 'tab\t', ' spaces ', '"quotes"', "'", '$HOME', '`x`', '*', '{a,b}', '\\'] },
    { args: ['1e3', '0x10', 'true', 'null', '007', '--no-dry-run', '--source.a=b'] },
    { args: ['größe', '𝄞', '\u001B[0m', 'x'.repeat(100_000)] },
  ])('has the arguments as given: $args', async ({ args }) => {
    const command = ['sh', '-c', 'read line', 'sh', ...args];
    const [running, yardstick] = [startRun(ground(), command), startByBash(command)];
    await until('both run', () => [running, yardstick].every(({ pid }) => argumentsOf(pid)[0] === 'sh'));
    expect(argumentsOf(running.pid)).toEqual(argumentsOf(yardstick.pid));
    expect(argumentsOf(running.pid).slice(4)).toEqual(args);
  });

  test('may begin with a dash', async () => {
    const on = ground();
    build(on.root, tree({ 'bin/-service': file('#!/bin/sh\necho begun by "$0"\n', { mode: 0o755 }) }));
    const env = { PATH: `${join(on.root, 'bin')}:${process.env['PATH'] ?? ''}` };
    expect(run(on, ['-service'], { env }).stdout).toMatch(/begun by .*-service\n$/);
  });

  test('reads what was on stdin: volseed takes nothing of it', () => {
    const input = Array.from({ length: 20_000 }, (_, n) => `line ${n}\n`).join('');
    const { stdout, code } = run(ground(), ['cat'], { input });
    expect(code).toBe(0);
    expect(stdout.endsWith(input)).toBe(true);
  });

  test.each([0, 1, 42, 255])('ends with its own code %i', (code) => {
    expect(run(ground(), ['sh', '-c', `exit ${code}`]).code).toBe(code);
  });

  test.each(['SIGKILL', 'SIGTERM', 'SIGPIPE', 'SIGXFSZ'])('ends by its own signal %s', async (signal) => {
    const running = startRun(ground(), ['sh', '-c', `kill -${signal.slice(3)} $$; sleep 60`]);
    expect(await running.ended).toEqual({ code: null, signal });
  });

  test('ends a pipeline quietly, as SIGPIPE is meant to', () => {
    const { code, stdout, stderr } = run(ground(), [
      'bash',
      '--norc',
      '-c',
      'yes | head -n 1; echo "${PIPESTATUS[0]}"',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.endsWith('y\n141\n')).toBe(true);
  });
});

function flagsOf(pid: number): [fd: string, flags: number][] {
  return Object.entries(descriptorsOf(pid)).map(([fd, { flags }]) => [fd, flags]);
}

function nonBlocking(pid: number): string[] {
  return flagsOf(pid).flatMap(([fd, flags]) => (flags & constants.O_NONBLOCK ? [fd] : []));
}

/**
 * What a process has open but for the three, and for what the tests themselves were started with: some runtimes hand that on, and
 * some do not (docs/exec.md).
 */
async function strangers(pid: number): Promise<string[]> {
  const yardstick = startByBash(stillService);
  await becomes(yardstick, 'sleep');
  const known = Object.keys(descriptorsOf(yardstick.pid));
  return Object.keys(descriptorsOf(pid)).filter((descriptor) => !known.includes(descriptor));
}

function stdioOf(kind: string, place: string): Launch['stdio'] {
  if (kind === 'nothing') return ['ignore', 'ignore', 'ignore'];
  if (kind === 'sockets') return ['pipe', 'pipe', 'pipe'];
  if (kind === 'pipes') return ['ignore', makePipe(join(place, 'out')).writer, makePipe(join(place, 'err')).writer];
  return ['ignore', opened(join(place, 'out'), 'w'), opened(join(place, 'err'), 'a')];
}

function opened(path: string, flags: string): number {
  const descriptor = openSync(path, flags);
  onTestFinished(() => closeSync(descriptor));
  return descriptor;
}

describe('its descriptors', () => {
  test.each(['pipes', 'sockets', 'files', 'nothing'])(
    'are stdin, stdout and stderr, blocking and no others, when they are %s',
    async (kind) => {
      const on = ground();
      const running = startRun(on, stillService, { stdio: stdioOf(kind, makeDirectory(on.root, 'one')) });
      const yardstick = startByBash(stillService, { stdio: stdioOf(kind, makeDirectory(on.root, 'two')) });
      await becomes(running, 'sleep');
      await becomes(yardstick, 'sleep');
      expect(flagsOf(running.pid).slice(0, 3)).toEqual(flagsOf(yardstick.pid).slice(0, 3));
      expect(await strangers(running.pid)).toEqual([]);
      expect(nonBlocking(running.pid)).toEqual([]);
    },
  );

  test('stay what they are after thousands of files were seeded', async () => {
    const running = startRun(ground(manyFiles(3000)), stillService);
    await becomes(running, 'sleep');
    expect(await strangers(running.pid)).toEqual([]);
    expect(descendants(running.pid)).toEqual([]);
    expect(statusOf(running.pid)['Threads']).toBe('1');
  });
});

describe('the log before the service', () => {
  const seed = manyFiles(3000);

  test.each([
    { pipe: 'a slow pipe', flags: 0 },
    { pipe: 'a slow pipe that somebody made non-blocking', flags: constants.O_NONBLOCK },
  ])('reaches $pipe whole, to its last line', async ({ flags }) => {
    const on = ground(seed);
    const pipe = makePipe(join(on.root, 'pipe'), flags);
    const service = ['sh', '-c', 'sleep 0.2; echo the service'];
    const running = startRun(on, service, { stdio: ['ignore', pipe.writer, pipe.writer] });
    pipe.handOver();
    // Long enough for a pipe of 64 KiB to be full to the brim, and for a writer that does not wait to be gone.
    await sleep(2000);
    const told = lines(await pipe.drain());
    expect(await running.ended).toEqual({ code: 0, signal: null });
    expect(filesOf(seed).filter((path) => !told.includes(path))).toEqual([]);
    expect(told).toContain('Initial data sync operation completed successfully.');
    expect(told.at(-1)).toBe('the service');
    expect(told.at(-2)).toMatch(/^Totals: .*created/);
  });

  test('that nobody reads keeps neither the seed from the volume nor the service from its start', async () => {
    const on = ground(seed);
    const pipe = makePipe(join(on.root, 'pipe'));
    const begun = join(on.root, 'begun');
    const running = startRun(on, ['touch', begun], { stdio: ['ignore', pipe.writer, 'pipe'] });
    pipe.handOver();
    pipe.forsake();
    expect(await running.ended).toEqual({ code: 0, signal: null });
    expect(unlikeSeed(on)).toEqual([]);
    expect(exists(begun)).toBe(true);
  });
});

const script = '#!/bin/sh\necho "begun as $0"\n';

function withTools(): Ground {
  const on = ground();
  const tool = file(script, { mode: 0o755 });
  const tools = { 'bin/tool': tool, 'later/tool': tool, 'plain/tool': file(script), 'directory/tool': directory() };
  build(on.root, tree(tools));
  return on;
}

const lastLine = (text: string): string | undefined => lines(text).at(-1);

/** One line on stderr, nothing on stdout, nothing touched. */
function expectRefusal(on: Ground, command: readonly string[], code: number, options?: Options): string {
  const { result, changed } = changesBy(on.root, () => run(on, command, options));
  expect(result).toEqual(oneLine(code));
  expect(changed).toEqual([]);
  return result.stderr;
}

describe('the command', () => {
  test('is found by an absolute path', () => {
    const on = withTools();
    const tool = join(on.root, 'bin/tool');
    expect(lastLine(run(on, [tool]).stdout)).toBe(`begun as ${tool}`);
  });

  test('is found by a path relative to the working directory', () => {
    const on = withTools();
    expect(lastLine(run(on, ['./tool'], { cwd: join(on.root, 'bin') }).stdout)).toBe('begun as ./tool');
    expect(lastLine(run(on, ['bin/tool'], { cwd: on.root }).stdout)).toBe('begun as bin/tool');
  });

  test.each([
    { path: ['bin', 'later'], found: 'bin' },
    { path: ['missing', 'later', 'bin'], found: 'later' },
    { path: ['plain', 'later'], found: 'later' },
    { path: ['directory', 'later'], found: 'later' },
  ])('is found by PATH, where only a program counts: $path', ({ path, found }) => {
    const on = withTools();
    const PATH = [...path.map((name) => join(on.root, name)), process.env['PATH']].join(':');
    expect(lastLine(run(on, ['tool'], { env: { PATH } }).stdout)).toBe(`begun as ${join(on.root, found, 'tool')}`);
  });

  test('is not looked for in the working directory', () => {
    const on = withTools();
    expect(run(on, ['tool'], { cwd: join(on.root, 'bin') }).code).toBe(127);
  });

  test('may be what the seed has just brought', () => {
    const on = ground({ 'bin/server': file(script, { mode: 0o755 }) });
    const server = join(on.volume, 'bin/server');
    expect(lastLine(run(on, [server]).stdout)).toBe(`begun as ${server}`);
  });

  test('is told its own name as it was called', async () => {
    const [running, yardstick] = [startRun(ground(), stillService), startByBash(stillService)];
    await becomes(running, 'sleep');
    await becomes(yardstick, 'sleep');
    expect(argumentsOf(running.pid)).toEqual(argumentsOf(yardstick.pid));
  });

  test('that is nowhere in PATH is an error 127 that names it and the PATH searched; nothing is touched', () => {
    const PATH = '/no/such/bin:/nor/this';
    const message = expectRefusal(withTools(), ['no-such-service', '--port', '80'], 127, { env: { PATH } });
    expect(message).toContain('no-such-service');
    expect(message).toContain(PATH);
  });

  test('that is no file at its path is an error 127 that names it; nothing is touched', () => {
    const on = withTools();
    const missing = join(on.root, 'bin/missing');
    expect(expectRefusal(on, [missing], 127)).toContain(missing);
    expect(expectRefusal(on, ['./missing'], 127, { cwd: on.root })).toContain('./missing');
  });

  test('that is a link to nothing is an error 127', () => {
    const on = withTools();
    symlinkSync('nothing', join(on.root, 'bin/link'));
    expect(expectRefusal(on, [join(on.root, 'bin/link')], 127)).toContain('bin/link');
  });

  test('that is empty is an error 127 or 126, never a start', () => {
    expect([126, 127]).toContain(run(ground(), ['']).code);
  });

  test('that is not executable is an error 126 that names it; nothing is touched', () => {
    const on = withTools();
    const plain = join(on.root, 'plain/tool');
    expect(expectRefusal(on, [plain], 126)).toContain(plain);
    const PATH = `${join(on.root, 'plain')}:${join(on.root, 'missing')}`;
    expect(expectRefusal(on, ['tool'], 126, { env: { PATH } })).toContain('tool');
  });

  test('that is a directory is an error 126 that names it; nothing is touched', () => {
    const on = withTools();
    const path = join(on.root, 'directory/tool');
    expect(expectRefusal(on, [path], 126)).toContain(path);
  });

  test('that is no program the kernel knows is run by a shell, or is an error 126 that says so', () => {
    const on = withTools();
    build(on.root, tree({ 'no-shebang': file('echo run by a shell\n', { mode: 0o755 }) }));
    const path = join(on.root, 'no-shebang');
    const { code, stdout, stderr } = run(on, [path]);
    const byShell = code === 0 && lastLine(stdout) === 'run by a shell';
    const said = code === 126 && lines(stderr).length === 1 && stderr.includes(path);
    expect({ byShell, said, code, stderr }).toMatchObject(code === 0 ? { byShell: true } : { said: true });
  });

  test('whose interpreter is missing is an error that names it', () => {
    const on = withTools();
    build(on.root, tree({ orphan: file('#!/no/such/interpreter\n', { mode: 0o755 }) }));
    const path = join(on.root, 'orphan');
    const { code, stderr } = run(on, [path]);
    expect([126, 127]).toContain(code);
    expect(lines(stderr)).toEqual([expect.stringContaining(path)]);
  });

  test.each([{ args: [] }, { args: ['--'] }])('must be given: run $args ends with 2', ({ args }) => {
    const on = ground();
    const { result, changed } = changesBy(on.root, () => volseed(['run', ...on.where, ...args]));
    expect(result).toEqual(oneLine(2, /[Cc]ommand|COMMAND/));
    expect(changed).toEqual([]);
  });
});

/** A seed with a file where the volume has a directory with something in it: rsync's 23, and volseed's. */
function inTheWay(): Ground {
  return ground(plainSeed, { 'global/colors.json/mine': file('mine') });
}

describe('when seeding fails', () => {
  test('the service is not started, and the code is 23', () => {
    const on = inTheWay();
    const begun = join(on.root, 'begun');
    expect(run(on, ['touch', begun]).code).toBe(23);
    expect(exists(begun)).toBe(false);
    expect(exists(join(on.volume, 'tables/t1.csv'))).toBe(true);
  });

  test('--on-failure start starts it all the same, and the trouble is told', () => {
    const on = inTheWay();
    const { code, stdout, stderr } = volseed([
      'run',
      ...on.where,
      '--on-failure',
      'start',
      '--',
      'sh',
      '-c',
      'echo up; exit 7',
    ]);
    expect(code).toBe(7);
    expect(stdout.endsWith('up\n')).toBe(true);
    expect(stdout + stderr).toContain('global/colors.json');
  });

  test('--on-failure start does not make good a command line that is wrong', () => {
    const on = inTheWay();
    expect(volseed(['run', ...on.where, '--on-failure', 'start', '--policy', 'x', '--', 'echo', 'up']).code).toBe(2);
  });
});

describe.skipIf(lacks('root') || lacksMounts())('--user', () => {
  const passwd =
    'root:x:0:0:root:/root:/bin/sh\nsvc:x:4242:4242::/home/svc:/bin/sh\nother:x:4243:4243::/home/other:/bin/sh\n';
  const group = 'root:x:0:svc-not\nsvc:x:4242:\nextra:x:4300:svc\nmore:x:4301:other,svc\nweb:x:4400:other\n';

  /** Starts `run --user USER` where /etc/passwd and /etc/group are the ones above. */
  function startAs(user: string, on: Ground, command: readonly string[], env: Record<string, string> = {}): Running {
    build(on.root, tree({ passwd: file(passwd), group: file(group) }));
    const preparation = 'mount --bind passwd /etc/passwd && mount --bind group /etc/group && cd / && exec "$@"';
    const line = [...program, 'run', ...on.where, '--user', user, '--', ...command];
    return start('unshare', ['-m', 'sh', '-c', preparation, 'sh', ...line], { cwd: on.root, env });
  }

  test.each([
    { user: '1000:1000', uid: 1000, gid: 1000, groups: [], home: '/' },
    { user: '4999:4998', uid: 4999, gid: 4998, groups: [], home: '/' },
    { user: 'svc', uid: 4242, gid: 4242, groups: ['4300', '4301'], home: '/home/svc' },
    { user: '4242', uid: 4242, gid: 4242, groups: ['4300', '4301'], home: '/home/svc' },
    { user: 'svc:web', uid: 4242, gid: 4400, groups: [], home: '/home/svc' },
    { user: 'svc:4998', uid: 4242, gid: 4998, groups: [], home: '/home/svc' },
    { user: '4242:web', uid: 4242, gid: 4400, groups: [], home: '/home/svc' },
  ])(
    '$user gives the ids, groups and HOME that gosu gives, and no capability',
    async ({ user, uid, gid, groups, home }) => {
      const running = startAs(user, ground(), stillService, { HOME: '/root', OTHER: 'kept' });
      await becomes(running, 'sleep');
      const { Uid, Gid, Groups = '', CapEff, CapPrm, CapInh, CapAmb } = statusOf(running.pid);
      const none = '0000000000000000';
      expect({ Uid, Gid, CapEff, CapPrm, CapInh, CapAmb }).toEqual({
        Uid: Array(4).fill(uid).join('\t'),
        Gid: Array(4).fill(gid).join('\t'),
        CapEff: none,
        CapPrm: none,
        CapInh: none,
        CapAmb: none,
      });
      // setgroups(2) may name the first group too: it makes no difference.
      expect(Groups.split(' ').filter((id) => id !== '' && id !== String(gid))).toEqual(groups);
      const own = environmentOf(running.pid).filter((line) => /^(?:HOME|OTHER)=/.test(line));
      expect(own).toEqual([`HOME=${home}`, 'OTHER=kept']);
      expect(descendants(running.pid)).toEqual([]);
      expect(await strangers(running.pid)).toEqual([]);
    },
  );

  test('a uid without an account gives HOME=/, as gosu does', async () => {
    const running = startAs('4999', ground(), stillService, { HOME: '/root' });
    await becomes(running, 'sleep');
    expect(statusOf(running.pid)['Uid']).toBe('4999\t4999\t4999\t4999');
    expect(environmentOf(running.pid)).toContain('HOME=/');
  });

  test('drops to it after the seeding: the volume gets the owners of the seed', async () => {
    const on = ground(plainSeed, { '.': directory({ mode: 0o700 }) });
    const running = startAs('svc', on, stillService);
    await becomes(running, 'sleep');
    expect(unlikeSeed(on)).toEqual([]);
  });

  test('cannot be undone by the service', async () => {
    const running = startAs('svc', ground(), [
      'sh',
      '-c',
      'id -u; id -g; setpriv --reuid 0 true 2>/dev/null || echo refused',
    ]);
    await running.ended;
    expect(running.output.stdout.endsWith('4242\n4242\nrefused\n')).toBe(true);
  });

  test.each(['nosuchuser', 'nosuchuser:web', 'svc:nosuchgroup', '-1', '99999999999', 'svc:web:more'])(
    '%s is one line and 2, and nothing is touched',
    async (user) => {
      const on = ground();
      const begun = join(on.root, 'begun');
      const running = startAs(user, on, ['touch', begun]);
      expect(await running.ended).toEqual({ code: 2, signal: null });
      expect(running.output.stdout).toBe('');
      expect(lines(running.output.stderr)).toEqual([expect.stringContaining('--user')]);
      expect(exists(join(on.volume, '.volseed'))).toBe(false);
      expect(exists(begun)).toBe(false);
    },
  );

  test('with a command that this user may not execute is an error 126', async () => {
    const on = ground();
    build(on.root, tree({ service: file('#!/bin/sh\necho up\n', { mode: 0o700 }) }));
    const running = startAs('svc', on, [join(on.root, 'service')]);
    expect(await running.ended).toEqual({ code: 126, signal: null });
    expect(running.output.stdout).not.toContain('up\n');
    expect(running.output.stderr).toContain(join(on.root, 'service'));
  });

  test('goes together with --supervise', async () => {
    const on = ground();
    const running = startVolseed(['run', ...on.where, '--user', '1000:1000', '--supervise', '--', ...stillService]);
    const service = await serviceOf(running, 'sleep');
    const { Uid, Gid, Groups, CapEff, CapPrm } = statusOf(service);
    expect({ Uid, Gid, CapEff, CapPrm }).toEqual({
      Uid: '1000\t1000\t1000\t1000',
      Gid: '1000\t1000\t1000\t1000',
      CapEff: '0000000000000000',
      CapPrm: '0000000000000000',
    });
    expect(['', '1000']).toContain(Groups);
    running.kill('SIGTERM');
    expect(await running.ended).toEqual({ code: 143, signal: null });
  });
});

describe.skipIf(lacks('root', 'a checkout that other users can read'))('--user without root', () => {
  test('is an error in one line: the service never runs as somebody else', () => {
    const on = ground();
    for (const path of [on.root, on.seed, on.volume]) chmodSync(path, 0o777);
    const { code, stdout, stderr } = volseed(['run', ...on.where, '--user', '1000:1000', '--', 'echo', 'up'], {
      uid: 4999,
      gid: 4999,
    });
    expect(code).not.toBe(0);
    expect(stdout).not.toContain('up\n');
    expect(lines(stderr)).toEqual([expect.stringContaining('--user')]);
  });

  test('is no error where volseed already is that user', () => {
    const on = ground();
    for (const path of [on.root, on.seed, on.volume]) chmodSync(path, 0o777);
    const { code, stdout } = volseed(['run', ...on.where, '--user', '4999:4999', '--', 'id', '-u'], {
      uid: 4999,
      gid: 4999,
    });
    expect(code).toBe(0);
    expect(stdout.endsWith('4999\n')).toBe(true);
  });
});

function startSupervised(command: readonly string[], options: readonly string[] = []): Running {
  return startVolseed(['run', ...ground().where, '--supervise', ...options, '--', ...command]);
}

describe('--supervise', () => {
  test('stays as the parent of the service', async () => {
    const running = startSupervised(stillService);
    const service = await serviceOf(running, 'sleep');
    expect(parentOf(service)).toBe(running.pid);
    running.kill('SIGTERM');
    expect(await running.ended).toEqual({ code: 143, signal: null });
    expect(isAlive(service)).toBe(false);
  });

  test('gives the service what exec in bash gives', async () => {
    const running = startSupervised(stillService);
    const yardstick = startByBash(stillService);
    const service = await serviceOf(running, 'sleep');
    await becomes(yardstick, 'sleep');
    const { PPid: _, ...got } = inherited(service);
    const { PPid: __, ...expected } = inherited(yardstick.pid);
    expect(got).toEqual(expected);
    expect(await strangers(service)).toEqual([]);
    expect(nonBlocking(service)).toEqual([]);
  });

  test.each(['HUP', 'INT', 'QUIT', 'USR1', 'USR2', 'TERM', 'WINCH', 'CONT'] as const)(
    'forwards SIG%s',
    async (name) => {
      const running = startSupervised([signalProbe, name]);
      await says(running, 'ready');
      running.kill(`SIG${name}`);
      expect(await endWithin(running)).toEqual({ code: 42, signal: null });
      expect(running.output.stdout.endsWith(`got ${name}\n`)).toBe(true);
    },
  );

  test('forwards what comes as soon as the service runs', async () => {
    // The service itself asks for it, before its parent has had a turn.
    const service = 'trap "exit 42" QUIT; kill -QUIT $PPID; while :; do sleep 0.02; done';
    const all = Array.from({ length: 10 }, () => startSupervised(['bash', '-c', service]));
    const endings = await Promise.all(all.map(async (running) => await endWithin(running)));
    expect(endings).toEqual(all.map(() => ({ code: 42, signal: null })));
  });

  test.each([
    { service: 'exit 0', code: 0 },
    { service: 'exit 42', code: 42 },
    { service: 'exit 255', code: 255 },
    { service: 'kill -KILL $$', code: 137 },
    { service: 'kill -TERM $$', code: 143 },
    { service: 'kill -SEGV $$', code: 139 },
    { service: 'kill -USR1 $$', code: 138 },
  ])('ends with the code of the service, or 128 and its signal: $service', async ({ service, code }) => {
    expect(await startSupervised(['sh', '-c', service]).ended).toEqual({ code, signal: null });
  });

  test('kills a service that is still there when --grace is over', async () => {
    const running = startSupervised([signalProbe], ['--grace', '1s']);
    await says(running, 'ready');
    const [service] = descendants(running.pid);
    const sent = Date.now();
    running.kill('SIGTERM');
    await says(running, 'got TERM');
    expect(await running.ended).toEqual({ code: 137, signal: null });
    expect(Date.now() - sent).toBeGreaterThanOrEqual(900);
    expect(isAlive(service ?? 0)).toBe(false);
  });

  test('leaves a service alone that got no order to stop, however short --grace is', async () => {
    const running = startSupervised([signalProbe, 'USR2'], ['--grace', '1s']);
    await says(running, 'ready');
    running.kill('SIGHUP');
    await says(running, 'got HUP');
    await sleep(2500);
    running.kill('SIGUSR2');
    expect(await endWithin(running)).toEqual({ code: 42, signal: null });
  });

  test('lets go of the volume: the next seeder does not wait for the service to end', async () => {
    const on = ground();
    const running = startVolseed(['run', ...on.where, '--supervise', '--', ...stillService]);
    await serviceOf(running, 'sleep');
    expect(volseed(['sync', ...on.where, '--lock-timeout', '0']).code).toBe(0);
  });

  test('says 127 and 126 as the plain run does', async () => {
    const on = ground();
    expect((await startSupervised(['no-such-service']).ended).code).toBe(127);
    expect((await startSupervised([on.volume]).ended).code).toBe(126);
  });
});
