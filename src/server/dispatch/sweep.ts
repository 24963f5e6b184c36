import { sql } from 'kysely';
import type { OperationContext } from '../operation.ts';
import { holdOffers } from '../storage/former-life.ts';
import { CANCEL_REASONS } from './cancel-reasons.ts';
import { cancelDeadline } from './cancel-deadline.ts';
import { endAttempt } from './end-attempt.ts';
import { fireTimers } from '../runs/flow-timers.ts';
import { EXCLUSIVE_MARGIN_MS, SWEEP_ROWS } from './limits.ts';
import { lockRunsOf } from './lock-runs.ts';
import { loseAttempt } from './lose-attempt.ts';
import { moveAttempt } from './move-attempt.ts';
import { returnAccepted } from './return-unstarted.ts';

export interface Swept {
  readonly leases: number;
  /** Timers of runs that were told. */
  readonly timers: number;
  /** Due ones are left: sweep again. */
  readonly more: boolean;
  /** Until the next one is due, in milliseconds; null where there is none. */
  readonly nextMs: number | null;
}

/**
 * Does what is due: offers nobody accepted and attempts that never began go back to the queue, running ones become
 * disconnected, disconnected and cancelled ones end, and runs are told of their timers. A bounded number of rows at a
 * time, found by an index.
 */
export async function sweep(context: OperationContext, input: { readonly rows?: number }): Promise<Swept> {
  const { db, now } = context;
  const limit = input.rows ?? SWEEP_ROWS;
  const due = await dueLeases(context, limit);
  for (const lease of due) await expire(context, lease);
  const timers = await fireTimers(context, limit);
  const lease = await db.selectFrom('lease').select('due_at').orderBy('due_at').limit(1).executeTakeFirst();
  const next = Math.min(lease?.due_at ?? Infinity, timers.nextAt ?? Infinity);
  return {
    leases: due.length,
    timers: timers.fired,
    more: due.length === limit || timers.fired === limit,
    nextMs: next === Infinity ? null : Math.max(0, next - now),
  };
}

async function dueLeases(context: OperationContext, limit: number) {
  const { db, now } = context;
  const found = await db
    .selectFrom('lease')
    .select('attempt_id')
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .limit(limit)
    .execute();
  const ids = found.map(({ attempt_id }) => attempt_id);
  if (ids.length === 0) return [];
  await lockRunsOf(context, sql`id in (${sql.join(ids)})`);
  return await db
    .selectFrom('attempt')
    .innerJoin('lease', 'lease.attempt_id', 'attempt.id')
    .select(['attempt.id', 'attempt.fence', 'attempt.state', 'attempt.policy', 'attempt.returns'])
    .select(['attempt.cancel_cause', 'attempt.cancel_force', 'attempt.cancel_at', 'lease.due_at'])
    .where('attempt.id', 'in', ids)
    // Renewed while the lock was waited for.
    .where('lease.due_at', '<=', now)
    .orderBy('attempt.id')
    .$if(context.locks, (query) => query.forUpdate('attempt'))
    .execute();
}

type DueLease = Awaited<ReturnType<typeof dueLeases>>[number];

async function expire(context: OperationContext, lease: DueLease): Promise<void> {
  const { now, settings } = context;
  switch (lease.state) {
    case 'offered':
      await moveAttempt(context, lease, { to: 'queued', from: 'offered', notBefore: 0 });
      return;
    case 'accepted':
      await returnAccepted(context, lease);
      return;
    case 'running': {
      const deadline = cancelDeadline(lease, settings);
      if (deadline !== null && deadline <= now) {
        await endCancelled(context, lease);
        return;
      }
      const lastHeard = lease.due_at - settings.leaseMs;
      const given =
        lease.policy === 'exclusive' ? lease.due_at + EXCLUSIVE_MARGIN_MS : lastHeard + settings.lostAfterMs;
      const dueAt = Math.max(now, Math.min(given, deadline ?? given));
      await moveAttempt(context, lease, { to: 'disconnected', dueAt });
      return;
    }
    default:
      await loseAttempt(context, lease, 'lease-expired');
  }
}

/** Its agent is there, and does not get it to an end. */
async function endCancelled(context: OperationContext, lease: DueLease): Promise<void> {
  await endAttempt(context, lease, {
    conclusion: 'cancelled',
    reason: CANCEL_REASONS[lease.cancel_cause as keyof typeof CANCEL_REASONS],
    message: 'it did not end in the time it had after it was cancelled',
    lost: 'lease-expired',
  });
}

/**
 * After a server's start no lease ends before the agents had the time to come back: the time in which nobody could renew
 * is nobody's fault. After a restore the same goes for what is queued: it may have run.
 */
export async function extendLeases({ db, now, settings }: OperationContext): Promise<null> {
  const due = now + settings.leaseMs;
  await db.updateTable('lease').set({ due_at: due }).where('due_at', '<', due).execute();
  await holdOffers(db, due);
  return null;
}
