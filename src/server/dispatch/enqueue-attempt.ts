import { CHAIN_START } from '../../kernel/record-chain.ts';
import type { LossPolicy } from '../../protocol/attempt-state.ts';
import type { OperationContext } from '../operation.ts';
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
  const { db, now } = context;
  const { jobId, runId, priority, policy } = wanted;
  // What an agent is to do at the end of a lease, it has to know of.
  const features = [...(wanted.features ?? []), ...(policy === 'exclusive' ? ['exclusive'] : [])];
  const labelSet = await internLabelSet(context, { ...wanted, features });
  const id = context.randomId();
  const { attempt_no } = await db
    .updateTable('job')
    .set((set) => ({ attempt_no: set('attempt_no', '+', 1), attempt_id: id, label_set_id: labelSet, priority, policy }))
    .where('id', '=', jobId)
    .returning('attempt_no')
    .executeTakeFirstOrThrow();
  await db
    .insertInto('attempt')
    .values({
      id,
      job_id: jobId,
      run_id: runId,
      no: attempt_no,
      fence: 0,
      state: 'queued',
      policy,
      returns: 0,
      ack_seq: 0,
      journal_hash: CHAIN_START,
      quarantined: 0,
      cancel_force: 0,
      queued_at: now,
    })
    .execute();
  await db
    .insertInto('ready')
    .values({
      attempt_id: id,
      job_id: jobId,
      label_set_id: labelSet,
      priority,
      queued_at: now,
      not_before: wanted.notBefore ?? 0,
    })
    .execute();
  context.wake(`queue:${labelSet}`);
  return id;
}
