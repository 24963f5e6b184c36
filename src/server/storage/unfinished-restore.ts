import { stat } from 'node:fs/promises';
import { type Kysely, sql } from 'kysely';
import type { Database } from '../database.ts';
import { DatabaseOpenError } from './database-open-error.ts';
import { databasePlace } from './dialect.ts';

/** Of PostgreSQL: the schema that has what was in the database, until the restored one has begun its life. */
export const REPLACED_SCHEMA = 'paceline_replaced';

/** Of PostgreSQL: a table that is there as long, also where there was nothing to keep. */
export const RESTORING_TABLE = 'public.paceline_restoring';

/** Of SQLite: where the database is made; it goes to its place when all else is in its own. */
export function restoringPath(database: string): string {
  return `${database}.restoring`;
}

/** A restore of this database is going on, or was interrupted. */
export async function isRestoreUnfinished(database: string, db: Kysely<Database> | null): Promise<boolean> {
  if (db === null) return (await stat(restoringPath(database)).catch(() => null)) !== null;
  const { rows } = await sql`
    select 1 from pg_namespace where nspname = ${REPLACED_SCHEMA}
    union all select 1 where to_regclass(${RESTORING_TABLE}) is not null`.execute(db);
  return rows.length > 0;
}

/**
 * @param db null: SQLite.
 * @throws DatabaseOpenError: database, logs and key are not of one moment.
 */
export async function refuseUnfinishedRestore(database: string, db: Kysely<Database> | null): Promise<void> {
  if (!(await isRestoreUnfinished(database, db))) return;
  throw new DatabaseOpenError(
    `A restore of the database ${databasePlace(database)} is going on or was interrupted. ` +
      'Complete it with `paceline server restore FOLDER --force`.',
    null,
  );
}
