import type { OperationContext } from '../operation.ts';
import { NONCE_MS } from './limits.ts';

/** Keeps a nonce, good for one signature. */
export async function issueNonce({ db, now }: OperationContext, { value }: { readonly value: string }): Promise<null> {
  await db.deleteFrom('nonce').where('expires_at', '<=', now).execute();
  await db
    .insertInto('nonce')
    .values({ value, expires_at: now + NONCE_MS })
    .execute();
  return null;
}

/** What a runner's signature is verified with, or null for one that is not known. */
export async function findRunnerKey(
  { db }: OperationContext,
  { runner }: { readonly runner: string },
): Promise<{ readonly publicKey: string } | null> {
  const row = await db
    .selectFrom('runner')
    .select('public_key')
    .where('id', '=', runner)
    .where('removed_at', 'is', null)
    .executeTakeFirst();
  return row ? { publicKey: row.public_key } : null;
}
