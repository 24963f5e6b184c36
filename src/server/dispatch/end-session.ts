import type { DrainReply } from '../../protocol/agent-api.ts';
import type { OperationContext } from '../operation.ts';
import { IS_LIVE } from './is-live.ts';
import { returnUnstarted, withdrawOffers } from './return-unstarted.ts';

/** The agent says goodbye: what it had not begun goes to others at once. */
export async function closeSession(
  context: OperationContext,
  { session }: { readonly session: string },
): Promise<null> {
  const { db, now } = context;
  const ended = await db
    .updateTable('session')
    .set({ state: 'ended', last_seen: now })
    .where('id', '=', session)
    .where('state', '!=', 'ended')
    .returning('runner_id')
    .executeTakeFirst();
  if (!ended) return null;
  await returnUnstarted(context, ended.runner_id, []);
  // An ephemeral runner that had its job is gone for good.
  await db
    .updateTable('runner')
    .set({ removed_at: now })
    .where('id', '=', ended.runner_id)
    .where('consumed', '=', 1)
    .execute();
  context.wake(`session:${session}`);
  return null;
}

/**
 * Withdraws what was offered and not accepted, and offers nothing any more: both at once, so that `outstanding` is all
 * that the session still has, for ever.
 */
export async function drainSession(
  context: OperationContext,
  { session }: { readonly session: string },
): Promise<DrainReply> {
  const { db } = context;
  await db
    .updateTable('session')
    .set({ state: 'draining', leave_asked: 0 })
    .where('id', '=', session)
    .where('state', '!=', 'ended')
    .execute();
  await withdrawSessionOffers(context, { session });
  const outstanding = await db
    .selectFrom('attempt')
    .select('id')
    .where('session_id', '=', session)
    .where(IS_LIVE)
    .where('state', 'in', ['accepted', 'running', 'disconnected'])
    .orderBy('id')
    .execute();
  return { outstanding: outstanding.map(({ id }) => id) };
}

/** Of a session that takes no work for the moment. */
export async function withdrawSessionOffers(
  context: OperationContext,
  { session }: { readonly session: string },
): Promise<null> {
  const offers = await context.db
    .selectFrom('attempt')
    .select(['id', 'fence'])
    .where('session_id', '=', session)
    .where(IS_LIVE)
    .where('state', '=', 'offered')
    .orderBy('id')
    .$if(context.locks, (query) => query.forUpdate())
    .execute();
  await withdrawOffers(context, offers);
  return null;
}
