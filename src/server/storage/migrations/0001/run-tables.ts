import { type Kysely, sql } from 'kysely';
import type { Database } from '../../../database.ts';
import type { DialectName } from '../../dialect.ts';
import { flag, notNull, withIdentity } from './identity-column.ts';

/** Runs, their jobs, what is told of them, and what starts them. Whatever belongs to a run goes with it. */
export async function createRunTables(db: Kysely<Database>, dialect: DialectName): Promise<void> {
  await createRun(db, dialect);
  await createJob(db, dialect);
  const { schema } = db;
  await schema
    .createTable('run_event')
    .addColumn('run_id', 'bigint', (column) => column.notNull().references('run.id').onDelete('cascade'))
    .addColumn('seq', 'integer', notNull)
    .addColumn('at', 'bigint', notNull)
    .addColumn('body', 'text', notNull)
    .addPrimaryKeyConstraint('run_event_order', ['run_id', 'seq'])
    .execute();
  // Beside the run's row, which is written at every event.
  await schema
    .createTable('run_snapshot')
    .addColumn('run_id', 'bigint', (column) => column.primaryKey().notNull().references('run.id').onDelete('cascade'))
    .addColumn('version', 'integer', notNull)
    .addColumn('state', 'text')
    .execute();
  await withIdentity(schema.createTable('event'), dialect)
    .addColumn('run_id', 'bigint', (column) => column.notNull().references('run.id').onDelete('cascade'))
    .addColumn('at', 'bigint', notNull)
    .addColumn('body', 'text', notNull)
    .execute();
  await schema.createIndex('event_of_run').on('event').columns(['run_id', 'id']).execute();
  await schema
    .createTable('group_member')
    .addColumn('scope', 'text', notNull)
    .addColumn('name', 'text', notNull)
    .addColumn('run_id', 'bigint', (column) => column.notNull().references('run.id').onDelete('cascade'))
    .addColumn('key', 'text', notNull)
    .addColumn('state', 'text', (column) => column.notNull().check(sql`state in ('holds', 'waits')`))
    .addColumn('position', 'bigint', notNull)
    .addPrimaryKeyConstraint('group_member_of_run', ['scope', 'name', 'run_id', 'key'])
    .execute();
  await schema.createIndex('group_member_run').on('group_member').column('run_id').execute();
  await schema
    .createIndex('group_holder')
    .unique()
    .on('group_member')
    .columns(['scope', 'name'])
    .where(sql.ref('state'), '=', sql.lit('holds'))
    .execute();
  await withIdentity(schema.createTable('schedule'), dialect)
    .addColumn('repo_id', 'bigint', (column) => column.notNull().references('repo.id').onDelete('cascade'))
    .addColumn('path', 'text', notNull)
    .addColumn('cron', 'text', notNull)
    .addColumn('timezone', 'text')
    .addColumn('next_at', 'bigint', notNull)
    .addColumn('last_at', 'bigint')
    .execute();
  await schema.createIndex('schedule_next').on('schedule').column('next_at').execute();
  await schema.createIndex('schedule_of_repo').on('schedule').column('repo_id').execute();
}

async function createRun({ schema }: Kysely<Database>, dialect: DialectName): Promise<void> {
  await schema
    .createTable('spec')
    .addColumn('sha256', 'text', (column) => column.primaryKey().notNull())
    .addColumn('body', 'text', notNull)
    .execute();
  await withIdentity(schema.createTable('run'), dialect)
    .addColumn('repo_id', 'bigint', (column) => column.references('repo.id').onDelete('cascade'))
    .addColumn('number', 'integer', (column) => column.notNull().defaultTo(1))
    .addColumn('name', 'text', notNull)
    .addColumn('path', 'text', notNull)
    .addColumn('event', 'text', notNull)
    .addColumn('ref', 'text')
    .addColumn('sha', 'text')
    .addColumn('actor', 'text', notNull)
    .addColumn('state', 'text', (column) => column.notNull().check(sql`state in ('waiting', 'running', 'completed')`))
    .addColumn('waiting', 'text')
    .addColumn('conclusion', 'text')
    .addColumn('version', 'integer', notNull)
    .addColumn('input_sha', 'text', notNull)
    .addColumn('submission_sha', 'text', notNull)
    .addColumn('attempt', 'integer', notNull)
    .addColumn('cancelling', 'text')
    .addColumn('priority', 'integer', flag)
    .addColumn('dedupe_key', 'text')
    .addColumn('created_at', 'bigint', notNull)
    .addColumn('started_at', 'bigint')
    .addColumn('completed_at', 'bigint')
    .addUniqueConstraint('run_once', ['repo_id', 'dedupe_key'])
    .addCheckConstraint('run_conclusion', sql`(state = 'completed') = (conclusion is not null)`)
    .addCheckConstraint('run_end', sql`(state = 'completed') = (completed_at is not null)`)
    .execute();
  await schema.createIndex('run_of_repo').on('run').columns(['repo_id', 'id']).execute();
  await schema
    .createIndex('run_open')
    .on('run')
    .column('state')
    .where(sql.ref('state'), '!=', sql.lit('completed'))
    .execute();
  await schema.createIndex('run_completed').on('run').column('completed_at').execute();
  await schema.createIndex('run_input').on('run').column('input_sha').execute();
  await schema.createIndex('run_submission').on('run').column('submission_sha').execute();
}

async function createJob({ schema }: Kysely<Database>, dialect: DialectName): Promise<void> {
  await withIdentity(schema.createTable('job'), dialect)
    .addColumn('run_id', 'bigint', (column) => column.notNull().references('run.id').onDelete('cascade'))
    .addColumn('run_attempt', 'integer', notNull)
    .addColumn('key', 'text', notNull)
    .addColumn('job_id', 'text', notNull)
    .addColumn('instance', 'integer', notNull)
    .addColumn('name', 'text', notNull)
    .addColumn('matrix', 'text')
    .addColumn('needs', 'text', notNull)
    .addColumn('state', 'text', (column) =>
      column.notNull().check(sql`state in ('waiting', 'queued', 'running', 'completed')`),
    )
    .addColumn('conclusion', 'text')
    .addColumn('reason', 'text')
    .addColumn('message', 'text')
    .addColumn('outputs', 'text', notNull)
    .addColumn('command', 'text')
    .addColumn('labels', 'text', notNull)
    .addColumn('label_set_id', 'bigint', (column) => column.references('label_set.id'))
    .addColumn('priority', 'integer', flag)
    .addColumn('policy', 'text', (column) => column.notNull().check(sql`policy in ('at-most-once', 'exclusive')`))
    .addColumn('attempt_no', 'integer', flag)
    .addColumn('attempt_id', 'text')
    .addColumn('queued_at', 'bigint')
    .addColumn('started_at', 'bigint')
    .addColumn('completed_at', 'bigint')
    .addUniqueConstraint('job_key', ['run_id', 'run_attempt', 'key'])
    .addCheckConstraint('job_conclusion', sql`(state = 'completed') = (conclusion is not null)`)
    .execute();
}
