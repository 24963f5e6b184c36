import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningServer } from '../server/running-server.ts';
import { writeAddress } from './address-file.ts';
import type { CliHost } from './cli-host.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { failpointText } from './failpoint-of.ts';
import { openServiceLog } from './open-log.ts';
import { ADDRESS_FILE } from './places.ts';
import { asServerProblem } from './server-problem.ts';
import { type DataFlags, type ServerSettings, serverSettings, warnOfPassword } from './server-settings.ts';
import { onStopRequests } from './stop-requests.ts';
import { threadFile } from './thread-files.ts';
import type { OpenDiagnosticLog } from '../kernel/diagnostic-log.ts';

export interface ServerProcessFlags extends DataFlags {
  readonly listen?: string;
  readonly publicUrl?: string;
}

/** Until it is told to stop. */
export async function serverCommand(flags: ServerProcessFlags, host: CliHost): Promise<ExitCode> {
  warnOfPassword(flags.database, host);
  const settings = await serverSettings(flags, host);
  const log = await openServiceLog(settings.config, host);
  try {
    let fail: (error: Error) => void = () => undefined;
    const fatal = new Promise<never>((_resolve, reject) => (fail = reject));
    // It may come before anybody waits for it.
    fatal.catch(() => undefined);
    const server = await startServerHere(settings, log, host, fail);
    const stopped = stopRequest(host);
    try {
      sayWhere(server, settings, host);
      await Promise.race([stopped.asked, fatal]);
      host.stderr.write('Stopping; a second time ends it at once.\n');
      return EXIT.success;
    } finally {
      await server.stop();
      stopped.close();
    }
  } finally {
    await log.close();
  }
}

/** The server with its address file, which goes when it stops. */
export async function startServerHere(
  { config, dataDirectory }: ServerSettings,
  log: OpenDiagnosticLog,
  host: CliHost,
  onFatal: (error: Error) => void,
): Promise<RunningServer> {
  const { startServer } = await import('../server/start-server.ts');
  const server = await asServerProblem(
    startServer({
      config: config.server,
      baseUrl: config.actions.baseUrl,
      dataDirectory,
      log,
      environment: host.environment,
      storeThreadFile: threadFile('store'),
      searchThreadFile: threadFile('search'),
      // Where a test kills the server.
      failpoint: failpointText(host),
      version: host.version,
      onFatal,
    }),
  );
  writeAddress(dataDirectory, server, config.server.tls.certificateFile === null ? 'http' : 'https');
  return {
    ...server,
    async stop() {
      rmSync(join(dataDirectory, ADDRESS_FILE), { force: true });
      await server.stop();
    },
  };
}

function sayWhere(server: RunningServer, { config, dataDirectory }: ServerSettings, { stdout }: CliHost): void {
  const { database } = config.server;
  const what = database === null ? 'SQLite in it' : withoutPassword(database);
  stdout.write(
    [
      `Paceline's server listens at ${server.url}`,
      `  data          ${dataDirectory}`,
      `  database      ${what}`,
      `  admin token   ${server.adminToken === null ? 'made before' : 'new'}, in ${server.adminTokenFile}`,
      `  API           ${server.url}/v1/openapi.json, /metrics, /healthz, /readyz`,
      '',
    ].join('\n'),
  );
}

function withoutPassword(database: string): string {
  if (!URL.canParse(database)) return database;
  const url = new URL(database);
  url.password = '';
  return url.href;
}

function stopRequest(host: CliHost): { asked: Promise<void>; close: () => void } {
  let close: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    close = onStopRequests(host.environment, (count) => (count === 1 ? resolve() : host.exitNow(EXIT.cancelled)));
  });
  return { asked, close };
}
