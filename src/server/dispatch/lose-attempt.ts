import type { AttemptLoss, LossPolicy } from '../../protocol/attempt-state.ts';
import type { Cancel } from '../../protocol/agent-api.ts';
import type { OperationContext } from '../operation.ts';
import { emit } from '../runs/run-events.ts';
import { CANCEL_REASONS } from './cancel-reasons.ts';
import { endAttempt } from './end-attempt.ts';
import { endOpenSteps } from './end-open-steps.ts';
import { enqueueAttempt } from './enqueue-attempt.ts';
import { PAUSED_MS } from './limits.ts';
import { type Held, moveAttempt } from './move-attempt.ts';
import { wantedLabels } from './label-set.ts';

/** For people. */
export const LOSS_MESSAGES: Readonly<Record<AttemptLoss, string>> = {
  'lease-expired': 'its runner was not heard of any more',
  'worker-crashed': 'the process that ran it ended',
  'runner-rebooted': 'the machine of its runner was started anew',
  'runner-died': 'its runner came back without it',
  'runner-removed': 'its runner was removed',
  'agent-refused': 'its runner refused it',
  'disk-full': 'the disk of its runner is full',
};

/**
 * Ends an attempt whose agent does not speak for it any more. An exclusive job, of which the agent has ended everything
 * by now, is tried again, up to the server's limit; any other has failed, as it may have had its effect.
 */
export async function loseAttempt(context: OperationContext, held: Held, cause: AttemptLoss): Promise<void> {
  const row = await context.db
    .selectFrom('attempt')
    .leftJoin('runner', 'runner.id', 'attempt.runner_id')
    .select(['attempt.no', 'attempt.policy', 'attempt.job_id', 'attempt.run_id', 'attempt.session_id'])
    .select(['attempt.cancel_cause', 'runner.name'])
    .where('attempt.id', '=', held.id)
    .executeTakeFirstOrThrow();
  const message = `${LOSS_MESSAGES[cause]}${row.name === null ? '' : ` (${row.name})`}`;
  if (row.cancel_cause !== null) {
    const reason = CANCEL_REASONS[row.cancel_cause as Cancel['cause']];
    await endAttempt(context, held, { conclusion: 'cancelled', reason, message, lost: cause });
    return;
  }
  const end = { conclusion: 'failure', reason: 'runner-lost', message, lost: cause } as const;
  if (!mayRetry(context, row)) {
    await endAttempt(context, held, end);
    return;
  }
  const { conclusion, reason } = end;
  const moved = await moveAttempt(context, held, { to: 'finished', conclusion, reason, lost: cause, reported: false });
  if (!moved) return;
  await endOpenSteps(context, held.id, end);
  if (row.session_id !== null) context.wake(`session:${row.session_id}`);
  await retryLost(context, row);
}

interface LostAttempt {
  readonly job_id: number;
  readonly run_id: number;
  readonly no: number;
  readonly policy: LossPolicy;
}

function mayRetry({ settings }: OperationContext, { policy, no }: Pick<LostAttempt, 'policy' | 'no'>): boolean {
  return policy === 'exclusive' && no < settings.maxAttempts;
}

/** The next attempt after one that has ended by no fault of its job. False: there is to be none. */
export async function retryLost(context: OperationContext, lost: LostAttempt): Promise<boolean> {
  if (!mayRetry(context, lost)) return false;
  const { db } = context;
  const { job_id: jobId, run_id: runId, policy } = lost;
  const job = await db
    .updateTable('job')
    .set({ state: 'queued', started_at: null })
    .where('id', '=', jobId)
    .returning(['priority', 'label_set_id', 'key', 'job_id', 'name'])
    .executeTakeFirstOrThrow();
  const labelSet = await db
    .selectFrom('label_set')
    .select('labels')
    .where('id', '=', job.label_set_id)
    .executeTakeFirst();
  const labels = wantedLabels(labelSet?.labels ?? '[]');
  const { paused } = await db.selectFrom('run').select('paused').where('id', '=', runId).executeTakeFirstOrThrow();
  const notBefore = paused === 1 ? PAUSED_MS : 0;
  await enqueueAttempt(context, { jobId, runId, labels, priority: job.priority, policy, notBefore });
  const { key, job_id: id, name } = job;
  const at = new Date(context.now).toISOString();
  await emit(context, runId, { type: 'job-queued', at, job: key, id, name });
  return true;
}
