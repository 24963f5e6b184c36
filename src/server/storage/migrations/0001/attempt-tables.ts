import { type Kysely, sql } from 'kysely';
import type { Database } from '../../../database.ts';
import type { DialectName } from '../../dialect.ts';
import { flag, notNull } from './identity-column.ts';

/** Attempts, the queue they come from, the leases that hold them, and what agents report of them. */
export async function createAttemptTables(db: Kysely<Database>, dialect: DialectName): Promise<void> {
  await createAttempt(db);
  const { schema } = db;
  await schema
    .createTable('ready')
    .addColumn('attempt_id', 'text', (column) =>
      column.primaryKey().notNull().references('attempt.id').onDelete('cascade'),
    )
    .addColumn('job_id', 'bigint', (column) => column.notNull().unique())
    .addColumn('label_set_id', 'bigint', notNull)
    .addColumn('priority', 'integer', notNull)
    .addColumn('queued_at', 'bigint', notNull)
    .addColumn('not_before', 'bigint', flag)
    .execute();
  // In the order in which jobs are handed out: the higher priority first, then the older job.
  await schema.createIndex('ready_order').on('ready').columns(['label_set_id', 'priority desc', 'job_id']).execute();
  await schema
    .createTable('lease')
    .addColumn('attempt_id', 'text', (column) =>
      column.primaryKey().notNull().references('attempt.id').onDelete('cascade'),
    )
    .addColumn('session_id', 'text', notNull)
    .addColumn('fence', 'bigint', notNull)
    .addColumn('due_at', 'bigint', notNull)
    .execute();
  await schema.createIndex('lease_due').on('lease').column('due_at').execute();
  await schema.createIndex('lease_of_session').on('lease').column('session_id').execute();
  await schema
    .createTable('step')
    .addColumn('attempt_id', 'text', (column) => column.notNull().references('attempt.id').onDelete('cascade'))
    .addColumn('number', 'integer', notNull)
    .addColumn('state', 'text', notNull)
    .addColumn('report', 'text', notNull)
    .addPrimaryKeyConstraint('step_number', ['attempt_id', 'number'])
    .execute();
  await schema
    .createTable('journal')
    .addColumn('attempt_id', 'text', (column) => column.notNull().references('attempt.id').onDelete('cascade'))
    .addColumn('seq', 'integer', notNull)
    .addColumn('hash', 'text', notNull)
    .addColumn('at', 'bigint', notNull)
    .addColumn('body', 'text', notNull)
    .addPrimaryKeyConstraint('journal_order', ['attempt_id', 'seq'])
    .execute();
  if (dialect === 'sqlite') return;
  // Small tables whose rows come and go all the time: room for updates in place, and swept early.
  await sql`alter table ready set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01)`.execute(db);
  await sql`alter table lease set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01)`.execute(db);
}

async function createAttempt({ schema }: Kysely<Database>): Promise<void> {
  await schema
    .createTable('attempt')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('job_id', 'bigint', (column) => column.notNull().references('job.id').onDelete('cascade'))
    .addColumn('run_id', 'bigint', notNull)
    .addColumn('no', 'integer', notNull)
    .addColumn('fence', 'bigint', notNull)
    .addColumn('state', 'text', notNull)
    .addColumn('conclusion', 'text')
    .addColumn('reason', 'text')
    .addColumn('lost', 'text')
    .addColumn('runner_id', 'text')
    .addColumn('session_id', 'text')
    .addColumn('policy', 'text', (column) => column.notNull().check(sql`policy in ('at-most-once', 'exclusive')`))
    .addColumn('returns', 'integer', flag)
    .addColumn('ack_seq', 'integer', flag)
    .addColumn('journal_hash', 'text', notNull)
    .addColumn('quarantined', 'integer', flag)
    .addColumn('cancel_cause', 'text')
    .addColumn('cancel_force', 'integer', flag)
    .addColumn('cancel_at', 'bigint')
    .addColumn('late_report', 'text')
    .addColumn('queued_at', 'bigint', notNull)
    .addColumn('offered_at', 'bigint')
    .addColumn('accepted_at', 'bigint')
    .addColumn('started_at', 'bigint')
    .addColumn('disconnected_at', 'bigint')
    .addColumn('finished_at', 'bigint')
    .addUniqueConstraint('attempt_no', ['job_id', 'no'])
    .addCheckConstraint('attempt_end', sql`(state = 'finished') = (finished_at is not null)`)
    .addCheckConstraint('attempt_conclusion', sql`(state = 'finished') = (conclusion is not null)`)
    .addCheckConstraint(
      'attempt_holder',
      sql`state in ('queued', 'finished') or (runner_id is not null and session_id is not null)`,
    )
    .execute();
  await schema.createIndex('attempt_of_run').on('attempt').column('run_id').execute();
  for (const column of ['runner_id', 'session_id'])
    await schema
      .createIndex(`attempt_live_by_${column}`)
      .on('attempt')
      .column(column)
      .where(sql.ref('state'), 'in', sql`('offered', 'accepted', 'running', 'disconnected')`)
      .execute();
}
