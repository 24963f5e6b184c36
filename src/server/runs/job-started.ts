import { firstAttempt } from '../../flow/key-suffix.ts';
import { Table } from '../../flow/table.ts';
import type { OperationContext } from '../operation.ts';
import { Statement } from '../storage/statement.ts';
import { emit } from './run-events.ts';
import { readRun, type RunRow } from './run-row.ts';
import { stateOf } from './run-state.ts';
import { tellRun } from './tell-run.ts';

/** The attempt of a job runs now. Told twice, it changes nothing. */
export async function jobStarted(
  context: OperationContext,
  {
    attemptId,
    jobId,
    runId,
    at,
  }: { readonly attemptId: string; readonly jobId: number; readonly runId: number; readonly at: string },
): Promise<void> {
  const { now } = context;
  const [job] = await START_JOB.execute(context, [now, jobId, attemptId]);
  if (!job) return;
  await emit(context, runId, { type: 'job-started', at, job: job.key, name: job.name, id: job.job_id });
  const run = await readRun(context, runId);
  if (run?.started_at === null) await START_RUN.execute(context, [now, runId]);
  if (run !== null && job.command !== null && (await isWatched(context, run, job.key)))
    await tellRun(context, runId, { kind: 'job-started', key: job.key });
}

const START_JOB = new Statement((db, hole) =>
  db
    .updateTable('job')
    .set({ state: 'running', started_at: hole() })
    .where('id', '=', hole())
    .where('attempt_id', '=', hole())
    .where('state', '=', 'queued')
    .returning(['key', 'job_id', 'name', 'command']),
);
const START_RUN = new Statement((db, hole) =>
  db.updateTable('run').set({ started_at: hole() }).where('id', '=', hole()).where('started_at', 'is', null),
);

/** Whether another job looks at where this one is. Most events of most runs would be those that mean nothing. */
async function isWatched(context: OperationContext, run: RunRow, key: string): Promise<boolean> {
  if (run.state === 'completed') return false;
  const { instances, jobs } = await stateOf(context, run);
  const instance = new Table(instances).find(firstAttempt(key));
  return instance !== null && (new Table(jobs).find(instance.job)?.watchers.length ?? 0) > 0;
}
