import type { OperationContext } from '../operation.ts';
import { IS_LIVE } from './is-live.ts';
import { loseAttempt } from './lose-attempt.ts';
import { returnUnstarted } from './return-unstarted.ts';

/**
 * Takes a runner off the list: its session ends, what it had not begun goes to others, and what it runs is lost, as it
 * cannot say any more how that ends. An exclusive job may run there until its lease is over, and nobody else may start it
 * before.
 */
export async function retireRunner(context: OperationContext, runner: string): Promise<void> {
  const { db, now } = context;
  await db.updateTable('runner').set({ removed_at: now }).where('id', '=', runner).execute();
  const sessions = await db
    .updateTable('session')
    .set({ state: 'ended' })
    .where('runner_id', '=', runner)
    .where('state', '!=', 'ended')
    .returning('id')
    .execute();
  await returnUnstarted(context, runner, []);
  const begun = await db
    .selectFrom('attempt')
    .select(['id', 'fence'])
    .where('runner_id', '=', runner)
    .where(IS_LIVE)
    .where('state', 'in', ['running', 'disconnected'])
    .where('policy', '=', 'at-most-once')
    .orderBy('id')
    .$if(context.locks, (query) => query.forUpdate())
    .execute();
  for (const attempt of begun) await loseAttempt(context, attempt, 'runner-removed');
  for (const { id } of sessions) context.wake(`session:${id}`);
}
