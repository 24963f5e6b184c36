import type { Kysely } from 'kysely';
import type { Database } from '../database.ts';
import { FORMER_FENCE_SETTING, HELD_SETTING, RESTORED } from './former-life.ts';
import { INCARNATION_SETTING, SESSION_OF_ANOTHER_LIFE } from './incarnation.ts';

/** Further than any server counts between a backup and its restore: no fence of that time is given out again. */
export const FENCE_LEAP = 1_000_000_000;

/**
 * Sessions end with the life that opened them: their agents have to come with what they have on their disks, and what
 * they do not speak of at first they may have stored in the life that is gone (see `SESSION_OF_ANOTHER_LIFE`).
 *
 * @param fence The first that the new life gives out.
 */
export async function beginLife(db: Kysely<Database>, name: string, fence: string): Promise<void> {
  await putSetting(db, INCARNATION_SETTING, name);
  await putSetting(db, HELD_SETTING, RESTORED);
  await putSetting(db, FORMER_FENCE_SETTING, fence);
  await db.updateTable('session').set({ state: 'ended', machine_id: SESSION_OF_ANOTHER_LIFE }).execute();
}

export async function putSetting(db: Kysely<Database>, name: string, value: string): Promise<void> {
  await db
    .insertInto('setting')
    .values({ name, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute();
}
