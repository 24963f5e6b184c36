import { sql } from 'kysely';
import type { Migration } from '../migrations.ts';
import { flag, notNull } from './0001/identity-column.ts';

/** Jobs that are begun more than once and wait for more than runners, timers of runs, groups of several holders. */
export const flow: Migration = {
  name: 'flow between jobs',
  async up(db) {
    const { schema } = db;
    await schema.alterTable('run').addColumn('paused', 'integer', flag).execute();
    for (const column of ['iteration', 'execution'])
      await schema
        .alterTable('job')
        .addColumn(column, 'integer', (added) => added.notNull().defaultTo(1))
        .execute();
    await schema.alterTable('job').addColumn('waits', 'text').execute();
    await schema
      .alterTable('group_member')
      .addColumn('capacity', 'integer', (added) => added.notNull().defaultTo(1))
      .execute();
    // Whoever wants a group for itself alone has it alone; the others count.
    await schema.dropIndex('group_holder').execute();
    await schema
      .createIndex('group_holder')
      .unique()
      .on('group_member')
      .columns(['scope', 'name'])
      .where(sql.ref('state'), '=', sql.lit('holds'))
      .where(sql.ref('capacity'), '=', sql.lit(1))
      .execute();
    await schema
      .createTable('flow_timer')
      .addColumn('run_id', 'bigint', (column) => column.notNull().references('run.id').onDelete('cascade'))
      .addColumn('id', 'text', notNull)
      .addColumn('due_at', 'bigint', notNull)
      .addColumn('held', 'integer', flag)
      .addPrimaryKeyConstraint('flow_timer_of_run', ['run_id', 'id'])
      .execute();
    await schema
      .createIndex('flow_timer_due')
      .on('flow_timer')
      .column('due_at')
      .where(sql.ref('held'), '=', sql.lit(0))
      .execute();
  },
};
