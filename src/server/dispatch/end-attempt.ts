import type { AttemptLoss } from '../../protocol/attempt-state.ts';
import type { Reason } from '../../protocol/conclusion.ts';
import type { OperationContext } from '../operation.ts';
import { jobEnded } from '../runs/job-ended.ts';
import { endOpenSteps } from './end-open-steps.ts';
import { type Held, moveAttempt } from './move-attempt.ts';

export interface ServerMadeEnd {
  readonly conclusion: 'failure' | 'cancelled';
  readonly reason: Reason;
  /** For people, where there is more to say than the reason. */
  readonly message: string | null;
  readonly lost: AttemptLoss | null;
}

/**
 * Ends an attempt, and its job with it, by the word of the server. Steps that have not ended get the same end; whoever
 * held the attempt is fenced off, and told so.
 * @returns false when it was not there any more.
 */
export async function endAttempt(context: OperationContext, attempt: Held, end: ServerMadeEnd): Promise<boolean> {
  const { conclusion, reason, message, lost } = end;
  const moved = await moveAttempt(context, attempt, { to: 'finished', conclusion, reason, lost, reported: false });
  if (!moved) return false;
  const { job_id, run_id, session_id } = await context.db
    .selectFrom('attempt')
    .select(['job_id', 'run_id', 'session_id'])
    .where('id', '=', attempt.id)
    .executeTakeFirstOrThrow();
  await endOpenSteps(context, attempt.id, { conclusion, reason });
  if (session_id !== null) context.wake(`session:${session_id}`);
  await jobEnded(context, { jobId: job_id, runId: run_id, conclusion, reason, message, outputs: {} });
  return true;
}
