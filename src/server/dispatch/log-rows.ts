import type { AttemptRecord } from '../../protocol/attempt-record.ts';
import type { OperationContext } from '../operation.ts';

/** What an agent has of a step's log. */
export interface AnnouncedLog {
  readonly attempt: string;
  readonly step: number;
  readonly length: number;
}

const NOTHING_YET = { length: 0, lines: 0, sealed_length: null, sealed_hash: null, cut: null, removed_at: null };

/** Databases limit the parameters of a statement. */
const ROWS_PER_STATEMENT = 200;

/** Notes how much is still to come. */
export async function announceLogs({ db }: OperationContext, announced: readonly AnnouncedLog[]): Promise<void> {
  // A statement changes a row once.
  const logs = [...new Map(announced.map((log) => [`${log.attempt} ${log.step}`, log])).values()];
  for (let at = 0; at < logs.length; at += ROWS_PER_STATEMENT)
    await db
      .insertInto('log_stream')
      .values(
        logs
          .slice(at, at + ROWS_PER_STATEMENT)
          .map(({ attempt, step, length }) => ({ ...NOTHING_YET, attempt_id: attempt, step, announced: length })),
      )
      .onConflict((conflict) =>
        conflict
          .columns(['attempt_id', 'step'])
          .doUpdateSet((set) => ({ announced: set.ref('excluded.announced') }))
          .whereRef('log_stream.announced', '<', 'excluded.announced'),
      )
      .execute();
}

export async function sealLogs(
  context: OperationContext,
  attemptId: string,
  sealed: readonly Extract<AttemptRecord, { kind: 'log-sealed' }>[],
): Promise<void> {
  for (const { step, length, hash, cut } of sealed) {
    const seal = { announced: length, sealed_length: length, sealed_hash: hash };
    await context.db
      .insertInto('log_stream')
      .values({ ...NOTHING_YET, attempt_id: attemptId, step, ...seal, cut })
      // What the server itself left out stays said.
      .onConflict((conflict) =>
        conflict.columns(['attempt_id', 'step']).doUpdateSet(cut === null ? seal : { ...seal, cut }),
      )
      .execute();
  }
  if (sealed.length > 0) context.wake(`log:${attemptId}`);
}
