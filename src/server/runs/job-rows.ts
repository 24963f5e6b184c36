import type { JobConcluded, JobSettled, JobWaits } from '../../flow/flow-event.ts';
import { firstAttempt, keySuffix } from '../../flow/key-suffix.ts';
import { unstartedJob } from '../../flow/unstarted-job.ts';
import type { Selectable } from 'kysely';
import type { Database } from '../database.ts';
import type { OperationContext } from '../operation.ts';
import { readJobReport } from './job-report.ts';
import { emit, isoTime } from './run-events.ts';
import type { RunRow } from './run-row.ts';

/** What the row of a job has whatever becomes of it. */
export function rowOfJob(run: RunRow, job: Pick<JobWaits, 'key' | 'id' | 'instance' | 'name' | 'matrix'>) {
  const { key, id, instance, name, matrix } = job;
  const { iteration, attempt } = keySuffix(key);
  return {
    run_id: run.id,
    run_attempt: run.attempt,
    key,
    job_id: id,
    instance,
    iteration,
    execution: attempt,
    name,
    matrix: matrix === null ? null : JSON.stringify(matrix),
    outputs: '{}',
    priority: run.priority,
    attempt_no: 0,
  };
}

/** A job that is over without a start. */
export async function settleJob(context: OperationContext, run: RunRow, job: JobSettled): Promise<void> {
  const { db, now } = context;
  const { key, id, instance, name, matrix, conclusion, reason, message } = job;
  const end = { state: 'completed', waits: null, conclusion, reason, message, completed_at: now } as const;
  await db
    .insertInto('job')
    .values({ ...rowOfJob(run, job), ...end, needs: '[]', labels: '[]', policy: 'at-most-once' })
    // It waited, and is over without a start.
    .onConflict((conflict) =>
      conflict
        .columns(['run_id', 'run_attempt', 'key'])
        .doUpdateSet({ ...end, name })
        .where('job.state', '=', 'waiting'),
    )
    .execute();
  const at = isoTime(now);
  const { iteration, attempt } = keySuffix(key);
  const report = unstartedJob({ id, name, instance, matrix, conclusion, reason, message }, at);
  await emit(context, run.id, { type: 'job-completed', at, job: key, report: { ...report, iteration, attempt } });
}

/** A job that is over, and counts for something else than was shown of it. */
export async function concludeJob(context: OperationContext, run: RunRow, job: JobConcluded): Promise<void> {
  const { db, now } = context;
  const { key, conclusion, reason, message } = job;
  const row = await db
    .selectFrom('job')
    .selectAll()
    .where('run_id', '=', run.id)
    .where('run_attempt', '=', run.attempt)
    .where('key', '=', key)
    .where('state', '=', 'completed')
    .executeTakeFirst();
  if (!row || (row.conclusion === conclusion && row.reason === reason && row.message === message)) return;
  const changed = { conclusion, reason, message };
  await db.updateTable('job').set(changed).where('id', '=', row.id).execute();
  const report = await readJobReport(context, { ...row, ...changed });
  await emit(context, run.id, { type: 'job-completed', at: isoTime(now), job: key, report });
}

/** A job of an earlier attempt of the run that counts in this one as well: with its logs, which stay where they are. */
export async function keepJob(context: OperationContext, run: RunRow, key: string): Promise<void> {
  const { db, now } = context;
  const row = await rowToKeep(context, run, key);
  const kept = await db
    .insertInto('job')
    .values({ ...row, id: undefined, key, run_attempt: run.attempt })
    .returningAll()
    .executeTakeFirstOrThrow();
  const report = await readJobReport(context, kept);
  await emit(context, run.id, { type: 'job-completed', at: isoTime(now), job: key, report });
}

async function rowToKeep({ db }: OperationContext, run: RunRow, key: string): Promise<Selectable<Database['job']>> {
  const before = db
    .selectFrom('job')
    .selectAll()
    .where('run_id', '=', run.id)
    .where('run_attempt', '<', run.attempt)
    .orderBy('run_attempt', 'desc')
    .orderBy('execution', 'desc');
  const row = await before.where('key', '=', key).limit(1).executeTakeFirst();
  if (row?.conclusion === 'success') return row;
  // A later attempt of it is what counted.
  const others = await before.where('key', 'like', `${key}~%`).where('conclusion', '=', 'success').execute();
  const later = others.find((candidate) => firstAttempt(candidate.key) === key) ?? row;
  if (later === undefined) throw new RangeError(`there is no job ${key} in an earlier attempt of run ${run.id}`);
  return later;
}
