import type { ClearTimer, SetTimer } from '../../flow/flow-event.ts';
import type { OperationContext } from '../operation.ts';
import { lockRun, type RunRow } from './run-row.ts';
import { tellRun } from './tell-run.ts';

/** The last time that a date can be: whatever asks for a later one, the database can hold this. */
const LAST_TIME = 8_640_000_000_000_000;

/** Writes down when the run is to be told. Set again, it has its new time. */
export async function setTimer(context: OperationContext, run: RunRow, timer: SetTimer): Promise<void> {
  const { db, now } = context;
  const { id, at, afterMs } = timer;
  const due_at = Math.min(Math.ceil(at ?? now + (afterMs ?? 0)), LAST_TIME);
  await db
    .insertInto('flow_timer')
    .values({ run_id: run.id, id, due_at, held: run.paused })
    .onConflict((conflict) => conflict.columns(['run_id', 'id']).doUpdateSet({ due_at, held: run.paused }))
    .execute();
  context.wake('timers');
}

export async function clearTimer({ db }: OperationContext, run: RunRow, { id }: ClearTimer): Promise<void> {
  await db.deleteFrom('flow_timer').where('run_id', '=', run.id).where('id', '=', id).execute();
}

/** Of a run that is over. */
export async function clearTimers({ db }: OperationContext, runId: number): Promise<void> {
  await db.deleteFrom('flow_timer').where('run_id', '=', runId).execute();
}

/** While a run is paused its timers go on, and what they are for happens when it is resumed. */
export async function holdTimers(context: OperationContext, runId: number, held: 0 | 1): Promise<void> {
  await context.db.updateTable('flow_timer').set({ held }).where('run_id', '=', runId).execute();
  if (held === 0) context.wake('timers');
}

export interface FiredTimers {
  readonly fired: number;
  /** When the next one is due; null without. */
  readonly nextAt: number | null;
}

/** Of a run that is about to be resumed: it is to know first what has become due in its pause. */
export async function fireHeldTimers(context: OperationContext, runId: number): Promise<void> {
  const due = await context.db
    .selectFrom('flow_timer')
    .select(['run_id', 'id'])
    .where('run_id', '=', runId)
    .where('held', '=', 1)
    .where('due_at', '<=', context.now)
    .orderBy('due_at')
    .orderBy('id')
    .execute();
  for (const timer of due) await fire(context, timer, 1);
}

/** False when another server was faster, the run set it anew, or was paused or resumed meanwhile. */
async function fire(
  context: OperationContext,
  { run_id, id }: { readonly run_id: number; readonly id: string },
  held: 0 | 1,
): Promise<boolean> {
  const { numDeletedRows } = await context.db
    .deleteFrom('flow_timer')
    .where('run_id', '=', run_id)
    .where('id', '=', id)
    .where('due_at', '<=', context.now)
    .where('held', '=', held)
    .executeTakeFirst();
  if (numDeletedRows === 0n) return false;
  await tellRun(context, run_id, { kind: 'timer-fired', id });
  return true;
}

/**
 * Tells runs of timers that are due, each of them once, whatever the number of servers that look and however often they
 * are started anew: a timer goes in the transaction in which its run is told.
 */
export async function fireTimers(context: OperationContext, limit: number): Promise<FiredTimers> {
  const { db, now } = context;
  const due = await db
    .selectFrom('flow_timer')
    .select(['run_id', 'id'])
    .where('held', '=', 0)
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .orderBy('run_id')
    .orderBy('id')
    .limit(limit)
    .execute();
  // Where several are locked, in the same order everywhere.
  if (context.locks)
    for (const id of [...new Set(due.map(({ run_id }) => run_id))].sort((one, other) => one - other))
      await lockRun(context, id);
  let fired = 0;
  for (const timer of due) if (await fire(context, timer, 0)) fired += 1;
  const next = await db
    .selectFrom('flow_timer')
    .select('due_at')
    .where('held', '=', 0)
    .orderBy('due_at')
    .limit(1)
    .executeTakeFirst();
  return { fired, nextAt: next?.due_at ?? null };
}
