import { type Kysely, sql } from 'kysely';
import type { Cancel, SyncReply, SyncRequest } from '../../protocol/agent-api.ts';
import type { AttemptState } from '../../protocol/attempt-state.ts';
import { attemptRecordSchema } from '../../protocol/attempt-record.ts';
import { type OperationContext, Refusal } from '../operation.ts';
import type { Database } from '../database.ts';
import { Statement, times } from '../storage/statement.ts';
import { applyRecords, type ReportedAttempt } from './apply-records.ts';
import { cancelDeadline } from './cancel-deadline.ts';
import { checkChain } from './check-chain.ts';
import {
  DUPLICATE_RECORDS_TOTAL,
  FENCED_TOTAL,
  FORK_TOTAL,
  GAP_TOTAL,
  LATE_REPORTS_TOTAL,
  LEASE_RENEW_LAG_SECONDS,
} from './counted.ts';
import { IDS_PER_STATEMENT } from './limits.ts';
import { lockRunsOf } from './lock-runs.ts';
import { announceLogs } from './log-rows.ts';
import { moveAttempts } from './move-attempt.ts';
import { requireSession } from './require-session.ts';

type SyncedAttempt = SyncRequest['attempts'][number];

/** Without what only the service knows. */
export type SyncedReply = Omit<SyncReply['attempts'][number], 'live'>;

interface Row extends ReportedAttempt {
  readonly session_id: string | null;
  readonly runner_id: string | null;
  readonly ack_seq: number;
  readonly journal_hash: string;
  readonly quarantined: number;
  readonly cancel_force: number;
  readonly cancel_at: number | null;
  readonly lost: string | null;
  readonly late_report: string | null;
  /** Of its session. */
  readonly session_state: string | null;
  /** Of its lease. */
  readonly due_at: number | null;
}

/**
 * Renews leases and applies what workers reported, exactly once: what is known is dropped, gaps are refused. A lease is
 * not renewed where the answer is not `ok`, so that an attempt that cannot go on does not stay for ever.
 */
export async function syncAttempts(
  context: OperationContext,
  { session, attempts }: { readonly session: string; readonly attempts: SyncRequest['attempts'] },
): Promise<{ readonly attempts: readonly SyncedReply[] }> {
  demandOnce(attempts);
  const replies: SyncedReply[] = [];
  for (let at = 0; at === 0 || at < attempts.length; at += IDS_PER_STATEMENT)
    replies.push(...(await syncSome(context, session, attempts.slice(at, at + IDS_PER_STATEMENT))));
  return { attempts: replies };
}

/** What is said twice in one request would be held against the same state twice. */
function demandOnce(attempts: readonly SyncedAttempt[]): void {
  const named = new Set<string>();
  for (const { attempt, fence } of attempts) {
    const key = `${attempt} ${fence}`;
    if (named.has(key)) throw new Refusal('invalid', null, `the attempt ${attempt} is named twice`);
    named.add(key);
  }
}

async function syncSome(
  context: OperationContext,
  session: string,
  attempts: readonly SyncedAttempt[],
): Promise<readonly SyncedReply[]> {
  const rows = await readRows(context, attempts);
  // What the session has says of the session what there is to know: it is asked for only otherwise.
  const holds = [...rows.values()].some((row) => row.session_id === session && row.session_state !== 'ended');
  const own = attempts.every(({ attempt }) => rows.get(attempt)?.session_id === session);
  const runner = holds && own ? null : await requireSession(context, session);
  const replies: SyncedReply[] = [];
  const renewed: Row[] = [];
  for (const sent of attempts) {
    const row = rows.get(sent.attempt);
    if (row?.session_id !== session || row.fence !== sent.fence) {
      context.count(FENCED_TOTAL);
      if (row && (runner === null || row.runner_id === runner)) await keepLateReport(context, row, sent);
      replies.push({ attempt: sent.attempt, result: 'fenced', ack: row?.ack_seq ?? 0, cancel: null });
      continue;
    }
    const { result, ack, finished } = await syncOne(context, row, sent);
    if (result === 'ok' && !finished && row.state !== 'finished') renewed.push(row);
    replies.push({ attempt: row.id, result, ack, cancel: finished ? null : cancelOf(row) });
  }
  await renew(context, renewed);
  await announceLogs(
    context,
    attempts
      .filter(({ attempt }) => replies.some((reply) => reply.attempt === attempt && reply.result === 'ok'))
      .flatMap(({ attempt, logs }) => logs.map((log) => ({ attempt, ...log }))),
  );
  return replies;
}

async function readRows(
  context: OperationContext,
  attempts: readonly SyncedAttempt[],
): Promise<ReadonlyMap<string, Row>> {
  const ids = attempts.map(({ attempt }) => attempt);
  if (ids.length === 0) return new Map();
  const lock = context.locks && attempts.some(({ records }) => records.length > 0);
  if (lock) await lockRunsOf(context, sql`id in (${sql.join(ids)})`);
  const rows = await (lock ? READ_LOCKED : READ).execute(context, ids, ids.length);
  return new Map(rows.map((row) => [row.id, { ...row, state: row.state as AttemptState }]));
}

