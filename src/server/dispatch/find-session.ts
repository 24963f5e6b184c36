import { type OperationContext, Refusal } from '../operation.ts';

/** What the service keeps of a session. */
export interface FoundSession {
  readonly session: string;
  readonly runner: string;
  readonly runnerName: string;
  /** X25519, SPKI in base64. */
  readonly sealKey: string;
  readonly labels: readonly string[];
  readonly features: readonly string[];
  /** Of its runner. */
  readonly group: string;
  /** From now on. */
  readonly expiresMs: number;
}

/**
 * Whose token has this SHA-256. Refuses an unknown one, one that has run out, and one of a session that is over, with
 * `superseded` where a newer one of the same runner exists.
 */
export async function findSession(
  { db, now }: OperationContext,
  { tokenHash }: { readonly tokenHash: string },
): Promise<FoundSession> {
  const row = await db
    .selectFrom('session')
    .innerJoin('runner', 'runner.id', 'session.runner_id')
    .selectAll('session')
    .select(['runner.name', 'runner.seal_key', 'runner.removed_at', 'runner.group_name'])
    .where('session.token_hash', '=', tokenHash)
    .executeTakeFirst();
  if (!row) throw new Refusal('unauthorized', 'token-unknown', 'the server does not know this session');
  if (row.removed_at !== null)
    throw new Refusal('unauthorized', 'token-unknown', `the runner ${row.name} was removed from the server`);
  if (row.state === 'ended') {
    const newer = await db
      .selectFrom('session')
      .select('id')
      .where('runner_id', '=', row.runner_id)
      .where('epoch', '>', row.epoch)
      .executeTakeFirst();
    if (newer) throw new Refusal('conflict', 'superseded', `a newer session of the runner ${row.name} exists`);
    throw new Refusal('unauthorized', 'token-expired', 'the session is over; open another');
  }
  if (row.expires_at <= now)
    throw new Refusal('unauthorized', 'token-expired', 'the token of the session has run out; open another');
  return {
    session: row.id,
    runner: row.runner_id,
    runnerName: row.name,
    sealKey: row.seal_key,
    labels: JSON.parse(row.labels) as string[],
    features: JSON.parse(row.features) as string[],
    group: row.group_name,
    expiresMs: row.expires_at - now,
  };
}

/** Sessions that were heard of: their tokens last on from here. */
export async function touchSessions(
  { db, now, settings }: OperationContext,
  { sessions }: { readonly sessions: readonly string[] },
): Promise<null> {
  if (sessions.length === 0) return null;
  await db
    .updateTable('session')
    .set({ last_seen: now, expires_at: now + settings.sessionTokenMs })
    .where('id', 'in', sessions)
    .where('state', '!=', 'ended')
    .execute();
  await db
    .updateTable('runner')
    .set({ last_seen: now })
    .where('id', 'in', (query) => query.selectFrom('session').select('runner_id').where('id', 'in', sessions))
    .execute();
  return null;
}
