import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupError } from './backup-error.ts';
import { BACKUP_FILES, readManifest } from './backup-folder.ts';
import { damageOf } from './backup-sums.ts';
import { databasePlace, dialectOf } from './dialect.ts';
import { restoreFiles } from './restore-files.ts';
import { restorePostgres } from './restore-postgres.ts';
import { restoreSqlite } from './restore-sqlite.ts';

export interface RestoreOptions {
  /** A folder that `backup` made. */
  readonly from: string;
  /** A path, or `postgres://…`, of the kind that was backed up. No server may be running on it. */
  readonly database: string;
  readonly dataDirectory: string;
  /** Where the key of the secrets goes, when the backup has it. */
  readonly keyFile: string;
  /** What is there is replaced. */
  readonly force: boolean;
  /** Names the new life of the database. */
  readonly randomId: () => string;
}

/**
 * Puts a backup where a server expects its database, logs and, when it has it, key. The database begins a new life: agents
 * tell it again what they reported after the backup was made.
 *
 * The backup is looked at as a whole first, and everything is made beside what it replaces, which comes back when a
 * part fails. Of two at once the second is refused, and so is a server, also after one that was interrupted.
 * @throws BackupError, before anything is changed when something is there that was not to be replaced.
 */
export async function restore(options: RestoreOptions): Promise<void> {
  const { from, database } = options;
  const manifest = await readManifest(from);
  const dialect = dialectOf(database);
  if (manifest.dialect !== dialect)
    throw new BackupError(
      `The backup in '${from}' is one of ${NAMES[manifest.dialect]}, and ${databasePlace(database)} is ${NAMES[dialect]}.`,
    );
  const savedLogs = join(from, BACKUP_FILES.logs);
  // An earlier Paceline listed no sums. Without the folder it is no backup: one of a server without logs has an empty one.
  const isMissing = (await exists(savedLogs)) ? null : `'${BACKUP_FILES.logs}' is missing`;
  const damage = isMissing ?? (await damageOf(from, manifest.files ?? {}));
  if (damage !== null) throw new BackupError(`The backup in '${from}' is damaged: ${damage}. Nothing was changed.`);
  const files = await restoreFiles(options, manifest.key);
  await (dialect === 'sqlite' ? restoreSqlite : restorePostgres)(options, files);
}

const NAMES = { sqlite: 'SQLite', postgres: 'PostgreSQL' } as const;

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}
