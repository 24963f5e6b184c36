import type { Reason } from '../../protocol/conclusion.ts';
import type { StepState } from '../../protocol/events.ts';
import type { StepReport } from '../../protocol/report.ts';
import type { OperationContext } from '../operation.ts';
import { stepChanged } from '../runs/step-changed.ts';

/** Ends the steps of an attempt that nobody will speak for any more: what had begun with the job, what had not never. */
export async function endOpenSteps(
  context: OperationContext,
  attemptId: string,
  { conclusion, reason }: { readonly conclusion: 'failure' | 'cancelled'; readonly reason: Reason },
): Promise<void> {
  const { db, now } = context;
  const rows = await db
    .selectFrom('step')
    .selectAll()
    .where('attempt_id', '=', attemptId)
    .where('state', '!=', 'completed')
    .orderBy('number')
    .execute();
  for (const { number, state, report } of rows) {
    const before = JSON.parse(report) as StepReport;
    const outcome = outcomeOf(state as StepState, conclusion);
    const step: StepReport = {
      ...before,
      outcome,
      conclusion: outcome,
      reason,
      completedAt: new Date(now).toISOString(),
    };
    await db
      .updateTable('step')
      .set({ state: 'completed', report: JSON.stringify(step) })
      .where('attempt_id', '=', attemptId)
      .where('number', '=', number)
      .execute();
    await stepChanged(context, { attemptId, state: 'completed', step });
  }
}

function outcomeOf(state: StepState, conclusion: 'failure' | 'cancelled'): 'failure' | 'cancelled' | 'skipped' {
  if (state === 'pending') return 'skipped';
  return state === 'running' ? conclusion : 'cancelled';
}
