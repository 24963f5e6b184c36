import { chmod, copyFile, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { syncFolder } from '../../kernel/write-durably.ts';
import type { Database } from '../database.ts';
import { BackupError } from './backup-error.ts';
import { BACKUP_FILES, copyFolder, LOG_FOLDER, namesIn, syncFile, writeManifest } from './backup-folder.ts';
import { sumsOf } from './backup-sums.ts';
import { databasePlace, dialectOf } from './dialect.ts';
import { INCARNATION_SETTING } from './incarnation.ts';
import { openPostgres } from './open-postgres.ts';
import { openSqlite } from './open-sqlite.ts';
import { runPostgresProgram } from './postgres-programs.ts';
import { refuseUnfinishedRestore } from './unfinished-restore.ts';

export interface BackupOptions {
  /** A path, or `postgres://…`. Servers may be running on it. */
  readonly database: string;
  readonly dataDirectory: string;
  /** A folder that is made; it may be there when it is empty. */
  readonly to: string;
  /** The key that secrets are encrypted with, to be put into the backup; null: it is kept somewhere else. */
  readonly keyFile: string | null;
  /** Of Paceline. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface BackupResult {
  readonly databaseBytes: number;
  readonly logBytes: number;
}

/**
 * Copies a server's database, as it is at one moment, and its logs, while it runs. The logs come last: they have all that
 * the database says of them, and maybe more, which the next start cuts off. The folder is there when all of it is.
 * Without the key the secrets in a backup are lost with the key; with it, whoever has the backup has them.
 * @throws BackupError
 */
export async function backup(options: BackupOptions): Promise<BackupResult> {
  const { database, to, keyFile } = options;
  if ((await namesIn(to)).length > 0)
    throw new BackupError(`'${to}' has something in it already; name another folder.`);
  const dialect = dialectOf(database);
  const folder = `${to}.part`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    const file = join(folder, BACKUP_FILES.database[dialect]);
    await writeFile(file, '', { mode: 0o600 });
    const incarnation = dialect === 'sqlite' ? await copySqlite(database, file) : await dumpPostgres(database, file);
    const databaseBytes = await syncFile(file);
    const logBytes = await copyFolder(join(options.dataDirectory, LOG_FOLDER), join(folder, BACKUP_FILES.logs));
    if (keyFile !== null) await copyKey(keyFile, join(folder, BACKUP_FILES.key));
    await writeManifest(folder, {
      version: options.version,
      dialect,
      createdAt: new Date(options.now).toISOString(),
      incarnation,
      key: keyFile !== null,
      files: await sumsOf(folder),
    });
    await syncFolder(folder);
    await rename(folder, to);
    await syncFolder(dirname(to));
    return { databaseBytes, logBytes };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function copySqlite(database: string, file: string): Promise<string> {
  // Opening it would make one.
  const there = await stat(database).catch(() => null);
  if (there === null) throw new BackupError(`There is no database ${databasePlace(database)}.`);
  await refuseUnfinishedRestore(database, null);
  const db = await openSqlite(database);
  try {
    const incarnation = await incarnationOf(db, database);
    await sql`vacuum into ${file}`.execute(db);
    return incarnation;
  } finally {
    await db.destroy();
  }
}

async function dumpPostgres(database: string, file: string): Promise<string> {
  const db = await openPostgres(database, { connections: 1, onIdleError: () => undefined });
  try {
    await refuseUnfinishedRestore(database, db);
    const incarnation = await incarnationOf(db, database);
    await runPostgresProgram('pg_dump', ['--format=custom', '--no-owner', `--file=${file}`], database);
    return incarnation;
  } finally {
    await db.destroy();
  }
}

async function incarnationOf(db: Kysely<Database>, database: string): Promise<string> {
  try {
    const row = await db
      .selectFrom('setting')
      .select('value')
      .where('name', '=', INCARNATION_SETTING)
      .executeTakeFirstOrThrow();
    return row.value;
  } catch (error) {
    throw new BackupError(`The database ${databasePlace(database)} is none of Paceline, or cannot be read.`, error);
  }
}

async function copyKey(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to);
    await chmod(to, 0o600);
  } catch (error) {
    throw new BackupError(`The key of the secrets cannot be read: ${(error as Error).message}.`, error);
  }
  await syncFile(to);
}
