import type { OperationContext } from '../operation.ts';
import { noRun } from './cancel-run.ts';

/** Events of a run after an id, in order; `completed`: the run has ended, and there are no more than these. */
export async function eventsAfter(
  { db }: OperationContext,
  { run, after, limit }: { readonly run: number; readonly after: number; readonly limit: number },
): Promise<{ events: { id: number; body: string }[]; completed: boolean }> {
  const row = await db.selectFrom('run').select('state').where('id', '=', run).executeTakeFirst();
  if (!row) throw noRun(run);
  const events = await db
    .selectFrom('event')
    .select(['id', 'body'])
    .where('run_id', '=', run)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute();
  return { events, completed: row.state === 'completed' && events.length < limit };
}
