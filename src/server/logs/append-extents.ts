import { sql } from 'kysely';
import type { OperationContext } from '../operation.ts';
import { rawStatement } from '../storage/statement.ts';
import type { Extent } from './find-log.ts';
import { padded, valuesOf } from './log-rows.ts';

/** What became durable of one log: it ended at `offset`, and ends at `end` now. */
export interface AppendedLog {
  readonly attempt: string;
  readonly step: number;
  readonly offset: number;
  readonly end: number;
  /** Of the whole log: lines that have begun, and whether the last one has no end yet. */
  readonly lines: number;
  readonly openLine: boolean;
  readonly extents: readonly Extent[];
}

/** `stale`: the log does not end at `offset` in the database, or takes no more; nothing was changed. */
export type AppendOutcome =
  | { readonly kind: 'appended'; readonly sealedLength: number | null; readonly sealedHash: string | null }
  | { readonly kind: 'stale' };

const [text, bigint] = ['text', 'bigint'] as const;

interface Row {
  attempt_id: string;
  step: number;
  sealed_length: number | null;
  sealed_hash: string | null;
}

/**
 * Makes bytes part of their logs, each log once in a call: only where the log still ends at `offset`, so of two servers
 * that append at the same place one is refused. Answers in the order of the input.
 */
export async function appendExtents(
  context: OperationContext,
  { logs }: { readonly logs: readonly AppendedLog[] },
): Promise<AppendOutcome[]> {
  // One order for everybody who locks rows.
  const sorted = [...logs].sort((a, b) => compare(a.attempt, b.attempt) || a.step - b.step);
  const rows = [
    ...(await begin(
      context,
      sorted.filter(({ offset }) => offset === 0),
    )),
    ...(await extend(
      context,
      sorted.filter(({ offset }) => offset > 0),
    )),
  ];
  const appended = new Map(rows.map((row) => [keyOf(row.attempt_id, row.step), row]));
  await place(
    context,
    sorted.filter(({ attempt, step }) => appended.has(keyOf(attempt, step))),
  );
  for (const attempt of new Set(rows.map((row) => row.attempt_id))) context.wake(`log:${attempt}`);
  return logs.map(({ attempt, step }) => {
    const row = appended.get(keyOf(attempt, step));
    if (!row) return { kind: 'stale' };
    return { kind: 'appended', sealedLength: row.sealed_length, sealedHash: row.sealed_hash };
  });
}

/** First bytes: the row may be there already, made by what the agent says of the log. */
async function begin(context: OperationContext, logs: readonly AppendedLog[]): Promise<Row[]> {
  const found: Row[] = [];
  const ends = logs.map((log) => [log.attempt, log.step, log.end, log.lines, log.openLine ? 1 : 0]);
  for (const rows of padded(ends, ['', 0, 0, 0, 0]))
    found.push(...(await BEGIN.execute(context, rows.flat(), rows.length)));
  return found;
}

const BEGIN = rawStatement(
  (hole, rows) => sql<Row>`with v (a, s, e, l, p) as (
      ${valuesOf(rows, hole, [text, bigint, bigint, bigint, bigint])})
    insert into log_stream (attempt_id, step, length, lines, open_line, announced)
    select a, s, e, l, p, e from v where a <> ''
    on conflict (attempt_id, step) do update set length = excluded.length, lines = excluded.lines,
      open_line = excluded.open_line,
      announced = case when log_stream.announced > excluded.length then log_stream.announced else excluded.length end
    where log_stream.length = 0 and log_stream.removed_at is null
      and (log_stream.sealed_length is null or log_stream.sealed_length >= excluded.length)
    returning attempt_id, step, sealed_length, sealed_hash`,
);

async function extend(context: OperationContext, logs: readonly AppendedLog[]): Promise<Row[]> {
  const found: Row[] = [];
  const ends = logs.map((log) => [log.attempt, log.step, log.offset, log.end, log.lines, log.openLine ? 1 : 0]);
  for (const rows of padded(ends, ['', 0, 0, 0, 0, 0]))
    found.push(...(await EXTEND.execute(context, rows.flat(), rows.length)));
  return found;
}

const EXTEND = rawStatement(
  (hole, rows) => sql<Row>`with v (a, s, o, e, l, p) as (
      ${valuesOf(rows, hole, [text, bigint, bigint, bigint, bigint, bigint])})
    update log_stream set length = v.e, lines = v.l, open_line = v.p,
      announced = case when announced > v.e then announced else v.e end
    from v where attempt_id = v.a and step = v.s and length = v.o and removed_at is null
      and (sealed_length is null or sealed_length >= v.e)
    returning attempt_id, step, sealed_length, sealed_hash`,
);

async function place(context: OperationContext, logs: readonly AppendedLog[]): Promise<void> {
  const extents = logs.flatMap(({ attempt, step, extents }) =>
    extents.map((one) => {
      const { offset, length, segment, position, firstLine, midLine } = one;
      return [attempt, step, offset, length, segment, position, firstLine, midLine ? 1 : 0];
    }),
  );
  for (const rows of padded(extents, ['', 0, 0, 0, '', 0, 0, 0]))
    await PLACE.execute(context, rows.flat(), rows.length);
}

const PLACE = rawStatement(
  (hole, rows) => sql`with v (a, s, o, n, g, p, l, m) as (
      ${valuesOf(rows, hole, [text, bigint, bigint, bigint, text, bigint, bigint, bigint])})
    insert into log_extent (attempt_id, step, "offset", length, segment, position, first_line, mid_line)
    select a, s, o, n, g, p, l, m from v where a <> ''`,
);

function keyOf(attempt: string, step: number): string {
  return `${attempt} ${step}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
