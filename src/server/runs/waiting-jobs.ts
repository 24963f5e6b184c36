import type { JobWaits } from '../../flow/flow-event.ts';
import { waitsText } from '../../flow/waits-text.ts';
import type { OperationContext } from '../operation.ts';
import { rowOfJob } from './job-rows.ts';
import { emit, isoTime } from './run-events.ts';
import type { RunRow } from './run-row.ts';

/** A job that could start but for something: shown with what it is until it starts or is over. */
export async function showWaiting(context: OperationContext, run: RunRow, job: JobWaits): Promise<void> {
  const { db, now } = context;
  const waits = JSON.stringify(job.for);
  await db
    .insertInto('job')
    .values({ ...rowOfJob(run, job), state: 'waiting', waits, needs: '[]', labels: '[]', policy: 'at-most-once' })
    .onConflict((conflict) =>
      conflict.columns(['run_id', 'run_attempt', 'key']).doUpdateSet({ waits }).where('job.state', '=', 'waiting'),
    )
    .execute();
  const { key, id, name } = job;
  await emit(context, run.id, { type: 'waiting', at: isoTime(now), job: key, id, name, reason: waitsText(job.for) });
}

/** Of jobs that waited as a whole and have instances now. */
export async function forgetWaiting({ db }: OperationContext, run: RunRow, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await db
    .deleteFrom('job')
    .where('run_id', '=', run.id)
    .where('run_attempt', '=', run.attempt)
    .where('key', 'in', keys)
    .where('state', '=', 'waiting')
    .execute();
}
