/** The images that the tests run, made without a network. */
import { execFile, execFileSync } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { baseImage } from '../support/docker-base-image.ts';
import { type DockerEngine, enginePath } from '../support/docker-engine.ts';
import { postgresBinaries, WAY_OUT } from '../support/postgres-server.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

export const BASE = 'paceline-test-base';
export const DATABASE = 'paceline-test-database';
/** As docs/containers.md and compose.yaml name them. */
export const SERVER = 'paceline-server';
export const RUNNER = 'paceline-runner';

/** Builds all of them: ours by the Dockerfile, in a folder that has what `git clone` and scripts/package leave there. */
export async function buildImages(engine: DockerEngine): Promise<void> {
  const context = join(engine.folder, 'context');
  await Promise.all([importBase(engine), makeContext(context)]);
  await buildDatabase(engine);
  const build = ['build', '--quiet', '--build-arg', `BASE_IMAGE=${BASE}`];
  await engine.docker(...build, '--target', 'server', '-t', SERVER, context);
  await engine.docker(...build, '--target', 'runner', '-t', RUNNER, context);
}

/** What the image has beyond its base, layer by layer. */
export async function layerFiles(engine: DockerEngine, image: string): Promise<string[]> {
  const script = `
    docker save "$1" | tar -x -C "$2" --one-top-level=saved
    cd "$2/saved"
    for layer in $(grep -o '[0-9a-f]*/layer.tar' manifest.json | tail -n +2); do tar -tf "$layer"; done`;
  const { stdout, code, stderr } = await engine.run('bash', ['-c', script, 'bash', image, engine.folder]);
  if (code !== 0) throw new Error(stderr);
  return stdout.trim().split('\n');
}

/** With PostgreSQL of this machine, for the image of the database. */
async function importBase(engine: DockerEngine): Promise<void> {
  const bin = databasePrograms();
  const tini = execFileSync('which', ['tini'], { encoding: 'utf8', env: { PATH: enginePath() } }).trim();
  const postgres = [
    join(bin, '..'),
    bin.replace(/^\/usr\/lib\/(.*)\/bin$/, '/usr/share/$1'),
    '/usr/share/zoneinfo/UTC',
  ];
  await engine.importImage(BASE, baseImage([realpathSync(tini)], postgres));
}

async function makeContext(context: string): Promise<void> {
  const name = 'paceline-runner-0.0.0-linux-x64';
  await mkdir(join(context, 'packages'), { recursive: true });
  await run(join(root, 'scripts/layout'), ['--node', process.execPath, join(context, name)]);
  const tarball = join(context, 'packages', `${name}.tar.gz`);
  // As scripts/package does, but for the size.
  await run('tar', ['--create', '--use-compress-program=gzip -1', '--file', tarball, '-C', context, name]);
  for (const file of ['Dockerfile', '.dockerignore']) await copyFile(join(root, file), join(context, file));
  // None of it is for an image.
  await writeFile(join(context, '.env'), 'PASSWORD=not-for-an-image\n');
}

function databasePrograms(): string {
  const bin = postgresBinaries();
  if (bin === null) throw new Error(WAY_OUT);
  return bin;
}

/** PostgreSQL that understands the variables of the official image which compose.yaml uses. */
async function buildDatabase(engine: DockerEngine): Promise<void> {
  const context = join(engine.folder, 'database');
  await mkdir(context, { recursive: true });
  await writeFile(join(context, 'Dockerfile'), databaseFile(databasePrograms()));
  await writeFile(join(context, 'start'), DATABASE_START, { mode: 0o755 });
  await engine.docker('build', '--quiet', '-t', DATABASE, context);
}

const databaseFile = (bin: string): string => `FROM ${BASE}
ENV PATH=${bin}:/usr/bin:/bin PGDATA=/var/lib/postgresql/data
RUN id postgres >/dev/null 2>&1 || useradd postgres; \\
    install -d -o postgres -m 0700 /var/lib/postgresql/data && install -d -o postgres /var/run/postgresql
COPY start /usr/bin/start
VOLUME /var/lib/postgresql/data
USER postgres
STOPSIGNAL SIGINT
CMD ["start"]
`;

const DATABASE_START = `#!/bin/sh
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb -D "$PGDATA" -U "$POSTGRES_USER" -A scram-sha-256 --pwfile="$POSTGRES_PASSWORD_FILE" -E UTF8 --locale=C --no-sync
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  echo "create database $POSTGRES_DB" | postgres --single -D "$PGDATA" postgres
fi
exec postgres -D "$PGDATA" -c 'listen_addresses=*' -c unix_socket_directories=/var/run/postgresql -c fsync=off
`;
