import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const node = fileURLToPath(new URL('../../node_modules/node/bin/node', import.meta.url));
const image = fileURLToPath(new URL('../../image/', import.meta.url));
const seed = join(image, 'initialdata/common');
const serverFile = join(image, 'service/server.js');

let scratch: string;
let dataDir: string;
let cleanups: (() => void)[];

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'volseed-image-'));
  dataDir = join(scratch, 'data');
  cpSync(seed, dataDir, { recursive: true, verbatimSymlinks: true });
  cleanups = [];
});

afterEach(() => {
  for (const cleanup of cleanups) cleanup();
  rmSync(scratch, { recursive: true, force: true });
});

/** Starts the service on a free port and resolves when it serves. */
async function start(args = ['--port', '0'], env: Record<string, string> = {}) {
  const child = spawn(node, [serverFile, ...args], {
    env: { DATA_DIR_PATH: dataDir, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanups.push(() => child.kill('SIGKILL'));
  const log: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => log.push(line));
  await Promise.race([once(lines, 'line'), once(child, 'exit')]);
  const port = Number(/http:\/\/127\.0\.0\.1:(\d+)/.exec(log[0] ?? '')?.[1]);
  const url = `http://127.0.0.1:${port}`;
  const exited = once(child, 'close').then(([code]) => Number(code ?? -1));
  return { child, log, port, url, exited };
}

/** A connection that says what it is told, byte for byte; `heard` is what came back. */
async function rawConnection(port: number, ...said: string[]) {
  const socket = connect(port, '127.0.0.1');
  cleanups.push(() => socket.destroy());
  const heard: string[] = [];
  socket.setEncoding('utf8').on('data', (chunk: string) => heard.push(chunk));
  socket.on('error', () => {});
  await once(socket, 'connect');
  for (const text of said) socket.write(text);
  return { socket, heard: () => heard.join('') };
}

/** The status of a request whose path is sent as it is written here; fetch would tidy it up first. */
async function statusOf(port: number, path: string): Promise<number> {
  const { socket, heard } = await rawConnection(port, `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
  await once(socket, 'close');
  return Number(heard().split(' ')[1]);
}

async function json<T = unknown>(url: string): Promise<T> {
  const response = await fetch(url);
  return JSON.parse(await response.text());
}

describe('the sample service', () => {
  it('says in its first line what it serves, where, and as which process', async () => {
    const { child, log, port } = await start();

    expect(log[0]).toBe(`sample service: serving ${dataDir} on http://127.0.0.1:${port} (pid ${child.pid})`);
  });

  it('names its process, its parent and its data in the overview', async () => {
    const { child, url } = await start();

    expect(await json(url)).toEqual({
      service: 'sample service',
      pid: child.pid,
      ppid: process.pid,
      uptime: expect.any(Number),
      dataDir,
      tables: readdirSync(join(dataDir, 'tables')).filter((name) => name.endsWith('.csv')).length,
    });
  });

  it('takes the port from the environment, and from the argument before the environment', async () => {
    const { port } = await start([], { PORT: '0' });
    const other = await start(['--port', '0'], { PORT: String(port) });

    expect(port).toBeGreaterThan(0);
    expect(other.port).not.toBe(port);
  });

  it.each(['--port http', '--port 65536', '--port', '--prot 80', 'stray'])(
    'refuses the arguments %s with 2',
    (args) => {
      const { status, stderr } = spawnSync(node, [serverFile, ...args.split(' ')], { encoding: 'utf8' });

      expect(status).toBe(2);
      expect(stderr).toMatch(/^sample service: /);
    },
  );

  it('ends with 1 when the port is taken', async () => {
    const { port } = await start();
    const { status, stderr } = spawnSync(node, [serverFile, '--port', String(port)], { encoding: 'utf8' });

    expect(status).toBe(1);
    expect(stderr).toContain('EADDRINUSE');
  });

  it('is healthy while there is a tables directory, and only then', async () => {
    const { url } = await start();
    const healthy = await fetch(`${url}/health`);
    expect(healthy.status).toBe(200);
    expect(await healthy.json()).toEqual({ status: 'ok' });

    renameSync(join(dataDir, 'tables'), join(dataDir, 'elsewhere'));
    expect((await fetch(`${url}/health`)).status).toBe(503);
    expect(await json(`${url}/tables`)).toEqual([]);

    renameSync(join(dataDir, 'elsewhere'), join(dataDir, 'tables'));
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  it('starts, and is not healthy, without a data directory', async () => {
    rmSync(dataDir, { recursive: true });
    const { url } = await start();

    expect((await fetch(`${url}/health`)).status).toBe(503);
    expect(await json(url)).toMatchObject({ tables: 0 });
    expect((await fetch(`${url}/tables/t1`)).status).toBe(404);
  });

  it('lists the tables by name, a link inside the data directory among them', async () => {
    const { url } = await start();
    const names = await json(`${url}/tables`);

    expect(names).toEqual(expect.arrayContaining(['current', 't1', 't2', 'vehicles']));
    expect(names).not.toContain('archive');
  });

  it('serves a table as it is on the volume at that moment', async () => {
    const { url } = await start();
    const response = await fetch(`${url}/tables/t1.csv`);
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(await response.text()).toBe(readFileSync(join(dataDir, 'tables/t1.csv'), 'utf8'));

    writeFileSync(join(dataDir, 'tables/t1.csv'), 'class\nZ\n');
    expect(await (await fetch(`${url}/tables/t1`)).text()).toBe('class\nZ\n');
  });

  it('serves what a link inside the data directory points at', async () => {
    const { url } = await start();

    expect(await (await fetch(`${url}/tables/current`)).text()).toBe(
      readFileSync(join(dataDir, 'tables/t2.csv'), 'utf8'),
    );
  });

  it('gives every row of every table of the seed as an object with all columns', async () => {
    const { url } = await start();
    const names = await json<string[]>(`${url}/tables`);
    const tables = await Promise.all(names.map((name) => json<object[]>(`${url}/tables/${name}.json`)));

    const faulty = names.filter((name, index) => {
      const header = readFileSync(join(dataDir, 'tables', `${name}.csv`), 'utf8').split('\n', 1)[0];
      const rows = tables[index] ?? [];
      return rows.length < 3 || rows.some((row) => Object.keys(row).join() !== header);
    });
    expect(faulty).toEqual([]);
  });

  it.each<[string, string, unknown[]]>([
    ['commas and quotes in quotes', 'a,b\n"x, y","say ""hi"""\n', [{ a: 'x, y', b: 'say "hi"' }]],
    ['line ends in quotes', 'a\n"one\ntwo"\n', [{ a: 'one\ntwo' }]],
    ['the line ends and the mark of a spreadsheet', '\uFEFFa,b\r\n1,2\r\n', [{ a: '1', b: '2' }]],
    ['no last line end', 'a,b\n1,2', [{ a: '1', b: '2' }]],
    [
      'empty and missing fields',
      'a,b,c\n,,\n1\n',
      [
        { a: '', b: '', c: '' },
        { a: '1', b: '', c: '' },
      ],
    ],
    ['an empty last field', 'a,b\n1,', [{ a: '1', b: '' }]],
    ['a quote within a field', 'a,b\n3.5" disk,x\n', [{ a: '3.5" disk', b: 'x' }]],
    ['an empty file', '', []],
  ])('reads %s', async (_, csv, rows) => {
    writeFileSync(join(dataDir, 'tables/odd one.csv'), csv);
    const { url } = await start();

    expect(await json(`${url}/tables/odd%20one.json`)).toEqual(rows);
  });

  it('answers 404 as JSON for what is not there', async () => {
    const { url } = await start();
    const response = await fetch(`${url}/tables/t99`);

    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ error: "no table 't99'" });
    expect((await fetch(`${url}/nothing`)).status).toBe(404);
    expect((await fetch(`${url}/constructor`)).status).toBe(404);
    expect((await fetch(`${url}/tables/`)).status).toBe(404);
    expect((await fetch(`${url}/tables/archive`)).status).toBe(404);
  });

  it('answers 405 to a method that would change something', async () => {
    const { url } = await start();

    expect((await fetch(`${url}/tables/t1`, { method: 'DELETE' })).status).toBe(405);
    expect(existsSync(join(dataDir, 'tables/t1.csv'))).toBe(true);
  });

  it('serves nothing outside the tables directory, however the path is written', async () => {
    writeFileSync(join(dataDir, 'secret.csv'), 'secret');
    writeFileSync(join(scratch, 'secret.csv'), 'secret');
    const { port } = await start();
    const paths = [
      '/tables/../secret.csv',
      '/tables/..%2fsecret.csv',
      '/tables/..%2Fsecret.json',
      '/tables/%2e%2e%2fsecret',
      '/tables/%2e%2e/secret',
      '/tables/..%2f..%2fsecret.csv',
      '/tables//../secret.csv',
      '/tables/archive%2f..%2f..%2fsecret',
      `/tables/${encodeURIComponent(join(scratch, 'secret'))}`,
      '/tables/secret.csv%00.csv',
      '/../secret.csv',
      '//secret.csv',
    ];

    const statuses = await Promise.all(paths.map((path) => statusOf(port, path)));
    expect(statuses).toEqual(paths.map(() => 404));
    expect(await statusOf(port, '/tables/%zz')).toBe(400);
    expect(await statusOf(port, '/tables/%74%31')).toBe(200);
  });

  it('neither lists nor serves a link that leaves the data directory', async () => {
    writeFileSync(join(scratch, 'secret.csv'), 'secret');
    mkdirSync(join(scratch, 'data-of-others'));
    writeFileSync(join(scratch, 'data-of-others/secret.csv'), 'secret');
    symlinkSync('../../secret.csv', join(dataDir, 'tables/relative.csv'));
    symlinkSync(join(scratch, 'secret.csv'), join(dataDir, 'tables/absolute.csv'));
    symlinkSync('../../data-of-others/secret.csv', join(dataDir, 'tables/sibling.csv'));
    symlinkSync('absolute.csv', join(dataDir, 'tables/twice.csv'));
    symlinkSync('nowhere', join(dataDir, 'tables/dangling.csv'));
    symlinkSync('loop.csv', join(dataDir, 'tables/loop.csv'));
    const { port, url } = await start();
    const names = ['relative', 'absolute', 'sibling', 'twice', 'dangling', 'loop'];

    const statuses = await Promise.all(names.map((name) => statusOf(port, `/tables/${name}.csv`)));
    expect(statuses).toEqual(names.map(() => 404));
    expect(await json(`${url}/tables`)).not.toEqual(expect.arrayContaining([expect.stringMatching(names.join('|'))]));
  });

  it('does not wait for the writer of a FIFO', async () => {
    spawnSync('mkfifo', [join(dataDir, 'tables/pipe.csv')]);
    const { url } = await start();

    expect((await fetch(`${url}/tables/pipe`)).status).toBe(404);
  });

  it('serves a data directory that is a link itself', async () => {
    symlinkSync('data', join(scratch, 'linked'));
    const { url } = await start(['--port', '0'], { DATA_DIR_PATH: join(scratch, 'linked') });

    expect((await fetch(`${url}/tables/t1`)).status).toBe(200);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('logs a line per request, and ends with 0 on %s', async (signal) => {
    const { child, log, url, exited } = await start();
    await (await fetch(`${url}/tables/t1?fresh`)).text();
    await (await fetch(`${url}/nothing`)).text();
    child.kill(signal);

    expect(await exited).toBe(0);
    expect(log.slice(1)).toEqual([
      'sample service: GET /tables/t1?fresh 200',
      'sample service: GET /nothing 404',
      `sample service: ${signal}, bye`,
    ]);
  });

  it('ends at SIGTERM though an idle keep-alive connection is open', async () => {
    const { child, url, exited } = await start();
    const agent = new Agent({ keepAlive: true });
    cleanups.push(() => agent.destroy());
    await new Promise<void>((resolve, reject) => {
      get(`${url}/tables`, { agent }, (response) => response.resume().on('end', resolve)).on('error', reject);
    });
    child.kill('SIGTERM');

    expect(await exited).toBe(0);
  });

  it('ends at SIGTERM though a connection never sent a request', async () => {
    const { child, port, exited } = await start();
    await rawConnection(port);
    await rawConnection(port, 'GET /tables HTTP/1.1\r\nhost');
    child.kill('SIGTERM');

    expect(await exited).toBe(0);
  });

  it('finishes the request in flight before it ends at SIGTERM, and accepts no other', async () => {
    const big = `name\n${'x'.repeat(32 * 1024 * 1024)}\n`;
    writeFileSync(join(dataDir, 'tables/big.csv'), big);
    const { child, log, port, url, exited } = await start();
    const { socket, heard } = await rawConnection(port, 'GET /tables/big HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(socket, 'data');
    // Far more than the sockets' buffers hold is still to be sent.
    socket.pause();
    child.kill('SIGTERM');
    await expect.poll(async () => fetch(`${url}/health`).catch(() => 'refused')).toBe('refused');
    expect(child.exitCode).toBe(null);
    expect(log.join()).not.toContain('/tables/big');

    socket.resume();
    await once(socket, 'close');
    expect(heard().endsWith(big)).toBe(true);
    expect(await exited).toBe(0);
    expect(log.slice(-2)).toEqual(['sample service: GET /tables/big 200', 'sample service: SIGTERM, bye']);
  });

  it('takes a second signal for the same one', async () => {
    const { child, log, exited } = await start();
    child.kill('SIGINT');
    child.kill('SIGTERM');

    expect(await exited).toBe(0);
    expect(log.filter((line) => line.endsWith('bye'))).toHaveLength(1);
  });
});

describe('the sample seed', () => {
  it('holds what its README says', () => {
    const entries = readdirSync(seed, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    const link = (path: string) => readlinkSync(join(seed, path));

    expect(readdirSync(seed).toSorted()).toEqual(['cars', 'doc_templates', 'global', 'procs', 'samples', 'tables']);
    expect(files.length).toBeGreaterThanOrEqual(250);
    expect(entries.filter((entry) => entry.isSymbolicLink())).toHaveLength(3);
    expect(link('tables/current.csv')).toBe('t2.csv');
    expect(link('doc_templates/default')).toBe('en');
    expect(link('samples/orders/latest.json')).toBe('order-0012.json');
    expect(files.map((file) => file.name)).toEqual(
      expect.arrayContaining(['t1.csv', 't2.csv', 'colors.json', '.import-defaults', 'depot-marker.png']),
    );
    expect(lstatSync(join(seed, 'samples/attachments/empty-attachment.txt')).size).toBe(0);
    expect(lstatSync(join(seed, 'procs/apply.sh')).mode & 0o111).toBe(0o111);
    expect(readdirSync(join(seed, 'cars'))).toContain('päivö');
  });

  it('has JSON in its JSON files', () => {
    const files = readdirSync(seed, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.json'));

    const parse = (path: string): unknown => JSON.parse(readFileSync(join(seed, path), 'utf8'));
    expect(() => files.map(parse)).not.toThrow();
  });
});
