import type { Kysely } from 'kysely';
import type { Database } from '../../database.ts';
import type { Migration } from '../migrations.ts';
import { flag, notNull } from './0001/identity-column.ts';

/** Groups of runners and who may use them, what agents say of themselves, registrations that are good for one job. */
export const fleet: Migration = {
  name: 'groups of runners',
  async up(db) {
    const { schema } = db;
    await schema
      .createTable('runner_group')
      .addColumn('name', 'text', (column) => column.primaryKey().notNull())
      .addColumn('tier', 'text', notNull)
      .addColumn('repositories', 'text', notNull)
      .addColumn('created_at', 'bigint', notNull)
      .execute();
    await defaultGroup(db);
    await schema
      .alterTable('runner')
      .addColumn('group_name', 'text', (column) => column.notNull().defaultTo('default'))
      .execute();
    await schema.alterTable('runner').addColumn('jit', 'integer', flag).execute();
    await schema
      .alterTable('session')
      .addColumn('takes_work', 'integer', (column) => column.notNull().defaultTo(1))
      .execute();
    await schema.alterTable('session').addColumn('note', 'text').execute();
    await schema.alterTable('session').addColumn('leave_asked', 'integer', flag).execute();
    await schema.alterTable('token').addColumn('group_name', 'text').execute();
    await schema.alterTable('token').addColumn('jit', 'text').execute();
    await schema.alterTable('run').addColumn('untrusted', 'integer', flag).execute();
    // A label set that no job names can go; the key of `job` asks that too.
    await schema.createIndex('job_label_set').on('job').column('label_set_id').execute();
  },
};

/** There always is one, which every repository may use until somebody says otherwise. */
async function defaultGroup(db: Kysely<Database>): Promise<void> {
  const group = { name: 'default', tier: 'trusted' as const, repositories: '["*"]', created_at: 0 };
  await db.insertInto('runner_group').values(group).execute();
}
