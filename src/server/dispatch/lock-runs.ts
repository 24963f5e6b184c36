import { type RawBuilder, sql } from 'kysely';
import type { OperationContext } from '../operation.ts';

/**
 * Runs come before attempts wherever both are locked: whoever locks attempts and may end their jobs calls this first.
 *
 * @param attempts The condition on the attempts whose runs are meant.
 */
export async function lockRunsOf({ db, locks }: OperationContext, attempts: RawBuilder<unknown>): Promise<void> {
  if (!locks) return;
  await sql`select id from run where id in (select run_id from attempt where ${attempts})
    order by id for no key update`.execute(db);
}
