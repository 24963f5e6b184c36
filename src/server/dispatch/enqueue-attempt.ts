import { CHAIN_START } from '../../kernel/record-chain.ts';
import type { LossPolicy } from '../../protocol/attempt-state.ts';
import type { OperationContext } from '../operation.ts';
import { Statement, times } from '../storage/statement.ts';
import { internLabelSet, type Wanted } from './label-set.ts';

export interface NewAttempt extends Wanted {
  readonly jobId: number;
  readonly runId: number;
  /** Higher ones first; the older job among equals. */
  readonly priority: number;
  readonly policy: LossPolicy;
  /** Not offered before; milliseconds since the epoch. */
  readonly notBefore?: number;
}

/**
 * Makes the next attempt of a job, and puts it into the queue. The job's row gets its number, its id and its label set;
 * its state is the caller's. The job has no other attempt that is not finished.
 * @returns the attempt's id.
 */
export async function enqueueAttempt(context: OperationContext, wanted: NewAttempt): Promise<string> {
  const { db } = context;
  const { jobId, runId, priority, policy, notBefore = 0 } = wanted;
  const labelSet = await labelSetOf(context, wanted);
  const id = context.randomId();
  const { attempt_no } = await db
    .updateTable('job')
    .set((set) => ({ attempt_no: set('attempt_no', '+', 1), attempt_id: id, label_set_id: labelSet, priority, policy }))
    .where('id', '=', jobId)
    .returning('attempt_no')
    .executeTakeFirstOrThrow();
  await queueAttempts(context, [{ id, jobId, runId, no: attempt_no, labelSet, priority, policy, notBefore }]);
  return id;
}

export async function labelSetOf(
  context: OperationContext,
  wanted: Wanted & Pick<NewAttempt, 'policy'>,
): Promise<number> {
  // What an agent is to do at the end of a lease, it has to know of.
  const features = [...(wanted.features ?? []), ...(wanted.policy === 'exclusive' ? ['exclusive'] : [])];
  return internLabelSet(context, { ...wanted, features });
}

/** Of whose number, id and label set the row of its job knows. */
export interface QueuedAttempt extends Required<Omit<NewAttempt, keyof Wanted>> {
  readonly id: string;
  /** From 1. */
  readonly no: number;
  readonly labelSet: number;
}

/** As few statements as rows for them allow. */
export async function queueAttempts(context: OperationContext, attempts: readonly QueuedAttempt[]): Promise<void> {
  const { now } = context;
  const made = attempts.flatMap(({ id, jobId, runId, no, policy }) => [id, jobId, runId, no, policy, now]);
  await INSERT_ATTEMPTS.execute(context, made, attempts.length);
  const ready = attempts.flatMap(({ id, jobId, labelSet, priority, notBefore }) => [
    id,
    jobId,
    labelSet,
    priority,
    now,
    notBefore,
  ]);
  await INSERT_READY.execute(context, ready, attempts.length);
  for (const labelSet of new Set(attempts.map((attempt) => attempt.labelSet))) context.wake(`queue:${labelSet}`);
}

const INSERT_ATTEMPTS = new Statement((db, hole, rows) =>
  db.insertInto('attempt').values(
    times(rows, () => ({
      id: hole(),
      job_id: hole(),
      run_id: hole(),
      no: hole(),
      fence: 0,
      state: 'queued',
      policy: hole(),
      returns: 0,
      ack_seq: 0,
      journal_hash: CHAIN_START,
      quarantined: 0,
      cancel_force: 0,
      queued_at: hole(),
    })),
  ),
);

const INSERT_READY = new Statement((db, hole, rows) =>
  db.insertInto('ready').values(
    times(rows, () => ({
      attempt_id: hole(),
      job_id: hole(),
      label_set_id: hole(),
      priority: hole(),
      queued_at: hole(),
      not_before: hole(),
    })),
  ),
);
