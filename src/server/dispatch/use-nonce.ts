import { NONCE_MS } from '../secrets/nonces.ts';
import { type OperationContext, Refusal } from '../operation.ts';

/** Also of a nonce that a wrong server gave out, or long ago. */
export const STALE_NONCE = {
  code: 'unauthorized',
  reason: 'token-expired',
  message: 'the nonce was used or has run out; ask for another',
  detail: null,
} as const;

/**
 * Remembers a nonce that is fresh (`Nonces`) and was signed, for longer than it stays fresh on any server: so it is good
 * once. Retention deletes it. @throws Refusal
 */
export async function useNonce({ db, now }: OperationContext, nonce: string): Promise<void> {
  const used = await db
    .insertInto('nonce')
    .values({ value: nonce, expires_at: now + 2 * NONCE_MS })
    .onConflict((conflict) => conflict.column('value').doNothing())
    .executeTakeFirst();
  if (used.numInsertedOrUpdatedRows !== 1n)
    throw new Refusal(STALE_NONCE.code, STALE_NONCE.reason, STALE_NONCE.message);
}
