import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import type { Database } from '../database.ts';
import { BACKUP_FILES } from './backup-folder.ts';
import { BackupError, occupied } from './backup-error.ts';
import { beginLife, FENCE_LEAP } from './begin-life.ts';
import { databasePlace } from './dialect.ts';
import { openPostgres } from './open-postgres.ts';
import { runPostgresProgram } from './postgres-programs.ts';
import type { RestoreFiles } from './restore-files.ts';
import type { RestoreOptions } from './restore.ts';
import { isRestoreUnfinished, REPLACED_SCHEMA, RESTORING_TABLE } from './unfinished-restore.ts';

/** Of the connection of a restore, for as long as it lasts; any number of our own will do. */
const RESTORE_LOCK = 7_380_002;

/** Without comments: only the owner of a schema may set its own. */
const PG_RESTORE = ['--no-owner', '--no-privileges', '--no-comments', '--exit-on-error', '--single-transaction'];

/**
 * The database that is replaced is kept aside, in a schema of another name, until all is there; whatever fails before that
 * puts it back, as does the next restore after a power cut.
 */
export async function restorePostgres(options: RestoreOptions, files: RestoreFiles): Promise<void> {
  const { database } = options;
  const db = await openPostgres(database, { connections: 1, onIdleError: () => undefined });
  try {
    // One connection from the beginning to the end: the lock is its own.
    await db.connection().execute((connection) => restoreOn(connection, options, files));
  } catch (error) {
    if (error instanceof BackupError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new BackupError(`The database ${databasePlace(database)} cannot be restored: ${message}.`, error);
  } finally {
    await db.destroy();
  }
}

async function restoreOn(db: Kysely<Database>, options: RestoreOptions, files: RestoreFiles): Promise<void> {
  const { from, database, force } = options;
  await claim(db, database);
  const isUnfinished = await isRestoreUnfinished(database, db);
  if (!force) {
    await files.refuseTaken();
    if (isUnfinished || (await hasTables(db))) throw occupied(`the database ${databasePlace(database)}`);
  }
  await (isUnfinished ? putAllBack(db, files) : files.forget());
  try {
    await files.prepare();
    await keepAside(db);
    await runPostgresProgram('pg_restore', [...PG_RESTORE, join(from, BACKUP_FILES.database.postgres)], database);
    await files.put();
    await db.transaction().execute(async (transaction) => {
      const { rows } = await sql<{ former: string }>`
        select setval('public.fence', nextval('public.fence') + ${FENCE_LEAP}) as former`.execute(transaction);
      await beginLife(transaction, options.randomId(), String(rows[0]?.former));
      await sql
        .raw(`drop schema if exists ${REPLACED_SCHEMA} cascade; drop table ${RESTORING_TABLE}`)
        .execute(transaction);
    });
  } catch (error) {
    // A database that does not answer may have begun its life: the next restore finds out.
    if ((await isRestoreUnfinished(database, db).catch(() => null)) !== null) await putAllBack(db, files);
    throw error;
  }
  await files.forget();
}

async function claim(db: Kysely<Database>, database: string): Promise<void> {
  const { rows } = await sql<{ ours: boolean }>`select pg_try_advisory_lock(${RESTORE_LOCK}) as ours`.execute(db);
  if (rows[0]?.ours !== true)
    throw new BackupError(`Another restore of the database ${databasePlace(database)} is going on.`);
}

/** One statement of several is one transaction. An empty schema stays: its owner may be somebody else. */
async function keepAside(db: Kysely<Database>): Promise<void> {
  const rename = `alter schema public rename to ${REPLACED_SCHEMA}; create schema public;`;
  await sql.raw(`${(await hasTables(db)) ? rename : ''} create table ${RESTORING_TABLE} ()`).execute(db);
}

/** The database last: as long as it is not back, the next restore puts back what this one did not. */
async function putAllBack(db: Kysely<Database>, files: RestoreFiles): Promise<void> {
  await files.putBack();
  const { rows } = await sql`select 1 from pg_namespace where nspname = ${REPLACED_SCHEMA}`.execute(db);
  const rename = `drop schema if exists public cascade; alter schema ${REPLACED_SCHEMA} rename to public`;
  await sql.raw(rows.length > 0 ? rename : EMPTY_PUBLIC).execute(db);
}

/** What a restore into an empty schema has brought; the schema may be somebody else's. */
const EMPTY_PUBLIC = `do $$ declare command text; begin
  if to_regclass('${RESTORING_TABLE}') is null then return; end if;
  for command in
    select format('drop table if exists public.%I cascade', tablename) from pg_tables where schemaname = 'public'
    union all
    select format('drop sequence if exists public.%I cascade', sequencename) from pg_sequences where schemaname = 'public'
  loop execute command; end loop;
end $$`;

async function hasTables(db: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql`select 1 from pg_tables where schemaname = 'public' limit 1`.execute(db);
  return rows.length > 0;
}