const READ_COLUMNS = (db: Kysely<Database>, ids: readonly string[]) =>
  db
    .selectFrom('attempt')
    .innerJoin('job', 'job.id', 'attempt.job_id')
    .leftJoin('session', 'session.id', 'attempt.session_id')
    .leftJoin('lease', 'lease.attempt_id', 'attempt.id')
    .select(['attempt.id', 'attempt.fence', 'attempt.state', 'attempt.job_id', 'attempt.run_id', 'attempt.no'])
    .select(['attempt.policy', 'attempt.session_id', 'attempt.runner_id', 'attempt.ack_seq', 'attempt.journal_hash'])
    .select(['attempt.quarantined', 'attempt.cancel_cause', 'attempt.cancel_force', 'attempt.cancel_at'])
    .select(['attempt.lost', 'attempt.late_report', 'job.key', 'lease.due_at'])
    .select('session.state as session_state')
    .where('attempt.id', 'in', ids)
    .orderBy('attempt.id');

const READ = new Statement((db, hole, rows) => READ_COLUMNS(db, times(rows, hole)));
const READ_LOCKED = new Statement((db, hole, rows) => READ_COLUMNS(db, times(rows, hole)).forUpdate('attempt'));

async function syncOne(
  context: OperationContext,
  row: Row,
  sent: SyncedAttempt,
): Promise<{ readonly result: SyncedReply['result']; readonly ack: number; readonly finished: boolean }> {
  const { id, ack_seq: ack } = row;
  const unchanged = { ack, finished: false };
  if (row.quarantined === 1) return { ...unchanged, result: 'fork' };
  if (row.state === 'offered') return { ...unchanged, result: 'illegal' };
  const chain = await checkChain(context, { id, ack, hash: row.journal_hash }, sent);
  if (chain.kind === 'gap') {
    context.count(GAP_TOTAL);
    return { ...unchanged, result: 'gap' };
  }
  if (chain.kind === 'fork') {
    context.count(FORK_TOTAL);
    await context.db.updateTable('attempt').set({ quarantined: 1 }).where('id', '=', id).execute();
    return { ...unchanged, result: 'fork' };
  }
  for (let count = 0; count < chain.duplicates; count++) context.count(DUPLICATE_RECORDS_TOTAL);
  if (chain.fresh.length === 0) return { ...unchanged, result: 'ok' };
  if (row.state === 'finished') return { ...unchanged, result: 'illegal' };
  const applied = await applyRecords(context, row, chain.fresh);
  return { result: applied.illegal ? 'illegal' : 'ok', ack: applied.ack ?? ack, finished: applied.finished };
}

function cancelOf({ cancel_cause, cancel_force }: Row): SyncedReply['cancel'] {
  if (cancel_cause === null) return null;
  return { cause: cancel_cause as Cancel['cause'], force: cancel_force === 1 };
}

const MS_PER_SECOND = 1_000;

async function renew(context: OperationContext, rows: readonly Row[]): Promise<void> {
  const { now, settings } = context;
  await moveAttempts(
    context,
    rows.filter(({ state }) => state === 'disconnected'),
    { to: 'running' },
  );
  const due = now + settings.leaseMs;
  const byDue = new Map<number, string[]>();
  for (const row of rows) {
    if (row.state === 'running' && row.due_at !== null && row.cancel_at === null)
      context.observe(LEASE_RENEW_LAG_SECONDS, Math.max(0, now - (row.due_at - settings.leaseMs)) / MS_PER_SECOND);
    const at = Math.min(due, cancelDeadline(row, settings) ?? due);
    if (mayStay(row, at, settings.leaseMs * RENEWAL_STEP)) continue;
    byDue.set(at, [...(byDue.get(at) ?? []), row.id]);
  }
  for (const [at, ids] of byDue) await RENEW.execute(context, [at, ...ids], ids.length);
}

/** Of a lease, what a renewal has to move it by. */
const RENEWAL_STEP = 0.1;

/**
 * A lease that would move by little stays as it is: most of what a report writes would be that. Not where another runner
 * may begin at its end: its agent counts from now.
 */
function mayStay({ policy, cancel_at, due_at }: Row, at: number, stepMs: number): boolean {
  return policy !== 'exclusive' && cancel_at === null && due_at !== null && due_at <= at && due_at > at - stepMs;
}

const RENEW = new Statement((db, hole, rows) =>
  db.updateTable('lease').set({ due_at: hole() }).where('attempt_id', 'in', times(rows, hole)),
);

/** A result that comes after the server has concluded the attempt: kept to be looked at, not applied. */
async function keepLateReport(context: OperationContext, row: Row, { records }: SyncedAttempt): Promise<void> {
  if (row.state !== 'finished' || row.lost === null || row.late_report !== null) return;
  const last = records.at(-1);
  if (last === undefined || !isFinish(last)) return;
  await context.db.updateTable('attempt').set({ late_report: last }).where('id', '=', row.id).execute();
  context.count(LATE_REPORTS_TOTAL);
}

function isFinish(text: string): boolean {
  try {
    return attemptRecordSchema.safeParse(JSON.parse(text)).data?.kind === 'job-finished';
  } catch {
    // No JSON, so no result either.
    return false;
  }
}
