// A PostgreSQL server of the benchmark's own, with the durability that it has by default.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

/** The folder of `initdb` and `postgres`, from the PATH or as Debian installs them; null: there are none. */
export function postgresPrograms() {
  const root = '/usr/lib/postgresql';
  const installed = existsSync(root) ? readdirSync(root).sort((one, other) => other - one) : [];
  const folders = [...process.env.PATH.split(delimiter), ...installed.map((version) => join(root, version, 'bin'))];
  const found = folders.find((folder) => folder !== '' && existsSync(join(folder, 'postgres')));
  if (found === undefined) return null;
  const folder = dirname(realpathSync(join(found, 'postgres')));
  return existsSync(join(folder, 'initdb')) ? folder : null;
}

export async function startPostgres() {
  const programs = postgresPrograms();
  const folder = mkdtempSync(join(tmpdir(), 'paceline-bench-postgres-'));
  // It refuses to run as root.
  const account = process.getuid() === 0 ? accountOf('postgres', 'nobody') : {};
  if (account.uid !== undefined) chownSync(folder, account.uid, account.gid);
  const options = { ...account, cwd: folder, stdio: 'ignore', env: { PATH: process.env.PATH, LC_ALL: 'C' } };
  const data = join(folder, 'data');
  const initialize = ['-D', data, '-U', 'paceline', '-A', 'trust', '-E', 'UTF8', '--no-instructions'];
  execFileSync(join(programs, 'initdb'), initialize, options);
  const port = await freePort();
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', `port=${port}`, 'max_connections=100'];
  const server = spawn(
    join(programs, 'postgres'),
    ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
    options,
  );
  const url = `postgres://paceline@127.0.0.1:${port}/postgres`;
  await answering(url);
  return {
    url,
    stop: async () => {
      server.kill('SIGINT');
      await once(server, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function accountOf(...names) {
  for (const name of names)
    try {
      const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, name], { stdio: 'pipe' })));
      return { uid, gid };
    } catch {
      // The next one.
    }
  throw new Error(`PostgreSQL does not run as root, and there is no account ${names.join(' or ')}`);
}

async function answering(url) {
  const { default: pg } = await import('pg');
  for (let tries = 0; tries < 200; tries++) {
    const client = new pg.Client(url);
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error('PostgreSQL does not answer');
}

async function freePort() {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address();
  server.close();
  return port;
}
