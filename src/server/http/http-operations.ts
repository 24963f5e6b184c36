import type { OperationContext } from '../operation.ts';
import { claimIdempotencyKey, settleIdempotencyKey } from './idempotency-operations.ts';
import { findLogs, readLogState } from './view-operations.ts';

export const httpOperations = {
  'claim-idempotency-key': claimIdempotencyKey,
  'settle-idempotency-key': settleIdempotencyKey,
  'find-logs': findLogs,
  'read-log-state': readLogState,
  ping,
};

export const HTTP_READS = [
  'find-logs',
  'read-log-state',
  'ping',
] as const satisfies readonly (keyof typeof httpOperations)[];

/** Something that only a database that works can answer. */
async function ping({ db }: OperationContext): Promise<null> {
  await db.selectFrom('setting').select('name').limit(1).execute();
  return null;
}
