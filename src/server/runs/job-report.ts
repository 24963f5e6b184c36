import type { Selectable } from 'kysely';
import { failedSetUp, hasFailed } from '../../flow/unstarted-job.ts';
import type { JobConclusion, Reason } from '../../protocol/conclusion.ts';
import type { JsonMap } from '../../protocol/job-message.ts';
import type { JobReport, StepReport } from '../../protocol/report.ts';
import type { Database } from '../database.ts';
import type { OperationContext } from '../operation.ts';
import { Statement } from '../storage/statement.ts';
import { isoTime } from './run-events.ts';

/** The report of a job that is over, from what is stored of it. */
export async function readJobReport(
  context: OperationContext,
  job: Selectable<Database['job']>,
  times: { readonly startedAt: string | null; readonly completedAt: string | null } | null = null,
): Promise<JobReport> {
  const rows = job.attempt_id === null ? [] : await READ_STEPS.execute(context, [job.attempt_id]);
  const steps = rows.map(({ report }) => JSON.parse(report) as StepReport);
  const completedAt = times?.completedAt ?? isoTime(job.completed_at ?? 0);
  const conclusion = job.conclusion as JobConclusion;
  const reason = job.reason as Reason | null;
  // A sentence there is stands where people look for it: at a step.
  const says = job.message !== null && hasFailed({ conclusion, reason }) && steps.length === 0;
  return {
    id: job.job_id,
    name: job.name,
    instance: job.instance,
    matrix: job.matrix === null ? null : (JSON.parse(job.matrix) as JsonMap),
    iteration: job.iteration,
    attempt: triesOf(job),
    conclusion,
    reason,
    outputs: JSON.parse(job.outputs) as Record<string, string>,
    startedAt: times?.startedAt ?? (job.started_at === null ? null : isoTime(job.started_at)),
    completedAt,
    steps: says ? [failedSetUp(job.message ?? '', reason, completedAt)] : steps,
  };
}

const READ_STEPS = new Statement((db, hole) =>
  db.selectFrom('step').select('report').where('attempt_id', '=', hole()).orderBy('number'),
);

/** Executions by `retry`, and those after the loss of a runner. */
export function triesOf({
  execution,
  attempt_no,
}: Pick<Selectable<Database['job']>, 'execution' | 'attempt_no'>): number {
  return execution - 1 + Math.max(attempt_no, 1);
}
