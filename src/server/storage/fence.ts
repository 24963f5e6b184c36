import { sql } from 'kysely';
import type { OperationContext } from '../operation.ts';
import { rawStatement, Statement } from './statement.ts';

/** The row of `setting` that counts fences on SQLite; PostgreSQL has a sequence, over which servers do not wait. */
export const FENCE_SETTING = 'fence';

/** The next fence: greater than every one before, on every server of this database. Some may be left out. */
export async function nextFence(context: Pick<OperationContext, 'db' | 'connection' | 'locks'>): Promise<number> {
  const [row] = await (context.locks ? OF_SEQUENCE : OF_SETTING).execute(context, []);
  return Number(row?.fence);
}

const OF_SEQUENCE = rawStatement(() => sql<{ fence: number | string }>`select nextval('fence') as fence`);

const OF_SETTING = new Statement<{ fence: number | string }>((db) =>
  db
    .insertInto('setting')
    .values({ name: FENCE_SETTING, value: '1' })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet({ value: sql<string>`cast(cast(setting.value as integer) + 1 as text)` }),
    )
    .returning('value as fence'),
);
