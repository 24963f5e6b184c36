import type { Kysely } from 'kysely';
import type { Database } from '../../../database.ts';
import { flag, notNull } from './identity-column.ts';

/**
 * Where the bytes of logs stand. The segments are the truth and these rows are made from them, so they refer to no
 * attempt: one may be gone before its segment is.
 */
export async function createLogTables({ schema }: Kysely<Database>): Promise<void> {
  await schema
    .createTable('log_stream')
    .addColumn('attempt_id', 'text', notNull)
    .addColumn('step', 'integer', notNull)
    .addColumn('length', 'bigint', flag)
    .addColumn('lines', 'bigint', flag)
    .addColumn('announced', 'bigint', flag)
    .addColumn('sealed_length', 'bigint')
    .addColumn('sealed_hash', 'text')
    .addColumn('cut', 'text')
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
    .addPrimaryKeyConstraint('log_extent_place', ['attempt_id', 'step', 'offset'])
    .execute();
  await schema.createIndex('log_extent_segment').on('log_extent').column('segment').execute();
}
