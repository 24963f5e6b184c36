import { type OperationContext, Refusal } from '../operation.ts';
import { findOwn } from './accept-attempt.ts';
import { endAttempt } from './end-attempt.ts';
import { DECLINE_BACKOFF_MS } from './limits.ts';
import { moveAttempt } from './move-attempt.ts';

/**
 * Gives an offer back. `final`: no other runner would take it either, so the job fails, with the agent's words.
 * What was accepted may be declined as long as it has not begun.
 */
export async function declineAttempt(
  context: OperationContext,
  request: {
    readonly session: string;
    readonly attempt: string;
    readonly fence: number;
    readonly reason: string;
    readonly final: boolean;
  },
): Promise<null> {
  const attempt = await findOwn(context, request);
  if (attempt.state !== 'offered' && attempt.state !== 'accepted')
    throw new Refusal('conflict', 'illegal-transition', `the attempt ${attempt.id} is ${attempt.state}: it was begun`);
  if (request.final) {
    const message = `its runner refused it: ${request.reason}`;
    await endAttempt(context, attempt, {
      conclusion: 'failure',
      reason: 'runner-lost',
      message,
      lost: 'agent-refused',
    });
    return null;
  }
  if (attempt.state === 'accepted')
    // An ephemeral runner has its one job still to come.
    await context.db
      .updateTable('runner')
      .set({ consumed: 0 })
      .where('id', '=', attempt.runner_id ?? '')
      .execute();
  const notBefore = context.now + DECLINE_BACKOFF_MS;
  await moveAttempt(context, attempt, { to: 'queued', from: attempt.state, notBefore });
  return null;
}
