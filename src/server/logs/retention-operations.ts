import { sql } from 'kysely';
import type { OperationContext } from '../operation.ts';
import { deleteRuns } from '../runs/delete-runs.ts';

/** Runs that ended before this, the oldest first, with their logs; runs that are open are never touched. */
export async function retireRuns(
  context: OperationContext,
  { completedBefore, limit }: { readonly completedBefore: number; readonly limit: number },
): Promise<{ readonly deleted: number }> {
  const attempts = await context.db
    .with('old', (db) =>
      db
        .selectFrom('run')
        .select('id')
        .where('state', '=', 'completed')
        .where('completed_at', '<', completedBefore)
        .orderBy('completed_at')
        .limit(limit),
    )
    .selectFrom('attempt')
    .innerJoin('old', 'old.id', 'attempt.run_id')
    .select('attempt.id')
    .execute();
  await deleteLogRows(
    context,
    attempts.map(({ id }) => id),
    ['log_extent', 'log_stream'],
  );
  const { deleted } = await deleteRuns(context, { completedBefore, limit });
  for (let count = 0; count < deleted.length; count++) context.count('retention_runs_total');
  return { deleted: deleted.length };
}

/** Of logs that are kept. */
export async function measureLogs({ db }: OperationContext): Promise<{ readonly bytes: number }> {
  const row = await db
    .selectFrom('log_stream')
    .select(sql<number>`cast(coalesce(sum(length), 0) as bigint)`.as('bytes'))
    .where('removed_at', 'is', null)
    .executeTakeFirst();
  return { bytes: row?.bytes ?? 0 };
}

/** Removes the logs of the runs that ended first, until `bytes` are freed; the logs say when they were removed. */
export async function removeOldestLogs(
  context: OperationContext,
  { bytes, limit }: { readonly bytes: number; readonly limit: number },
): Promise<{ readonly freed: number }> {
  const { db } = context;
  const logs = await db
    .selectFrom('run')
    .innerJoin('attempt', 'attempt.run_id', 'run.id')
    .innerJoin('log_stream', 'log_stream.attempt_id', 'attempt.id')
    .select(['attempt.id', 'log_stream.length'])
    .where('run.state', '=', 'completed')
    .where('log_stream.removed_at', 'is', null)
    .where('log_stream.length', '>', 0)
    .orderBy('run.completed_at')
    .orderBy('attempt.id')
    .limit(limit)
    .execute();
  const attempts = new Set<string>();
  let freed = 0;
  for (const { id, length } of logs) {
    // The logs of an attempt go together.
    if (freed >= bytes && !attempts.has(id)) break;
    attempts.add(id);
    freed += length;
  }
  if (attempts.size === 0) return { freed };
  const ids = [...attempts];
  await deleteLogRows(context, ids, ['log_extent']);
  await db.updateTable('log_stream').set({ removed_at: context.now }).where('attempt_id', 'in', ids).execute();
  for (const id of ids) {
    context.wake(`log:${id}`);
    context.count('retention_logs_total');
  }
  return { freed };
}

/**
 * Events and journals of runs that ended in `[from, before)`, of at most `limit` runs: their results stay.
 * @returns where the next call goes on; null: that was all.
 */
export async function trimHistory(
  { db }: OperationContext,
  { from, before, limit }: { readonly from: number; readonly before: number; readonly limit: number },
): Promise<{ readonly next: number | null }> {
  const runs = await db
    .selectFrom('run')
    .select(['id', 'completed_at'])
    .where('state', '=', 'completed')
    .where('completed_at', '>=', from)
    .where('completed_at', '<', before)
    .orderBy('completed_at')
    .limit(limit)
    .execute();
  if (runs.length === 0) return { next: null };
  const ids = runs.map(({ id }) => id);
  await db.deleteFrom('event').where('run_id', 'in', ids).execute();
  await db
    .deleteFrom('journal')
    .where('attempt_id', 'in', (query) => query.selectFrom('attempt').select('id').where('run_id', 'in', ids))
    .execute();
  const last = runs.at(-1)?.completed_at ?? before;
  // Those of the last moment may be more than fit.
  return { next: runs.length < limit ? null : Math.max(last, from + 1) };
}

/** What has no use any more: nonces, answers to repeated requests, tokens and sessions that are long over. */
export async function deleteExpired(
  { db, now }: OperationContext,
  { endedBefore }: { readonly endedBefore: number },
): Promise<null> {
  await db.deleteFrom('nonce').where('expires_at', '<=', now).execute();
  await db.deleteFrom('idempotency').where('expires_at', '<=', now).execute();
  await db
    .deleteFrom('token')
    .where((eb) => eb.or([eb('expires_at', '<', endedBefore), eb('revoked_at', '<', endedBefore)]))
    .execute();
  await db.deleteFrom('session').where('state', '=', 'ended').where('last_seen', '<', endedBefore).execute();
  return null;
}

async function deleteLogRows(
  { db }: OperationContext,
  attempts: readonly string[],
  tables: readonly ('log_extent' | 'log_stream')[],
): Promise<void> {
  for (let at = 0; at < attempts.length; at += IDS_PER_STATEMENT)
    for (const table of tables)
      await db
        .deleteFrom(table)
        .where('attempt_id', 'in', attempts.slice(at, at + IDS_PER_STATEMENT))
        .execute();
}

const IDS_PER_STATEMENT = 500;
