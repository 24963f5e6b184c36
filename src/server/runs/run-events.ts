import { sql } from 'kysely';
import type { RunEvent } from '../../protocol/events.ts';
import type { OperationContext } from '../operation.ts';
import { Statement, times } from '../storage/statement.ts';

/**
 * Tells viewers of a run what happened. Rows of one run get their ids in the order in which they are committed: whoever
 * has seen an id has seen all before it.
 */
export async function emit(context: OperationContext, runId: number, event: RunEvent): Promise<void> {
  await emitAll(context, runId, [event]);
}

/** In this order. */
export async function emitAll(context: OperationContext, runId: number, events: readonly RunEvent[]): Promise<void> {
  if (events.length === 0) return;
  if (context.locks) await lockRun(context, runId);
  for (let from = 0; from < events.length; from += ROWS_PER_STATEMENT) {
    const rows = events.slice(from, from + ROWS_PER_STATEMENT);
    const values = rows.flatMap((event) => [runId, context.now, JSON.stringify(event)]);
    await INSERT.execute(context, values, rows.length);
  }
  context.wake(`run:${runId}`);
}

/** Databases limit the parameters of a statement. */
const ROWS_PER_STATEMENT = 200;

const INSERT = new Statement((db, hole, rows) =>
  db.insertInto('event').values(times(rows, () => ({ run_id: hole(), at: hole(), body: hole() }))),
);

/** Numbers are given out at the insert and not at the commit: two writers would be seen out of order. */
async function lockRun({ db }: OperationContext, runId: number): Promise<void> {
  await sql`select 1 from run where id = ${runId} for no key update`.execute(db);
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
