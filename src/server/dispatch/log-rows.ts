import type { AttemptRecord } from '../../protocol/attempt-record.ts';
import type { OperationContext } from '../operation.ts';
import { Statement, times } from '../storage/statement.ts';

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
export async function announceLogs(context: OperationContext, announced: readonly AnnouncedLog[]): Promise<void> {
  // A statement changes a row once.
  const logs = [...new Map(announced.map((log) => [`${log.attempt} ${log.step}`, log])).values()];
  for (let at = 0; at < logs.length; at += ROWS_PER_STATEMENT) {
    const rows = logs.slice(at, at + ROWS_PER_STATEMENT);
    const values = rows.flatMap(({ attempt, step, length }) => [attempt, step, length]);
    await ANNOUNCE.execute(context, values, rows.length);
  }
}

const ANNOUNCE = new Statement((db, hole, rows) =>
  db
    .insertInto('log_stream')
    .values(times(rows, () => ({ ...NOTHING_YET, attempt_id: hole(), step: hole(), announced: hole() })))
    .onConflict((conflict) =>
      conflict
        .columns(['attempt_id', 'step'])
        .doUpdateSet((set) => ({ announced: set.ref('excluded.announced') }))
        .whereRef('log_stream.announced', '<', 'excluded.announced'),
    ),
);

export async function sealLogs(
  context: OperationContext,
  attemptId: string,
  sealed: readonly Extract<AttemptRecord, { kind: 'log-sealed' }>[],
): Promise<void> {
  // A statement changes a row once; the last word counts, but what was left out stays said.
  const seals = new Map<number, (typeof sealed)[number]>();
  for (const seal of sealed) seals.set(seal.step, { ...seal, cut: seal.cut ?? seals.get(seal.step)?.cut ?? null });
  const logs = [...seals.values()];
  for (let at = 0; at < logs.length; at += ROWS_PER_STATEMENT) {
    const rows = logs.slice(at, at + ROWS_PER_STATEMENT);
    const values = rows.flatMap(({ step, length, hash, cut }) => [attemptId, step, length, length, hash, cut]);
    await SEAL.execute(context, values, rows.length);
  }
  if (logs.length > 0) context.wake(`log:${attemptId}`);
}

const SEAL = new Statement((db, hole, rows) =>
  db
    .insertInto('log_stream')
    .values(
      times(rows, () => ({
        ...{ attempt_id: hole(), step: hole(), length: 0, lines: 0, announced: hole() },
        ...{ sealed_length: hole(), sealed_hash: hole(), cut: hole(), removed_at: null },
      })),
    )
    .onConflict((conflict) =>
      conflict.columns(['attempt_id', 'step']).doUpdateSet((set) => ({
        announced: set.ref('excluded.announced'),
        sealed_length: set.ref('excluded.sealed_length'),
        sealed_hash: set.ref('excluded.sealed_hash'),
        // What the server itself left out stays said.
        cut: set.fn.coalesce('excluded.cut', 'log_stream.cut'),
      })),
    ),
);
