import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { CliHost } from './cli-host.ts';
import { CommandProblem } from './command-problem.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { asServerProblem } from './server-problem.ts';
import { type DataFlags, databaseOf, keyFileOf, serverSettings, warnOfPassword } from './server-settings.ts';

/** A copy of the database as it is at one moment, and of the logs, while the server runs. */
export async function backupCommand(
  folder: string,
  flags: DataFlags & { readonly withKey?: boolean },
  host: CliHost,
): Promise<ExitCode> {
  warnOfPassword(flags.database, host);
  const settings = await serverSettings(flags, host);
  const { backup } = await import('../server/storage/backup.ts');
  const { databaseBytes, logBytes } = await asServerProblem(
    backup({
      database: databaseOf(settings),
      dataDirectory: settings.dataDirectory,
      to: resolve(host.directory, folder),
      keyFile: flags.withKey === true ? keyFileOf(settings) : null,
      version: host.version,
      now: Date.now(),
    }),
  );
  host.stdout.write(
    `Backed up to ${folder}: ${megabytes(databaseBytes)} of database, ${megabytes(logBytes)} of logs.\n`,
  );
  const key =
    flags.withKey === true
      ? 'The key is in it: whoever has this backup has the secrets.'
      : `The key of the secrets is not in it: keep ${keyFileOf(settings)} somewhere else, or give --with-key.`;
  host.stderr.write(`${key}\n`);
  return EXIT.success;
}

/** Puts a backup in the place of a server's data. The server must not run. */
export async function restoreCommand(
  folder: string,
  flags: DataFlags & { readonly force?: boolean },
  host: CliHost,
): Promise<ExitCode> {
  warnOfPassword(flags.database, host);
  const settings = await serverSettings(flags, host);
  const { restore } = await import('../server/storage/restore.ts');
  await asServerProblem(
    restore({
      from: resolve(host.directory, folder),
      database: databaseOf(settings),
      dataDirectory: settings.dataDirectory,
      keyFile: keyFileOf(settings),
      force: flags.force ?? false,
      randomId: () => randomBytes(8).toString('hex'),
    }),
  );
  host.stdout.write(
    `Restored to ${settings.dataDirectory}. What agents still have of the time after the backup they report again.\n`,
  );
  return EXIT.success;
}

/** Encrypts every secret with a new key, at once; the old one is of no use afterwards. */
export async function rotateKeyCommand(flags: DataFlags, host: CliHost): Promise<ExitCode> {
  warnOfPassword(flags.database, host);
  const settings = await serverSettings(flags, host);
  if (settings.config.server.keyCommand !== null)
    throw new CommandProblem(
      EXIT.usage,
      'The key comes from server.keyCommand, which cannot be given a new one; move to server.keyFile first.',
    );
  const { rotateServerKey } = await import('../server/secrets/rotate-server-key.ts');
  const { secrets } = await asServerProblem(
    rotateServerKey({ database: databaseOf(settings), keyFile: keyFileOf(settings) }),
  );
  host.stdout.write(`${secrets} secrets are encrypted with the new key in ${keyFileOf(settings)}.\n`);
  host.stderr.write(
    'Start the servers that run on this database again at once: until then they refuse to set secrets, and they and ' +
      'those with the new key refuse the sign-ins of runners that the other began.\n',
  );
  return EXIT.success;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
