import type { JobSettled } from '../../flow/flow-event.ts';
import { unstartedJob } from '../../flow/unstarted-job.ts';
import type { JsonMap } from '../../protocol/job-message.ts';
import type { OperationContext } from '../operation.ts';
import { readJobReport } from './job-report.ts';
import { emit, isoTime } from './run-events.ts';
import type { RunRow } from './run-row.ts';

/** A job that is over without a start. */
export async function settleJob(context: OperationContext, run: RunRow, job: JobSettled): Promise<void> {
  const { db, now } = context;
  const { key, id, instance, name, matrix, conclusion, reason, message } = job;
  await db
    .insertInto('job')
    .values({
      run_id: run.id,
      run_attempt: run.attempt,
      key,
      job_id: id,
      instance,
      name,
      matrix: matrix === null ? null : JSON.stringify(matrix),
      needs: '[]',
      state: 'completed',
      conclusion,
      reason,
      message,
      outputs: '{}',
      labels: '[]',
      priority: run.priority,
      policy: 'at-most-once',
      attempt_no: 0,
      completed_at: now,
    })
    .execute();
  const at = isoTime(now);
  const report = unstartedJob({ id, name, instance, matrix, conclusion, reason, message }, at);
  await emit(context, run.id, { type: 'job-completed', at, job: key, report });
}

/** A job of an earlier attempt of the run that counts in this one as well: with its logs, which stay where they are. */
export async function keepJob(context: OperationContext, run: RunRow, key: string): Promise<void> {
  const { db, now } = context;
  const row = await db
    .selectFrom('job')
    .selectAll()
    .where('run_id', '=', run.id)
    .where('run_attempt', '<', run.attempt)
    .where('key', '=', key)
    .orderBy('run_attempt', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow();
  const kept = await db
    .insertInto('job')
    .values({ ...row, id: undefined, run_attempt: run.attempt })
    .returningAll()
    .executeTakeFirstOrThrow();
  const report = await readJobReport(context, kept);
  await emit(context, run.id, { type: 'job-completed', at: isoTime(now), job: key, report });
}

export function parseMap(text: string | null): JsonMap | null {
  return text === null ? null : (JSON.parse(text) as JsonMap);
}
