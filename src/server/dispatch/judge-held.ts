import type { AttemptVerdict, HeldAttempt } from '../../protocol/agent-api.ts';
import type { OperationContext } from '../operation.ts';
import { adoptRestored } from './adopt-restored.ts';
import { FENCED_TOTAL, FORK_TOTAL } from './counted.ts';
import { IDS_PER_STATEMENT } from './limits.ts';

interface Judged {
  readonly id: string;
  readonly fence: number;
  readonly state: string;
  readonly runner_id: string | null;
  readonly ack_seq: number;
  readonly journal_hash: string;
  readonly quarantined: number;
}

interface StreamRow {
  readonly attempt_id: string;
  readonly step: number;
  readonly length: number;
  readonly sealed_length: number | null;
}

interface HeldBySession {
  readonly runner: string;
  readonly session: string;
  readonly held: readonly HeldAttempt[];
}

/** What is to become of each attempt that a new session has on its disk. Those that go on belong to it from here on. */
export async function judgeHeld(
  context: OperationContext,
  { runner, session, held }: HeldBySession,
): Promise<readonly AttemptVerdict[]> {
  const verdicts: AttemptVerdict[] = [];
  for (let at = 0; at < held.length; at += IDS_PER_STATEMENT)
    verdicts.push(...(await judge(context, { runner, session, held: held.slice(at, at + IDS_PER_STATEMENT) })));
  return verdicts;
}

async function judge(
  context: OperationContext,
  { runner, session, held }: HeldBySession,
): Promise<readonly AttemptVerdict[]> {
  const { db } = context;
  const ids = held.map(({ attempt }) => attempt);
  const rows = await db
    .selectFrom('attempt')
    .select(['id', 'fence', 'state', 'runner_id', 'ack_seq', 'journal_hash', 'quarantined'])
    .where('id', 'in', ids)
    .orderBy('id')
    .$if(context.locks, (query) => query.forUpdate())
    .execute();
  const attempts = new Map(rows.map((row) => [row.id, row]));
  const streams = await db
    .selectFrom('log_stream')
    .select(['attempt_id', 'step', 'length', 'sealed_length'])
    .where('attempt_id', 'in', ids)
    .orderBy('step')
    .execute();
  const verdicts: AttemptVerdict[] = [];
  for (const one of held) {
    const row = attempts.get(one.attempt);
    const logs = streams.filter(({ attempt_id }) => attempt_id === one.attempt);
    verdicts.push({
      attempt: one.attempt,
      verdict: row ? await verdictOf(context, one, row, { runner, session }, logs) : 'unknown',
      ack: row?.ack_seq ?? 0,
      logs: logs.map(({ step, length }) => ({ step, durable: length })),
    });
  }
  const going = verdicts.filter(({ verdict }) => verdict === 'continue').map(({ attempt }) => attempt);
  await adopt(context, going, session);
  return verdicts;
}

async function verdictOf(
  context: OperationContext,
  held: HeldAttempt,
  row: Judged,
  owner: { readonly runner: string; readonly session: string },
  logs: readonly StreamRow[],
): Promise<AttemptVerdict['verdict']> {
  const isOwn = row.fence === held.fence && row.runner_id === owner.runner;
  if (
    (!isOwn || row.state === 'offered' || row.state === 'queued') &&
    !(await adoptRestored(context, held, row, owner))
  ) {
    context.count(FENCED_TOTAL);
    return 'fenced';
  }
  if (row.quarantined === 1) return 'fenced';
  if (held.lastSeq < row.ack_seq || (held.lastSeq === row.ack_seq && held.lastHash !== row.journal_hash)) {
    // Its disk went back, or somebody else wrote: what follows on either is not the truth.
    context.count(FORK_TOTAL);
    await context.db.updateTable('attempt').set({ quarantined: 1 }).where('id', '=', row.id).execute();
    return 'fenced';
  }
  if (
    row.state === 'finished' &&
    logs.every(({ length, sealed_length }) => sealed_length !== null && length >= sealed_length)
  )
    return 'done';
  return 'continue';
}

async function adopt({ db, now, settings }: OperationContext, ids: readonly string[], session: string): Promise<void> {
  if (ids.length === 0) return;
  await db.updateTable('attempt').set({ session_id: session }).where('id', 'in', ids).execute();
  await db.updateTable('lease').set({ session_id: session }).where('attempt_id', 'in', ids).execute();
  await db
    .updateTable('lease')
    .set({ due_at: now + settings.leaseMs })
    .where('attempt_id', 'in', ids)
    .where('due_at', '<', now + settings.leaseMs)
    .execute();
}
