import type { OperationContext } from '../operation.ts';
import { holdTimers } from './flow-timers.ts';
import { emit, isoTime } from './run-events.ts';
import { PAUSED_MS } from '../dispatch/limits.ts';

/**
 * Holds back what has not begun, or lets it go on: what waits for a runner keeps its place in the queue, timers go on
 * without being looked at.
 */
export async function showPaused(context: OperationContext, runId: number, paused: boolean): Promise<void> {
  const { db, now } = context;
  await db
    .updateTable('run')
    .set({ paused: paused ? 1 : 0 })
    .where('id', '=', runId)
    .execute();
  await holdTimers(context, runId, paused ? 1 : 0);
  await db
    .updateTable('ready')
    .set((set) => ({ not_before: set('not_before', paused ? '+' : '-', PAUSED_MS) }))
    .where('job_id', 'in', db.selectFrom('job').select('id').where('run_id', '=', runId))
    .where('not_before', paused ? '<' : '>=', PAUSED_MS)
    .execute();
  if (!paused) await wakeQueues(context, runId);
  await emit(context, runId, { type: 'run-paused', at: isoTime(now), paused });
}

async function wakeQueues(context: OperationContext, runId: number): Promise<void> {
  const rows = await context.db
    .selectFrom('ready')
    .innerJoin('job', 'job.id', 'ready.job_id')
    .select('ready.label_set_id')
    .distinct()
    .where('job.run_id', '=', runId)
    .execute();
  for (const { label_set_id } of rows) context.wake(`queue:${label_set_id}`);
}
