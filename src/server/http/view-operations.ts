import type { StepReport } from '../../protocol/report.ts';
import { Refusal } from '../operation.ts';
import type { OperationContext } from '../operation.ts';

export interface JobLogs {
  /** The job's key. */
  readonly job: string;
  readonly name: string;
  /** Null: no attempt was made at it. */
  readonly attempt: string | null;
  readonly steps: readonly { readonly number: number; readonly name: string }[];
}

/**
 * Where the logs of a run's jobs are, or of one job: of the run's last attempt or of an earlier one, of the job's last
 * try or of an earlier one. A job that a re-run kept has a row in its attempt as well, with the logs of the one before.
 */
export async function findLogs(
  { db }: OperationContext,
  input: {
    readonly run: number;
    readonly job: string | null;
    readonly attempt: number | null;
    readonly try: number | null;
  },
): Promise<{ jobs: JobLogs[] }> {
  const run = await db.selectFrom('run').select('attempt').where('id', '=', input.run).executeTakeFirst();
  if (!run) throw noRun(input.run);
  const rows = await db
    .selectFrom('job')
    .select(['id', 'key', 'name', 'attempt_id'])
    .where('run_id', '=', input.run)
    .where('run_attempt', '=', input.attempt ?? run.attempt)
    .$if(input.job !== null, (query) => query.where('key', '=', input.job ?? ''))
    .orderBy('id')
    .execute();
  if (input.job !== null && rows.length === 0)
    throw new Refusal('not_found', null, `run ${input.run} has no job ${input.job}, or it has not started`);
  const jobs: JobLogs[] = [];
  for (const { id, key, name, attempt_id } of rows) {
    const attempt = input.try === null ? attempt_id : await attemptOf(attempt_id, id, input.try);
    const steps =
      attempt === null
        ? []
        : await db
            .selectFrom('step')
            .select(['number', 'report'])
            .where('attempt_id', '=', attempt)
            .orderBy('number')
            .execute();
    jobs.push({
      job: key,
      name,
      attempt,
      steps: steps.map(({ number, report }) => ({ number, name: (JSON.parse(report) as StepReport).name })),
    });
  }
  return { jobs };

  async function attemptOf(last: string | null, job: number, no: number): Promise<string> {
    // A job that was kept has the attempts of the row that it was kept from.
    const of = await db
      .selectFrom('attempt')
      .select('job_id')
      .where('id', '=', last ?? '')
      .executeTakeFirst();
    const row = await db
      .selectFrom('attempt')
      .select('id')
      .where('job_id', '=', of?.job_id ?? job)
      .where('no', '=', no)
      .executeTakeFirst();
    if (!row) throw new Refusal('not_found', null, `there was no try ${no} of this job`);
    return row.id;
  }
}

/** Whether anything more is to come of a step's log. */
export async function readLogState(
  { db }: OperationContext,
  { attempt, step }: { readonly attempt: string; readonly step: number },
): Promise<{ attempt: 'open' | 'finished' | 'lost'; stepCompleted: boolean; length: number; announced: number }> {
  const row = await db.selectFrom('attempt').select(['state', 'lost']).where('id', '=', attempt).executeTakeFirst();
  const stepRow = await db
    .selectFrom('step')
    .select('state')
    .where('attempt_id', '=', attempt)
    .where('number', '=', step)
    .executeTakeFirst();
  const stream = await db
    .selectFrom('log_stream')
    .select(['length', 'announced'])
    .where('attempt_id', '=', attempt)
    .where('step', '=', step)
    .executeTakeFirst();
  return {
    attempt: row?.state !== 'finished' ? 'open' : row.lost === null ? 'finished' : 'lost',
    stepCompleted: stepRow?.state === 'completed',
    length: stream?.length ?? 0,
    announced: stream?.announced ?? 0,
  };
}

function noRun(run: number): Refusal {
  return new Refusal('not_found', null, `there is no run ${run}`);
}
