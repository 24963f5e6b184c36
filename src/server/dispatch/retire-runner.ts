import type { OperationContext } from '../operation.ts';
import { returnUnstarted } from './return-unstarted.ts';

/**
 * Takes a runner off the list: its session ends, what it had not begun goes to others, and what it runs may run on until
 * its lease is over, since nobody else may start it.
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
  for (const { id } of sessions) context.wake(`session:${id}`);
}
