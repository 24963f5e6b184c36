import type { Kysely } from 'kysely';
import type { Database } from '../database.ts';

/**
 * The row of `setting` that names one life of a database: another after it was restored from a backup, so that agents
 * tell it again what the backup did not have yet.
 */
export const INCARNATION_SETTING = 'incarnation';

/** In place of the machine of sessions that were opened before the database was restored. */
export const SESSION_OF_ANOTHER_LIFE = 'another-life';

/** Names a database that has no name yet. */
export async function ensureIncarnation(db: Kysely<Database>, name: string): Promise<void> {
  await db
    .insertInto('setting')
    .values({ name: INCARNATION_SETTING, value: name })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
}
