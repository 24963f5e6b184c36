import { join, resolve } from 'node:path';
import { UsageError } from '../local/usage-error.ts';
import type { RunnerConfig } from '../config/runner-config.ts';
import { readSecretText } from './client/secret-text.ts';
import type { CliHost } from './cli-host.ts';
import { configOf } from './config-of.ts';
import { DATABASE_FILE, KEY_FILE, places } from './places.ts';

/** Which server is meant, for what works on its data. */
export interface DataFlags {
  readonly data?: string;
  readonly database?: string;
  readonly config?: string;
}

export interface ServerSettings {
  readonly config: RunnerConfig;
  /** Absolute. */
  readonly dataDirectory: string;
}

/** The configuration with what the command line says on top. */
export async function serverSettings(
  flags: DataFlags & { readonly listen?: string; readonly publicUrl?: string },
  host: CliHost,
): Promise<ServerSettings> {
  const config = await configOf(flags.config, host);
  const {
    listen = config.server.listen,
    publicUrl = config.server.publicUrl,
    database: named = config.server.database,
  } = flags;
  demandAddress(listen);
  const { databasePasswordFile } = config.server;
  const database = databasePasswordFile === null ? named : await withPassword(named, databasePasswordFile, host);
  const configured = config.server.dataDirectory ?? places(host).serverData;
  const dataDirectory = flags.data === undefined ? configured : resolve(host.directory, flags.data);
  return {
    config: { ...config, server: { ...config.server, listen, publicUrl, database, dataDirectory } },
    dataDirectory,
  };
}

async function withPassword(database: string | null, file: string, host: CliHost): Promise<string> {
  if (database === null || !URL.canParse(database))
    throw new UsageError(
      'server.databasePasswordFile is of use with a server.database such as postgres://ci@db/paceline.',
    );
  const url = new URL(database);
  url.password = await readSecretText(file, 'server.databasePasswordFile', host);
  return url.href;
}

function demandAddress(listen: string): void {
  const [, port] = /^(?:\[[0-9a-f:.]+\]|[^:[\]\s]+):(\d{1,5})$/i.exec(listen) ?? [];
  if (port === undefined || Number(port) > MAX_PORT)
    throw new UsageError(
      `'${listen}' is no address to listen at; expected HOST:PORT, such as 127.0.0.1:7380 or [::]:7380.`,
    );
}

const MAX_PORT = 65_535;

/** A path, or `postgres://…`. */
export function databaseOf({ config, dataDirectory }: ServerSettings): string {
  return config.server.database ?? join(dataDirectory, DATABASE_FILE);
}

/** Of the key of the secrets. */
export function keyFileOf({ config, dataDirectory }: ServerSettings): string {
  return config.server.keyFile ?? join(dataDirectory, KEY_FILE);
}

/** An argument is seen by everybody on the machine. */
export function warnOfPassword(database: string | undefined, host: CliHost): void {
  if (database === undefined || !URL.canParse(database) || new URL(database).password === '') return;
  host.stderr.write(
    'warning: the password in --database is seen by everybody on this machine; PACELINE_SERVER_DATABASE keeps it out of the arguments\n',
  );
}
