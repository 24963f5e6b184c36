import type { RunConclusion } from '../../protocol/conclusion.ts';
import type { OperationContext } from '../operation.ts';
import { clearTimers } from './flow-timers.ts';
import { emit, isoTime } from './run-events.ts';
import type { RunRow } from './run-row.ts';

/** The run is over; its state is needed for a re-run only, and read again for that. */
export async function completeRun(context: OperationContext, run: RunRow, conclusion: RunConclusion): Promise<void> {
  const { db, now } = context;
  await db
    .updateTable('run')
    .set({ state: 'completed', conclusion, waiting: null, paused: 0, completed_at: now })
    .where('id', '=', run.id)
    .execute();
  // What waited as a whole may have come to its end by what is in it.
  await db
    .deleteFrom('job')
    .where('run_id', '=', run.id)
    .where('run_attempt', '=', run.attempt)
    .where('state', '=', 'waiting')
    .execute();
  await clearTimers(context, run.id);
  await emit(context, run.id, { type: 'run-completed', at: isoTime(now), conclusion });
  context.note('run ended', { run: run.id, conclusion });
  context.runs.drop(run.id);
}
