import type { OperationContext } from '../operation.ts';
import { SERVER_LIMIT } from './find-log.ts';

interface LogId {
  readonly attempt: string;
  readonly step: number;
}

/** Says that the server keeps no more of this log. */
export async function cutLog(context: OperationContext, { attempt, step }: LogId): Promise<null> {
  await context.db
    .insertInto('log_stream')
    .values({ attempt_id: attempt, step, ...EMPTY, cut: SERVER_LIMIT })
    .onConflict((conflict) => conflict.columns(['attempt_id', 'step']).doUpdateSet({ cut: SERVER_LIMIT }))
    .execute();
  context.wake(`log:${attempt}`);
  return null;
}

const EMPTY = { length: 0, lines: 0, announced: 0, sealed_length: null, sealed_hash: null, removed_at: null };

/** Forgets the bytes of a log that turned out to be others than its agent has: it sends them again. */
export async function resetLog(context: OperationContext, { attempt, step }: LogId): Promise<null> {
  const { db } = context;
  await db.deleteFrom('log_extent').where('attempt_id', '=', attempt).where('step', '=', step).execute();
  await db
    .updateTable('log_stream')
    .set({ length: 0, lines: 0, open_line: 0, verified: 0 })
    .where('attempt_id', '=', attempt)
    .where('step', '=', step)
    .execute();
  context.wake(`log:${attempt}`);
  return null;
}

export interface UnverifiedLog extends LogId {
  readonly length: number;
  readonly hash: string;
}

/** Complete logs whose bytes were not compared with their hash yet. */
export async function listUnverifiedLogs(
  { db }: OperationContext,
  { limit }: { readonly limit: number },
): Promise<UnverifiedLog[]> {
  const rows = await db
    .selectFrom('log_stream')
    .select(['attempt_id', 'step', 'length', 'sealed_hash'])
    .where('verified', '=', 0)
    .where('sealed_length', 'is not', null)
    .whereRef('length', '=', 'sealed_length')
    .where('removed_at', 'is', null)
    .orderBy('attempt_id')
    .limit(limit)
    .execute();
  return rows.map(({ attempt_id, step, length, sealed_hash }) => {
    return { attempt: attempt_id, step, length, hash: sealed_hash ?? '' };
  });
}

/** What came of the comparison. */
export async function markVerified(
  { db }: OperationContext,
  { logs }: { readonly logs: readonly (LogId & { readonly matches: boolean })[] },
): Promise<null> {
  for (const [verified, matches] of [
    [1, true],
    [2, false],
  ] as const) {
    const rows = logs.filter((log) => log.matches === matches);
    for (let at = 0; at < rows.length; at += LOGS_PER_STATEMENT)
      await db
        .updateTable('log_stream')
        .set({ verified })
        .where((eb) =>
          eb.or(
            rows
              .slice(at, at + LOGS_PER_STATEMENT)
              .map(({ attempt, step }) => eb.and([eb('attempt_id', '=', attempt), eb('step', '=', step)])),
          ),
        )
        .execute();
  }
  return null;
}

const LOGS_PER_STATEMENT = 100;
