import { type Kysely, sql } from 'kysely';
import type { Database } from '../database.ts';
import type { DialectName } from './dialect.ts';
import { initial } from './migrations/0001-initial.ts';
import { flow } from './migrations/0002-flow.ts';
import { fleet } from './migrations/0003-fleet.ts';
import { forks } from './migrations/0004-forks.ts';

/** One change of the schema. Never edited once it is released: a database may have it already. */
export interface Migration {
  /** What it brings, for whoever reads the table `schema_version`. */
  readonly name: string;
  up(db: Kysely<Database>, dialect: DialectName): Promise<void>;
}

/** In order; the version of a schema is the number of those that it has. */
export const MIGRATIONS: readonly Migration[] = [initial, flow, fleet, forks];

/** The database was written by a newer Paceline. */
export class NewerSchemaError extends Error {
  constructor(found: number, known: number) {
    super(
      `The database has schema version ${found}, and this Paceline knows versions up to ${known}. ` +
        'Start a newer Paceline, or restore a backup from before the upgrade.',
    );
    this.name = 'NewerSchemaError';
  }
}

/** Of a transaction on PostgreSQL; any number of our own will do. */
const MIGRATION_LOCK = 7_380_001;

/**
 * Brings the schema up to date: all that is missing in one transaction, or nothing. Any number of servers may do it at
 * the same time.
 * @returns the version it had, 0 for an empty database.
 * @throws NewerSchemaError before anything is changed.
 */
export async function migrate(
  db: Kysely<Database>,
  dialect: DialectName,
  now: number,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<number> {
  return db.connection().execute(async (connection) => {
    await sql.raw(dialect === 'sqlite' ? 'begin immediate' : 'begin').execute(connection);
    try {
      if (dialect === 'postgres') await waitForOthers(connection);
      const version = await currentVersion(connection);
      if (version > migrations.length) throw new NewerSchemaError(version, migrations.length);
      for (const [index, migration] of migrations.entries()) {
        if (index < version) continue;
        await migration.up(connection, dialect);
        await sql`insert into schema_version (version, name, applied_at)
          values (${index + 1}, ${migration.name}, ${now})`.execute(connection);
      }
      await sql.raw('commit').execute(connection);
      return version;
    } catch (error) {
      // The connection may be what failed; the first error is the one to tell.
      await sql
        .raw('rollback')
        .execute(connection)
        .catch(() => undefined);
      throw error;
    }
  });
}

/** As long as it takes: servers that start together migrate one after the other. */
async function waitForOthers(db: Kysely<Database>): Promise<void> {
  await sql`set local lock_timeout = 0`.execute(db);
  await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(db);
}

async function currentVersion(db: Kysely<Database>): Promise<number> {
  await db.schema
    .createTable('schema_version')
    .ifNotExists()
    .addColumn('version', 'integer', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('applied_at', 'bigint', (column) => column.notNull())
    .execute();
  const { rows } = await sql<{ version: number | null }>`select max(version) as version from schema_version`.execute(
    db,
  );
  return rows[0]?.version ?? 0;
}
