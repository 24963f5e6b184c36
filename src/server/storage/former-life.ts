import type { Kysely } from 'kysely';
import type { Database } from '../database.ts';

/** The row of `setting` with the last fence of the life before the database was restored; later ones are of this one. */
export const FORMER_FENCE_SETTING = 'former-fence';

/**
 * The row of `setting` that says until when nothing is offered that was queued before the database was restored, in
 * milliseconds since the epoch; `RESTORED` until a server starts on it.
 */
export const HELD_SETTING = 'offers-held-until';
export const RESTORED = 'restored';

/** Fences up to this were given by the life before the database was restored; null where it never was. */
export async function formerFence(db: Kysely<Database>): Promise<number | null> {
  const row = await db
    .selectFrom('setting')
    .select('value')
    .where('name', '=', FORMER_FENCE_SETTING)
    .executeTakeFirst();
  return row ? Number(row.value) : null;
}

/**
 * At the first start after a restore: what is queued may have run since the backup was made. Agents that ran it have
 * until `until` to say so. Once, whatever the number of servers.
 */
export async function holdOffers(db: Kysely<Database>, until: number): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('setting')
    .set({ value: String(until) })
    .where('name', '=', HELD_SETTING)
    .where('value', '=', RESTORED)
    .executeTakeFirst();
  if (numUpdatedRows > 0n)
    await db.updateTable('ready').set({ not_before: until }).where('not_before', '<', until).execute();
}

/**
 * Until then what was offered to one runner before the restore may have been run by another, and stays as it is; 0 where
 * the database was not restored.
 */
export async function offersHeldUntil(db: Kysely<Database>): Promise<number> {
  const row = await db.selectFrom('setting').select('value').where('name', '=', HELD_SETTING).executeTakeFirst();
  return row && row.value !== RESTORED ? Number(row.value) : 0;
}
