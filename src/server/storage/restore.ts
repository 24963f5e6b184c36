import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { syncFolder } from '../../kernel/write-durably.ts';
import type { Database } from '../database.ts';
import { BackupError } from './backup-error.ts';
import { BACKUP_FILES, copyFolder, isEmptyFolder, LOG_FOLDER, readManifest, syncFile } from './backup-folder.ts';
import { claimSqlite } from './claim-sqlite.ts';
import { databasePlace, dialectOf } from './dialect.ts';
import { FENCE_SETTING } from './fence.ts';
import { FORMER_FENCE_SETTING, HELD_SETTING, RESTORED } from './former-life.ts';
import { INCARNATION_SETTING, SESSION_OF_ANOTHER_LIFE } from './incarnation.ts';
import { openPostgres } from './open-postgres.ts';
import { openSqlite } from './open-sqlite.ts';
import { runPostgresProgram } from './postgres-programs.ts';

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

/** Further than any server counts between a backup and its restore: no fence of that time is given out again. */
const FENCE_LEAP = 1_000_000_000;

/**
 * Puts a backup where a server expects its database, logs and, when it has it, key. The database begins a new life: agents
 * tell it again what they reported after the backup was made.
 * @throws BackupError, before anything is changed when something is there that was not to be replaced.
 */
export async function restore(options: RestoreOptions): Promise<void> {
  const { from, database, dataDirectory, force } = options;
  const manifest = await readManifest(from);
  const dialect = dialectOf(database);
  if (manifest.dialect !== dialect)
    throw new BackupError(
      `The backup in '${from}' is one of ${NAMES[manifest.dialect]}, and ${databasePlace(database)} is ${NAMES[dialect]}.`,
    );
  const logs = join(dataDirectory, LOG_FOLDER);
  if (!force && !(await isEmptyFolder(logs))) throw occupied(`the folder '${logs}'`);
  const key = manifest.key ? join(from, BACKUP_FILES.key) : null;
  if (!force && key !== null && (await exists(options.keyFile))) throw occupied(`the key '${options.keyFile}'`);
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const restoreLogs = async (): Promise<void> => {
    await rm(logs, { recursive: true, force: true });
    await copyFolder(join(from, BACKUP_FILES.logs), logs);
    if (key === null) return;
    await mkdir(dirname(options.keyFile), { recursive: true, mode: 0o700 });
    await copyFile(key, options.keyFile);
    await syncFile(options.keyFile);
  };
  await (dialect === 'sqlite' ? restoreSqlite(options, restoreLogs) : restorePostgres(options, restoreLogs));
}

const NAMES = { sqlite: 'SQLite', postgres: 'PostgreSQL' } as const;

/** The database comes into its place last: before that, a server would start with none. */
async function restoreSqlite(options: RestoreOptions, restoreLogs: () => Promise<void>): Promise<void> {
  const { from, database, force } = options;
  if (!force && (await exists(database))) throw occupied(`the database ${databasePlace(database)}`);
  await mkdir(dirname(database), { recursive: true, mode: 0o700 });
  const release = await claimSqlite(database);
  const made = `${database}.restoring`;
  try {
    await rm(made, { force: true });
    await copyFile(join(from, BACKUP_FILES.database.sqlite), made);
    const db = await openSqlite(made);
    try {
      await beginLife(db, options.randomId());
      const { value = '0' } =
        (await db.selectFrom('setting').select('value').where('name', '=', FENCE_SETTING).executeTakeFirst()) ?? {};
      const former = String(Number(value) + FENCE_LEAP);
      await setting(db, FENCE_SETTING, former);
      await setting(db, FORMER_FENCE_SETTING, former);
      // Nothing of it may stay in files beside it, which would not be moved.
      await sql`pragma journal_mode = delete`.execute(db);
    } finally {
      await db.destroy();
    }
    await syncFile(made);
    await restoreLogs();
    for (const suffix of ['-wal', '-shm', '-journal']) await rm(`${database}${suffix}`, { force: true });
    await rename(made, database);
    await syncFolder(dirname(database));
  } finally {
    release();
    await rm(made, { force: true });
  }
}

async function restorePostgres(options: RestoreOptions, restoreLogs: () => Promise<void>): Promise<void> {
  const { from, database, force } = options;
  const db = await openPostgres(database, { connections: 1, onIdleError: () => undefined });
  try {
    if (await hasTables(db)) {
      if (!force) throw occupied(`the database ${databasePlace(database)}`);
      await sql.raw('drop schema public cascade; create schema public').execute(db);
    }
    await restoreLogs();
    const words = ['--no-owner', '--no-privileges', '--exit-on-error', '--single-transaction'];
    await runPostgresProgram('pg_restore', [...words, join(from, BACKUP_FILES.database.postgres)], database);
    await db.transaction().execute(async (transaction) => {
      await beginLife(transaction, options.randomId());
      const { rows } = await sql<{ former: string }>`
        select setval('public.fence', nextval('public.fence') + ${FENCE_LEAP}) as former`.execute(transaction);
      await setting(transaction, FORMER_FENCE_SETTING, String(rows[0]?.former));
    });
  } catch (error) {
    if (error instanceof BackupError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new BackupError(`The database ${databasePlace(database)} cannot be restored: ${message}.`, error);
  } finally {
    await db.destroy();
  }
}

async function hasTables(db: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql`select 1 from pg_tables where schemaname = 'public' limit 1`.execute(db);
  return rows.length > 0;
}

/**
 * Sessions end with the life that opened them: their agents have to come with what they have on their disks, and what
 * they do not speak of at first they may have stored in the life that is gone (see `SESSION_OF_ANOTHER_LIFE`).
 */
async function beginLife(db: Kysely<Database>, name: string): Promise<void> {
  await setting(db, INCARNATION_SETTING, name);
  await setting(db, HELD_SETTING, RESTORED);
  await db.updateTable('session').set({ state: 'ended', machine_id: SESSION_OF_ANOTHER_LIFE }).execute();
}

async function setting(db: Kysely<Database>, name: string, value: string): Promise<void> {
  await db
    .insertInto('setting')
    .values({ name, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute();
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

function occupied(what: string): BackupError {
  return new BackupError(`There is ${what} already. Restore into an empty place, or replace it with --force.`);
}
