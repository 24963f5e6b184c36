import { type Kysely, sql } from 'kysely';
import type { Database } from '../../../database.ts';
import { flag, notNull } from './identity-column.ts';

/**
 * Where the bytes of logs stand. The segments are the truth and these rows are made from them, so they refer to no
 * attempt: one may be gone before its segment is.
 */
export async function createLogTables(db: Kysely<Database>): Promise<void> {
  const { schema } = db;
  await schema
    .createTable('log_stream')
    .addColumn('attempt_id', 'text', notNull)
    .addColumn('step', 'integer', notNull)
    .addColumn('length', 'bigint', flag)
    .addColumn('lines', 'bigint', flag)
    .addColumn('open_line', 'integer', flag)
    .addColumn('announced', 'bigint', flag)
    .addColumn('sealed_length', 'bigint')
    .addColumn('sealed_hash', 'text')
    .addColumn('cut', 'text')
    .addColumn('verified', 'integer', flag)
    .addColumn('removed_at', 'bigint')
    .addPrimaryKeyConstraint('log_stream_of_step', ['attempt_id', 'step'])
    .execute();
  await schema
    .createTable('log_extent')
    .addColumn('attempt_id', 'text', notNull)
    .addColumn('step', 'integer', notNull)
    .addColumn('offset', 'bigint', notNull)
    .addColumn('length', 'bigint', notNull)
    .addColumn('segment', 'text', notNull)
    .addColumn('position', 'bigint', notNull)
    .addColumn('first_line', 'bigint', notNull)
    .addColumn('mid_line', 'integer', flag)
    .addPrimaryKeyConstraint('log_extent_place', ['attempt_id', 'step', 'offset'])
    .execute();
  // Small at any time: what has its end and was not looked at yet.
  await schema
    .createIndex('log_stream_unverified')
    .on('log_stream')
    .columns(['attempt_id', 'step'])
    .where(sql.ref('verified'), '=', sql.lit(0))
    .where(sql.ref('sealed_length'), 'is not', sql.lit(null))
    .execute();
  await schema.createIndex('log_extent_segment').on('log_extent').column('segment').execute();
}
