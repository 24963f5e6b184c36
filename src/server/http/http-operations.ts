import { claimIdempotencyKey, settleIdempotencyKey } from './idempotency-operations.ts';

export const httpOperations = {
  'claim-idempotency-key': claimIdempotencyKey,
  'settle-idempotency-key': settleIdempotencyKey,
};
