import type { FlowEvent } from '../../src/flow/flow-event.ts';
import { moveAttempt } from '../../src/server/dispatch/move-attempt.ts';
import type { OperationContext } from '../../src/server/operation.ts';
import { jobEnded } from '../../src/server/runs/job-ended.ts';
import { jobStarted } from '../../src/server/runs/job-started.ts';

interface JobOf {
  readonly run: number;
  readonly key: string;
}

/** An agent takes the job and begins with it. Told twice, it changes nothing. */
export async function startJob(context: OperationContext, { run, key }: JobOf): Promise<null> {
  const job = await find(context, { run, key });
  if (job?.state !== 'queued') return null;
  const { id, attempt, fence } = job;
  await moveAttempt(context, { id: attempt, fence }, { to: 'offered', session: 's', runner: 'r', fence: fence + 1 });
  const held = { id: attempt, fence: fence + 1 };
  await moveAttempt(context, held, { to: 'accepted' });
  await moveAttempt(context, held, { to: 'running' });
  const at = new Date(context.now).toISOString();
  await jobStarted(context, { attemptId: attempt, jobId: id, runId: run, at });
  return null;
}

/** An agent reports the end of the job. Told twice, it changes nothing. */
export async function endJob(
  context: OperationContext,
  { run, event }: { readonly run: number; readonly event: FlowEvent & { readonly kind: 'job-completed' } },
): Promise<null> {
  const { key, conclusion, reason, wish } = event;
  const outputs = event.outputs as Readonly<Record<string, string>>;
  const job = await find(context, { run, key });
  if (!job) return null;
  const { id, attempt, fence } = job;
  const end = { to: 'finished', conclusion, reason, lost: null, reported: true } as const;
  await moveAttempt(context, { id: attempt, fence }, end);
  await jobEnded(context, { jobId: id, runId: run, conclusion, reason, outputs, ...(wish && { wish }) });
  return null;
}

/** Of the newest attempt of the run. */
async function find({ db }: OperationContext, { run, key }: JobOf) {
  return db
    .selectFrom('job')
    .innerJoin('attempt', 'attempt.id', 'job.attempt_id')
    .select(['job.id', 'job.state', 'attempt.id as attempt', 'attempt.fence'])
    .where('job.run_id', '=', run)
    .where('job.key', '=', key)
    .where('job.state', 'in', ['queued', 'running'])
    .orderBy('job.run_attempt', 'desc')
    .executeTakeFirst();
}
