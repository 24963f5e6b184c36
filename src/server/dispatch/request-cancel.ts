import type { Cancel } from '../../protocol/agent-api.ts';
import type { OperationContext } from '../operation.ts';
import { cancelDeadline } from './cancel-deadline.ts';
import { CANCEL_REASONS } from './cancel-reasons.ts';
import { endAttempt } from './end-attempt.ts';

export interface CancelAsked {
  readonly attemptId: string;
  readonly cause: Cancel['cause'];
  /** Ends the steps at once, without post steps. Comes on top of a cancellation under way. */
  readonly force: boolean;
}

/**
 * Asks an attempt to end. One that nobody has accepted ends here and now, with `jobEnded`; its agent is told otherwise.
 * The first cause stays; asking again is harmless, and so is asking one that has ended.
 */
export async function requestCancel(context: OperationContext, asked: CancelAsked): Promise<void> {
  const { db, now } = context;
  const { attemptId, cause, force } = asked;
  const attempt = await db
    .selectFrom('attempt')
    .select(['id', 'fence', 'state', 'session_id', 'cancel_cause', 'cancel_force'])
    .where('id', '=', attemptId)
    .$if(context.locks, (query) => query.forUpdate())
    .executeTakeFirst();
  if (!attempt || attempt.state === 'finished') return;
  const unheard = attempt.state === 'disconnected' && force;
  if (attempt.state === 'queued' || attempt.state === 'offered' || unheard) {
    await endAttempt(context, attempt, {
      conclusion: 'cancelled',
      reason: CANCEL_REASONS[cause],
      message: null,
      lost: null,
    });
    return;
  }
  if (attempt.cancel_cause !== null && (attempt.cancel_force === 1 || !force)) return;
  await db
    .updateTable('attempt')
    .set({
      cancel_cause: attempt.cancel_cause ?? cause,
      cancel_force: force ? 1 : 0,
      // A forced end has the same time again from here on: the first may be nearly over.
      cancel_at: now,
    })
    .where('id', '=', attemptId)
    .execute();
  if (attempt.state === 'disconnected') await boundWait(context, attemptId, force);
  if (attempt.session_id !== null) context.wake(`session:${attempt.session_id}`);
}

/** One that is not heard of any more has no longer than one that is. */
async function boundWait(context: OperationContext, attemptId: string, force: boolean): Promise<void> {
  const latest = cancelDeadline({ cancel_at: context.now, cancel_force: force ? 1 : 0 }, context.settings);
  if (latest === null) return;
  await context.db
    .updateTable('lease')
    .set({ due_at: latest })
    .where('attempt_id', '=', attemptId)
    .where('due_at', '>', latest)
    .execute();
}
