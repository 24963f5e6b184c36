import { sql } from 'kysely';
import type { OperationContext } from '../operation.ts';

/** The row of `setting` that counts fences on SQLite; PostgreSQL has a sequence, over which servers do not wait. */
export const FENCE_SETTING = 'fence';

/** The next fence: greater than every one before, on every server of this database. Some may be left out. */
export async function nextFence({ db, locks }: Pick<OperationContext, 'db' | 'locks'>): Promise<number> {
  if (locks) {
    const { rows } = await sql<{ fence: number }>`select nextval('fence') as fence`.execute(db);
    return Number(rows[0]?.fence);
  }
  const { value } = await db
    .insertInto('setting')
    .values({ name: FENCE_SETTING, value: '1' })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet({ value: sql<string>`cast(cast(setting.value as integer) + 1 as text)` }),
    )
    .returning('value')
    .executeTakeFirstOrThrow();
  return Number(value);
}
