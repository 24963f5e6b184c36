import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import type { Database } from '../database.ts';
import { BACKUP_FILES } from './backup-folder.ts';
import { BackupError, occupied } from './backup-error.ts';
import { beginLife, FENCE_LEAP } from './begin-life.ts';
import { databasePlace } from './dialect.ts';
import { openPostgres } from './open-postgres.ts';
import { runPostgresProgram } from './postgres-programs.ts';
import type { RestoreOptions } from './restore.ts';

/** What was in the database, until the restored one has begun its life. */
const REPLACED = 'paceline_replaced';

/**
 * The database that is replaced is kept aside, in a schema of another name, until all is there; whatever fails before that
 * puts it back, as does the next restore after a power cut.
 *
 * @param prepareFiles Makes logs and key beside their places.
 * @param putFiles Puts them there.
 */
export async function restorePostgres(
  options: RestoreOptions,
  prepareFiles: () => Promise<void>,
  putFiles: () => Promise<void>,
): Promise<void> {
  const { from, database, force } = options;
  const db = await openPostgres(database, { connections: 1, onIdleError: () => undefined });
  try {
    const isKept = await hasSchema(db, REPLACED);
    if (!force && (isKept || (await hasTables(db)))) throw occupied(`the database ${databasePlace(database)}`);
    if (isKept) await putBack(db);
    await prepareFiles();
    await sql.raw(`alter schema public rename to ${REPLACED}; create schema public`).execute(db);
    try {
      const words = ['--no-owner', '--no-privileges', '--exit-on-error', '--single-transaction'];
      await runPostgresProgram('pg_restore', [...words, join(from, BACKUP_FILES.database.postgres)], database);
      await putFiles();
      await db.transaction().execute(async (transaction) => {
        const { rows } = await sql<{ former: string }>`
          select setval('public.fence', nextval('public.fence') + ${FENCE_LEAP}) as former`.execute(transaction);
        await beginLife(transaction, options.randomId(), String(rows[0]?.former));
        await sql.raw(`drop schema ${REPLACED} cascade`).execute(transaction);
      });
    } catch (error) {
      await putBack(db);
      throw error;
    }
  } catch (error) {
    if (error instanceof BackupError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new BackupError(`The database ${databasePlace(database)} cannot be restored: ${message}.`, error);
  } finally {
    await db.destroy();
  }
}

/** One statement of several is one transaction. */
async function putBack(db: Kysely<Database>): Promise<void> {
  await sql.raw(`drop schema if exists public cascade; alter schema ${REPLACED} rename to public`).execute(db);
}

async function hasTables(db: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql`select 1 from pg_tables where schemaname = 'public' limit 1`.execute(db);
  return rows.length > 0;
}

async function hasSchema(db: Kysely<Database>, name: string): Promise<boolean> {
  const { rows } = await sql`select 1 from pg_namespace where nspname = ${name}`.execute(db);
  return rows.length > 0;
}
