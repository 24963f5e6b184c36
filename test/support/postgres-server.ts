/**
 * A PostgreSQL server for tests: one for each worker of a jest run, started when the first test asks for it, ended by
 * the global tear-down. Its files are its own; nothing of the machine's servers is touched.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync, realpathSync } from 'node:fs';
import { chown, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

const PREFIX = 'paceline-postgres-';
/** What to do where there is none. */
export const WAY_OUT = 'needs PostgreSQL: scripts/fetch-postgres';

/** Nothing has to survive a power cut of the machine, and many small databases come and go. */
const SETTINGS = [
  'fsync=off',
  'full_page_writes=off',
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=200',
  'shared_buffers=32MB',
  'log_min_messages=fatal',
];

/** The address of a new, empty database. */
export async function createPostgresDatabase(): Promise<string> {
  return createDatabase(await startedServer(), 'template1');
}

/** The address of a new database that is like the one which `fill` makes of an empty one, the first time. */
export async function copyPostgresDatabase(fill: (url: string) => Promise<void>): Promise<string> {
  const base = await startedServer();
  const marker = join(serverFolder(), 'template');
  if (!existsSync(marker)) {
    const template = await createDatabase(base, 'template1');
    await fill(template);
    await writeFile(marker, nameOf(template));
  }
  return createDatabase(base, await readFile(marker, 'utf8'));
}

async function createDatabase(base: string, template: string): Promise<string> {
  const name = `t_${randomUUID().replaceAll('-', '')}`;
  await administer(base, `create database ${name} template ${template}`);
  return new URL(`/${name}`, base).href;
}

/** Whoever is still connected is thrown out. */
export async function dropPostgresDatabase(url: string): Promise<void> {
  await administer(new URL('/postgres', url).href, `drop database if exists ${nameOf(url)} with (force)`);
}

/** Every connection to the database is ended, as when its server is restarted; new ones are taken. */
export async function breakConnections(url: string): Promise<void> {
  const name = nameOf(url);
  await administer(
    new URL('/postgres', url).href,
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
  );
}

/** False: new connections to the database are refused, and those there are are ended. */
export async function allowConnections(url: string, allowed: boolean): Promise<void> {
  const name = nameOf(url);
  await administer(new URL('/postgres', url).href, `alter database ${name} with allow_connections ${String(allowed)}`);
  if (!allowed) await breakConnections(url);
}

/** Ends this worker's server as a crash of its machine would. Its databases stay. */
export async function stopPostgres(): Promise<void> {
  await control(demandBinaries(), serverFolder(), 'stop', '-m', 'immediate');
}

/** After {@link stopPostgres}: at the same address. */
export async function startPostgres(): Promise<void> {
  const folder = serverFolder();
  await start(demandBinaries(), folder, Number(new URL(await readFile(join(folder, 'address'), 'utf8')).port));
}

/** The folder with the programs of PostgreSQL: from the PATH, else the newest that Debian and its kin have installed. */
export function postgresBinaries(): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const found = join(folder, 'pg_ctl');
    if (folder !== '' && executable(found)) return dirname(realpathSync(found));
    if (folder !== '' && executable(join(folder, 'postgres'))) {
      const real = dirname(realpathSync(join(folder, 'postgres')));
      if (executable(join(real, 'pg_ctl'))) return real;
    }
  }
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return null;
  const versions = readdirSync(root).sort((one, other) => Number(other) - Number(one));
  return versions.map((version) => join(root, version, 'bin')).find((bin) => executable(join(bin, 'pg_ctl'))) ?? null;
}

/** Ends the servers of this jest run, and those of runs that did not come to their end. */
export async function endPostgresServers(): Promise<void> {
  const bin = postgresBinaries();
  if (bin === null) return;
  for (const name of await readdir(tmpdir())) {
    const owner = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1] ?? 'none');
    if (Number.isNaN(owner) || (owner !== process.pid && isAlive(owner))) continue;
    const folder = join(tmpdir(), name);
    await control(bin, folder, 'stop', '-m', 'immediate').catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  }
}

/** The address of this worker's server, which is started when it is not running. */
async function startedServer(): Promise<string> {
  const bin = demandBinaries();
  const folder = serverFolder();
  const address = join(folder, 'address');
  if (existsSync(address)) return readFile(address, 'utf8');
  const account = unprivileged();
  await mkdir(folder, { recursive: true, mode: 0o711 });
  if (account !== null) await chown(folder, account.uid, account.gid);
  await run(
    join(bin, 'initdb'),
    [
      '-D',
      join(folder, 'data'),
      '-U',
      'paceline',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
      '--no-instructions',
    ],
    options(folder, account),
  );
  const port = await freePort();
  await start(bin, folder, port);
  const url = `postgres://paceline@127.0.0.1:${port}/postgres`;
  await writeFile(address, url);
  return url;
}

async function start(bin: string, folder: string, port: number): Promise<void> {
  const flags = [`-p ${port}`, ...SETTINGS.map((setting) => `-c ${setting}`)].join(' ');
  await control(bin, folder, 'start', '-w', '-l', join(folder, 'log'), '-o', flags);
}

function demandBinaries(): string {
  const bin = postgresBinaries();
  if (bin === null) throw new Error(WAY_OUT);
  return bin;
}

/** Named after whoever runs the tear-down, jest itself, of which a worker is a child. */
function serverFolder(): string {
  const owner = process.env.PACELINE_TEST_RUN ?? String(process.pid);
  return join(tmpdir(), `${PREFIX}${owner}-${process.env.JEST_WORKER_ID ?? '1'}`);
}

/** Without pipes: the server would inherit them, and whoever waits for their end would wait for the server's. */
async function control(bin: string, folder: string, ...words: readonly string[]): Promise<void> {
  const data = join(folder, 'data');
  if (!existsSync(data)) return;
  const started = { ...options(folder, unprivileged()), stdio: 'ignore' as const };
  const child = spawn(join(bin, 'pg_ctl'), ['-D', data, ...words], started);
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`pg_ctl ${words.join(' ')} ended with ${String(code)}`));
    });
  });
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root. */
function unprivileged(): Account | null {
  if (process.getuid?.() !== 0) return null;
  for (const name of ['postgres', 'nobody'])
    try {
      const ask = (flag: string): number =>
        Number(execFileSync('id', [flag, name], { stdio: 'pipe', encoding: 'utf8' }));
      return { uid: ask('-u'), gid: ask('-g') };
    } catch {
      // No such account; the next one.
    }
  throw new Error('PostgreSQL does not run as root, and there is neither an account postgres nor nobody');
}

function options(
  folder: string,
  account: Account | null,
): { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number } {
  return { cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C' }, ...account };
}

function nameOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
