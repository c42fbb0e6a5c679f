// The sample service: serves the tables of the seeded volume over HTTP.
//
//   GET /                  what runs, since when, on what
//   GET /health            200 while there is a tables directory, else 503
//   GET /tables            the names of the tables
//   GET /tables/NAME       the table as CSV (also NAME.csv)
//   GET /tables/NAME.json  its rows as JSON
import { constants, readFile, readdir, realpath, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Server as NetServer } from 'node:net';
import { join, resolve, sep } from 'node:path';
import { parseArgs } from 'node:util';

const dataDir = resolve(process.env.DATA_DIR_PATH || '/data');
const tablesDir = join(dataDir, 'tables');

// Below the 10 s after which `docker stop` kills.
const drainMilliseconds = 8_000;

class HttpError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const routes = { '': overview, health, tables };

async function overview() {
  return json({
    service: 'sample service',
    pid: process.pid,
    ppid: process.ppid,
    uptime: Math.round(process.uptime()),
    dataDir,
    tables: (await tableNames()).length,
  });
}

async function health() {
  const healthy = await stat(tablesDir).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return healthy ? json({ status: 'ok' }) : json({ status: 'unavailable', reason: `no directory ${tablesDir}` }, 503);
}

async function tables(name) {
  if (name === undefined) return json(await tableNames());
  const csv = await readTable(name.replace(/\.json$/, ''));
  return name.endsWith('.json') ? json(rowsOf(csv)) : { status: 200, type: 'text/csv; charset=utf-8', body: csv };
}

function json(value, status = 200) {
  return { status, type: 'application/json', body: `${JSON.stringify(value, null, 2)}\n` };
}

/** What `GET /tables/NAME` would serve: a link that is dangling or leads out of the data directory is not listed. */
async function tableNames() {
  const entries = await readdir(tablesDir).catch(() => []);
  const names = entries.filter((entry) => entry.endsWith('.csv')).map((entry) => entry.slice(0, -'.csv'.length));
  const files = await Promise.all(names.map(tableFile));
  return names.filter((_, index) => files[index] !== undefined).toSorted();
}

async function readTable(name) {
  const file = await tableFile(name.replace(/\.csv$/, ''));
  if (file === undefined) throw new HttpError(404, `no table '${name}'`);
  // RACE: a directory above the file may be swapped for a link after it was resolved. Whoever can do that owns the
  // volume, and reads with the service's rights.
  return readFile(file, { flag: constants.O_RDONLY | constants.O_NOFOLLOW });
}

/** The real path of a table's file, or nothing where there is no such regular file inside the data directory. */
async function tableFile(name) {
  if (/[/\0]/.test(name)) return undefined;
  try {
    const [root, file] = await Promise.all([realpath(dataDir), realpath(join(tablesDir, `${name}.csv`))]);
    const inside = file.startsWith(root.endsWith(sep) ? root : root + sep);
    // Only a regular file: reading a FIFO would wait for its writer.
    return inside && (await stat(file)).isFile() ? file : undefined;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes(error.code)) return undefined;
    throw error;
  }
}

function rowsOf(csv) {
  // Spreadsheets begin their exports with a byte order mark; TextDecoder drops it.
  const [header = [], ...rows] = parseCsv(new TextDecoder().decode(csv));
  return rows.map((row) => Object.fromEntries(header.map((column, index) => [column, row[index] ?? ''])));
}

/** RFC 4180: quoted fields may hold commas, line ends and doubled quotes. */
function parseCsv(text) {
  const rows = [];
  let row = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"([^"]*(?:""[^"]*)*)"|([^,\n]*?))(,|\r?\n|$)/g)) {
    row.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === ',') continue;
    if (row.length > 1 || row[0] !== '') rows.push(row);
    if (end === '') break;
    row = [];
  }
  return rows;
}

async function answer({ method, url }) {
  if (method !== 'GET' && method !== 'HEAD') throw new HttpError(405, `${method} is not supported`);
  // Split first, decode then: an encoded slash stays part of a name, where it is refused.
  const [route, ...names] = url.split('?')[0].slice(1).split('/').map(decode);
  const takes = route === 'tables' ? 1 : 0;
  if (!Object.hasOwn(routes, route) || names.length > takes) throw new HttpError(404, `nothing at '${url}'`);
  return routes[route](...names);
}

function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    throw new HttpError(400, error.message);
  }
}

function failure(error) {
  if (!(error instanceof HttpError)) console.error(error);
  return json({ error: error.message }, error.status ?? 500);
}

let inFlight = 0;
let stopping = false;

const server = createServer(async (request, response) => {
  inFlight += 1;
  response.once('close', () => {
    inFlight -= 1;
    console.log(`sample service: ${request.method} ${request.url} ${response.statusCode}`);
    closeWhenDrained();
  });
  const { status, type, body } = await answer(request).catch(failure);
  response.statusCode = status;
  response.setHeader('content-type', type);
  if (stopping) response.setHeader('connection', 'close');
  response.end(body);
});

function stop(signal) {
  if (stopping) return;
  stopping = true;
  // The HTTP server's own close() destroys every connection whose response was handed over, though not yet sent: a
  // slow client would get half a table. net's close() only stops accepting.
  NetServer.prototype.close.call(server, () => console.log(`sample service: ${signal}, bye`));
  setTimeout(() => server.closeAllConnections(), drainMilliseconds).unref();
  closeWhenDrained();
}

// Also takes the connections that never sent a whole request: they would hold the service until they give up.
function closeWhenDrained() {
  if (stopping && inFlight === 0) server.closeAllConnections();
}

function fail(message, code) {
  console.error(`sample service: ${message}`);
  process.exit(code);
}

function portWanted() {
  try {
    const { port } = parseArgs({ options: { port: { type: 'string', default: process.env.PORT || '8080' } } }).values;
    if (!/^\d+$/.test(port) || Number(port) > 65_535) throw new Error(`not a port: '${port}'`);
    return Number(port);
  } catch (error) {
    return fail(error.message, 2);
  }
}

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
server.on('error', (error) => fail(error.message, 1));
server.listen(portWanted(), () => {
  const { port } = server.address();
  console.log(`sample service: serving ${dataDir} on http://127.0.0.1:${port} (pid ${process.pid})`);
});
