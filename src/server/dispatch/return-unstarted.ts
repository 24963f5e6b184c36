import { sql } from 'kysely';
import type { OperationContext } from '../operation.ts';
import { endAttempt } from './end-attempt.ts';
import { IS_LIVE } from './is-live.ts';
import { RETURN_BACKOFF_MS } from './limits.ts';
import { lockRunsOf } from './lock-runs.ts';
import { type Held, moveAttempt, moveAttempts } from './move-attempt.ts';
import { CANCEL_REASONS } from './cancel-reasons.ts';

/**
 * Puts back what a runner was offered or has accepted and did not begin, but for what it still has. Whoever loses what it
 * runs does so after this, which has locked the runs of all that it has.
 */
export async function returnUnstarted(
  context: OperationContext,
  runner: string,
  keep: readonly string[],
): Promise<void> {
  await lockRunsOf(context, sql`runner_id = ${runner} and ${IS_LIVE}`);
  const rows = await context.db
    .selectFrom('attempt')
    .select(['id', 'fence', 'state', 'returns', 'cancel_cause'])
    .where('runner_id', '=', runner)
    .where(IS_LIVE)
    .where('state', 'in', ['offered', 'accepted'])
    .orderBy('id')
    .$if(context.locks, (query) => query.forUpdate())
    .execute();
  const kept = new Set(keep);
  const gone = rows.filter(({ id }) => !kept.has(id));
  await withdrawOffers(
    context,
    gone.filter(({ state }) => state === 'offered'),
  );
  for (const row of gone) if (row.state === 'accepted') await returnAccepted(context, row);
}

/** Offers that nobody has accepted go to somebody else at once. */
export async function withdrawOffers(context: OperationContext, offers: readonly Held[]): Promise<void> {
  await moveAttempts(context, offers, { to: 'queued', from: 'offered', notBefore: 0 });
}

export interface AcceptedAttempt extends Held {
  readonly returns: number;
  readonly cancel_cause: string | null;
}

/** Nothing of it has run. Too often: it is lost, since what makes agents go away may be the job itself. */
export async function returnAccepted(context: OperationContext, attempt: AcceptedAttempt): Promise<void> {
  const { now, settings } = context;
  const { returns, cancel_cause } = attempt;
  if (cancel_cause !== null) {
    const reason = CANCEL_REASONS[cancel_cause as keyof typeof CANCEL_REASONS];
    await endAttempt(context, attempt, { conclusion: 'cancelled', reason, message: null, lost: null });
    return;
  }
  if (returns + 1 >= settings.maxAttempts) {
    await endAttempt(context, attempt, {
      conclusion: 'failure',
      reason: 'runner-lost',
      message: `${returns + 1} runners took the job and went away before it began`,
      lost: 'lease-expired',
    });
    return;
  }
  const notBefore = now + RETURN_BACKOFF_MS * (returns + 1);
  await moveAttempt(context, attempt, { to: 'queued', from: 'accepted', notBefore });
}
