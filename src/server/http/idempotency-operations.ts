import { Refusal } from '../operation.ts';
import type { OperationContext } from '../operation.ts';

/** What was answered the first time. */
export interface KeptAnswer {
  readonly status: number;
  readonly body: string;
}

interface Kept {
  /** SHA-256 of method, path and body: the same key for another request is a mistake. */
  readonly request: string;
  /** Null while the first one is at work. */
  readonly answer: KeptAnswer | null;
}

const KEEP_MS = 24 * 60 * 60 * 1000;
/** A server that died at work keeps a key from being used again for this long. */
const AT_WORK_MS = 60_000;
/** Removed with every new key, so that the table stays small without a task of its own. */
const MAX_REMOVED = 100;

/** The answer to a request that was made before with this key; null: nobody did, it is the caller's to be answered. */
export async function claimIdempotencyKey(
  context: OperationContext,
  { key, actor, request }: { readonly key: string; readonly actor: string; readonly request: string },
): Promise<KeptAnswer | null> {
  const { db, now } = context;
  const expired = await db
    .selectFrom('idempotency')
    .select(['key', 'actor'])
    .where('expires_at', '<=', now)
    .limit(MAX_REMOVED)
    .execute();
  for (const row of expired)
    await db.deleteFrom('idempotency').where('key', '=', row.key).where('actor', '=', row.actor).execute();
  const response = JSON.stringify({ request, answer: null } satisfies Kept);
  const done = await db
    .insertInto('idempotency')
    .values({ key, actor, response, expires_at: now + AT_WORK_MS })
    .onConflict((conflict) =>
      conflict
        .columns(['key', 'actor'])
        .doUpdateSet({ response, expires_at: now + AT_WORK_MS })
        .where('idempotency.expires_at', '<=', now),
    )
    .executeTakeFirst();
  if (done.numInsertedOrUpdatedRows === 1n) return null;
  const row = await db
    .selectFrom('idempotency')
    .select('response')
    .where('key', '=', key)
    .where('actor', '=', actor)
    .executeTakeFirstOrThrow();
  const kept = JSON.parse(row.response) as Kept;
  if (kept.request !== request)
    throw new Refusal('conflict', null, 'this Idempotency-Key was used for another request; use a new one');
  if (kept.answer === null)
    throw new Refusal('conflict', null, 'a request with this Idempotency-Key is being answered; ask again', {
      retryAfterMs: 1_000,
    });
  return kept.answer;
}

/** `answer` null: it did not work out, and may be tried again with the same key. */
export async function settleIdempotencyKey(
  { db, now }: OperationContext,
  input: {
    readonly key: string;
    readonly actor: string;
    readonly request: string;
    readonly answer: KeptAnswer | null;
  },
): Promise<null> {
  const { key, actor, request, answer } = input;
  if (answer === null) await db.deleteFrom('idempotency').where('key', '=', key).where('actor', '=', actor).execute();
  else
    await db
      .updateTable('idempotency')
      .set({ response: JSON.stringify({ request, answer } satisfies Kept), expires_at: now + KEEP_MS })
      .where('key', '=', key)
      .where('actor', '=', actor)
      .execute();
  return null;
}
