import type { RunSummary } from '../../protocol/run-api.ts';
import { requestCancel } from '../dispatch/request-cancel.ts';
import { type OperationContext, Refusal } from '../operation.ts';
import { audit } from '../secrets/audit.ts';
import { lockRun } from './run-row.ts';
import { readSummaries } from './run-summaries.ts';
import { tellRun } from './tell-run.ts';

/** Cancels a run as a user does. `force` spares no job, whatever its condition says, and ends running steps at once. */
export async function cancelRun(
  context: OperationContext,
  { run: id, force, actor }: { readonly run: number; readonly force: boolean; readonly actor: string },
): Promise<RunSummary> {
  const { db } = context;
  const run = await lockRun(context, id);
  if (run === null) throw noRun(id);
  if (run.state === 'completed') throw new Refusal('conflict', 'already-final', `run ${id} has ended`);
  await db.updateTable('run').set({ cancelling: 'user' }).where('id', '=', id).execute();
  await audit(context, { actor, action: 'run.cancel', target: `run ${id}`, detail: { force } });
  await tellRun(context, id, { kind: 'cancel', cause: 'user', force });
  if (force) await forceAttempts(context, id);
  return oneSummary(context, id);
}

export async function oneSummary(context: OperationContext, id: number): Promise<RunSummary> {
  const [summary] = await readSummaries(context, [id]);
  if (!summary) throw noRun(id);
  return summary;
}

export function noRun(id: number): Refusal {
  return new Refusal('not_found', null, `there is no run ${id}`);
}

/** Flow asks each job once; by force it is asked again. */
async function forceAttempts(context: OperationContext, run: number): Promise<void> {
  const rows = await context.db
    .selectFrom('attempt')
    .select('id')
    .where('run_id', '=', run)
    .where('state', '!=', 'finished')
    .orderBy('id')
    .execute();
  for (const { id: attemptId } of rows) await requestCancel(context, { attemptId, cause: 'user', force: true });
}
