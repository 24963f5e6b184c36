import { Refusal, type OperationContext } from '../operation.ts';

/** A log as the database has it. */
export interface StoredLog {
  readonly step: number;
  readonly length: number;
  readonly lines: number;
  readonly openLine: boolean;
  readonly sealedLength: number | null;
  readonly sealedHash: string | null;
  readonly cut: string | null;
  readonly removedAt: number | null;
}

export interface Extent {
  readonly offset: number;
  readonly length: number;
  readonly segment: string;
  readonly position: number;
  /** Of the line that the first byte belongs to. */
  readonly firstLine: number;
  readonly midLine: boolean;
}

/** The server keeps no more of a log than it is configured to. */
export const SERVER_LIMIT = 'server-limit';

/** Every log of an attempt, by step. */
export async function listLogs(
  { db }: OperationContext,
  { attempt }: { readonly attempt: string },
): Promise<StoredLog[]> {
  const rows = await db
    .selectFrom('log_stream')
    .select(COLUMNS)
    .where('attempt_id', '=', attempt)
    .orderBy('step')
    .execute();
  return rows.map(storedLog);
}

/**
 * The log, and the extents from the one that has the byte on, or from the one in which the line begins; none where there
 * is no such byte or line yet.
 */
export async function findLog(
  { db }: OperationContext,
  input: {
    readonly attempt: string;
    readonly step: number;
    readonly from: { readonly byte: number } | { readonly line: number };
    readonly limit: number;
  },
): Promise<{ readonly log: StoredLog; readonly extents: readonly Extent[] }> {
  const { attempt, step, from, limit } = input;
  const row = await db
    .selectFrom('log_stream')
    .select(COLUMNS)
    .where('attempt_id', '=', attempt)
    .where('step', '=', step)
    .executeTakeFirst();
  if (!row) throw new Refusal('not_found', null, `step ${step} of this attempt has no log yet`);
  const of = db.selectFrom('log_extent').where('attempt_id', '=', attempt).where('step', '=', step);
  const first = await of
    .select('offset')
    .$if('byte' in from, (query) => query.where('offset', '<=', 'byte' in from ? from.byte : 0))
    .$if('line' in from, (query) => {
      const line = 'line' in from ? from.line : 0;
      return query.where((eb) =>
        eb.or([eb('first_line', '<', line), eb.and([eb('first_line', '=', line), eb('mid_line', '=', 0)])]),
      );
    })
    .orderBy('offset', 'desc')
    .limit(1)
    .executeTakeFirst();
  const extents = await of
    .select(['offset', 'length', 'segment', 'position', 'first_line', 'mid_line'])
    .where('offset', '>=', first?.offset ?? 0)
    .orderBy('offset')
    .limit(limit)
    .execute();
  return {
    log: storedLog(row),
    extents: extents.map(({ offset, length, segment, position, first_line, mid_line }) => {
      return { offset, length, segment, position, firstLine: first_line, midLine: mid_line === 1 };
    }),
  };
}

const COLUMNS = ['step', 'length', 'lines', 'open_line', 'sealed_length', 'sealed_hash', 'cut', 'removed_at'] as const;

function storedLog(row: {
  step: number;
  length: number;
  lines: number;
  open_line: number;
  sealed_length: number | null;
  sealed_hash: string | null;
  cut: string | null;
  removed_at: number | null;
}): StoredLog {
  return {
    step: row.step,
    length: row.length,
    lines: row.lines,
    openLine: row.open_line === 1,
    sealedLength: row.sealed_length,
    sealedHash: row.sealed_hash,
    cut: row.cut,
    removedAt: row.removed_at,
  };
}
