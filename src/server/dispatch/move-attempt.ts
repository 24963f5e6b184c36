import type { AttemptState, AttemptLoss } from '../../protocol/attempt-state.ts';
import type { OperationContext } from '../operation.ts';
import { Statement, times } from '../storage/statement.ts';
import { ILLEGAL_TRANSITION_TOTAL } from '../storage/store-metric.ts';
import {
  ACCEPT_TO_RUNNING_SECONDS,
  FENCED_TOTAL,
  OFFER_TO_ACCEPT_SECONDS,
  SCHEDULE_TO_START_SECONDS,
} from './counted.ts';
import { lockGroups } from './group-access.ts';
import { PAUSED_MS } from './limits.ts';
import { type Moved, moveRows } from './move-rows.ts';

/** An attempt as it was read: another fence by now means that it is somebody else's. */
export interface Held {
  readonly id: string;
  readonly fence: number;
}

export type Move =
  | { readonly to: 'offered'; readonly session: string; readonly runner: string; readonly fence: number }
  | { readonly to: 'accepted' }
  | { readonly to: 'running' }
  /** `dueAt`: when it is given up. */
  | { readonly to: 'disconnected'; readonly dueAt: number }
  /** Offered again from `notBefore` on. Counted as a return where it had been accepted. */
  | { readonly to: 'queued'; readonly from: 'offered' | 'accepted'; readonly notBefore: number }
  | {
      readonly to: 'finished';
      readonly conclusion: string;
      readonly reason: string | null;
      readonly lost: AttemptLoss | null;
      /** Its agent has said so. Otherwise the fence moves on: whatever the agent says later is not its own any more. */
      readonly reported: boolean;
    };

/**
 * The only function that changes the state of attempts, with what has to change beside it: the queue and the leases.
 * What is not in a state that allows it, or has another fence, is left alone and counted.
 * @returns ids of those that were moved.
 */
export async function moveAttempts(
  context: OperationContext,
  attempts: readonly Held[],
  move: Move,
): Promise<readonly string[]> {
  if (attempts.length === 0) return [];
  const rows = await moveRows(context, attempts, move);
  for (const row of rows) {
    observeMove(context, row, move.to);
    const ids = { run: row.run_id, job: row.job_id, attempt: row.id, fence: row.fence };
    const { conclusion, reason, lost } = move.to === 'finished' ? move : NO_END;
    context.note('attempt moved', { ...ids, to: move.to, conclusion, reason, lost });
  }
  const moved = rows.map(({ id }) => id);
  if (moved.length < attempts.length) await countUnmoved(context, attempts, new Set(moved), move.to);
  if (moved.length > 0) await followUp(context, rows, move);
  return moved;
}

const NO_END = { conclusion: null, reason: null, lost: null };

/** How long it took to get here. */
function observeMove(
  { now, observe }: Pick<OperationContext, 'now' | 'observe'>,
  row: {
    readonly queued_at: number;
    readonly offered_at: number | null;
    readonly accepted_at: number | null;
    readonly started_at: number | null;
  },
  to: AttemptState,
): void {
  const since = (from: number | null): number => Math.max(0, now - (from ?? now)) / MS_PER_SECOND;
  if (to === 'accepted') observe(OFFER_TO_ACCEPT_SECONDS, since(row.offered_at));
  // Back from a lost connection it had been started before.
  if (to !== 'running' || row.started_at !== now) return;
  observe(ACCEPT_TO_RUNNING_SECONDS, since(row.accepted_at));
  observe(SCHEDULE_TO_START_SECONDS, since(row.queued_at));
}

const MS_PER_SECOND = 1_000;

/** {@link moveAttempts} of one. */
export async function moveAttempt(context: OperationContext, attempt: Held, move: Move): Promise<boolean> {
  return (await moveAttempts(context, [attempt], move)).length === 1;
}

async function followUp(context: OperationContext, rows: readonly Moved[], move: Move): Promise<void> {
  const { now, settings } = context;
  const ids = rows.map(({ id }) => id);
  switch (move.to) {
    case 'offered': {
      const { session, fence } = move;
      await LEAVE_QUEUE.execute(context, ids, ids.length);
      const dueAt = now + settings.offerMs;
      const leases = ids.flatMap((id) => [id, session, fence, dueAt]);
      await LEASE.execute(context, leases, ids.length);
      return;
    }
    case 'accepted':
    case 'running':
      await SET_DUE.execute(context, [now + settings.leaseMs, ...ids], ids.length);
      return;
    case 'disconnected':
      await SET_DUE.execute(context, [move.dueAt, ...ids], ids.length);
      return;
    case 'queued':
      await END_LEASE.execute(context, ids, ids.length);
      await returnToQueue(context, ids, move.notBefore);
      return;
    case 'finished':
      await END_LEASE.execute(context, ids, ids.length);
      // What was offered has left it.
      if (rows.some(({ offered_at }) => offered_at === null)) await LEAVE_QUEUE.execute(context, ids, ids.length);
      return;
  }
}

const LEAVE_QUEUE = new Statement((db, hole, rows) =>
  db.deleteFrom('ready').where('attempt_id', 'in', times(rows, hole)),
);
const LEASE = new Statement((db, hole, rows) =>
  db
    .insertInto('lease')
    .values(times(rows, () => ({ attempt_id: hole(), session_id: hole(), fence: hole(), due_at: hole() }))),
);
const SET_DUE = new Statement((db, hole, rows) =>
  db.updateTable('lease').set({ due_at: hole() }).where('attempt_id', 'in', times(rows, hole)),
);
const END_LEASE = new Statement((db, hole, rows) =>
  db.deleteFrom('lease').where('attempt_id', 'in', times(rows, hole)),
);

async function returnToQueue(context: OperationContext, ids: readonly string[], notBefore: number): Promise<void> {
  const { db } = context;
  await lockGroups(context, 'going-by');
  const rows = await db
    .selectFrom('attempt')
    .innerJoin('job', 'job.id', 'attempt.job_id')
    .innerJoin('run', 'run.id', 'attempt.run_id')
    .select(['attempt.id', 'attempt.queued_at', 'attempt.job_id', 'job.label_set_id', 'job.priority', 'run.paused'])
    .where('attempt.id', 'in', ids)
    .execute();
  await db
    .insertInto('ready')
    .values(
      rows.map((row) => ({
        attempt_id: row.id,
        job_id: row.job_id,
        label_set_id: row.label_set_id ?? 0,
        priority: row.priority,
        queued_at: row.queued_at,
        not_before: row.paused === 1 ? notBefore + PAUSED_MS : notBefore,
      })),
    )
    .execute();
  for (const { label_set_id } of rows) context.wake(`queue:${label_set_id ?? 0}`);
}

async function countUnmoved(
  context: OperationContext,
  attempts: readonly Held[],
  moved: ReadonlySet<string>,
  to: AttemptState,
): Promise<void> {
  const left = attempts.filter(({ id }) => !moved.has(id));
  const rows = await context.db
    .selectFrom('attempt')
    .select(['id', 'fence', 'state'])
    .where(
      'id',
      'in',
      left.map(({ id }) => id),
    )
    .execute();
  for (const { id, fence } of left) {
    const row = rows.find((candidate) => candidate.id === id);
    if (row && row.fence === fence) context.count(ILLEGAL_TRANSITION_TOTAL, { from: row.state, to });
    else context.count(FENCED_TOTAL);
  }
}
