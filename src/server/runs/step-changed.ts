import type { StepState } from '../../protocol/events.ts';
import type { Annotation, StepReport } from '../../protocol/report.ts';
import type { OperationContext } from '../operation.ts';
import { emit, isoTime } from './run-events.ts';

/** Tells viewers of a step. Its row is the caller's. */
export async function stepChanged(
  context: OperationContext,
  change: {
    readonly attemptId: string;
    readonly state: StepState;
    readonly step: StepReport;
    /** As reported; default: now. */
    readonly at?: string;
  },
): Promise<void> {
  const { attemptId, state, step, at = isoTime(context.now) } = change;
  const job = await jobOfAttempt(context, attemptId);
  if (job === null) return;
  const { number, conclusion, reason } = step;
  const ids = { run: job.runId, job: job.jobId, attempt: attemptId, step: number };
  context.note('step changed', { ...ids, state, conclusion, reason });
  await emit(context, job.runId, { type: 'step', at, job: job.key, state, step });
}

/** An annotation that a step made, as it comes; the step's report has it too. */
export async function annotated(
  context: OperationContext,
  { attemptId, ...rest }: { readonly attemptId: string; at: string; step: number; annotation: Annotation },
): Promise<void> {
  const job = await jobOfAttempt(context, attemptId);
  if (job !== null) await emit(context, job.runId, { type: 'annotation', job: job.key, ...rest });
}

async function jobOfAttempt(
  { db }: OperationContext,
  attemptId: string,
): Promise<{ readonly runId: number; readonly jobId: number; readonly key: string } | null> {
  const row = await db
    .selectFrom('attempt')
    .innerJoin('job', 'job.id', 'attempt.job_id')
    .select(['job.run_id as runId', 'job.id as jobId', 'job.key'])
    .where('attempt.id', '=', attemptId)
    .executeTakeFirst();
  return row ?? null;
}
