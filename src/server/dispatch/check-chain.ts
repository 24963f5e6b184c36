import { CHAIN_START, chainHash } from '../../kernel/record-chain.ts';
import type { SyncRequest } from '../../protocol/agent-api.ts';
import type { OperationContext } from '../operation.ts';
import type { Chained } from './read-records.ts';

export type ChainCheck =
  /** `duplicates`: records that are known already and were dropped. */
  | { readonly kind: 'follows'; readonly fresh: readonly Chained[]; readonly duplicates: number }
  | { readonly kind: 'gap' }
  /** Same number, other hash: two writers, or a broken disk. */
  | { readonly kind: 'fork' };

/** Holds what an agent sends against what is stored: the records behind `ack` are the rest of the same chain, or not. */
export async function checkChain(
  context: OperationContext,
  { id, ack, hash }: { readonly id: string; readonly ack: number; readonly hash: string },
  { from, before, records }: Pick<SyncRequest['attempts'][number], 'from' | 'before' | 'records'>,
): Promise<ChainCheck> {
  if (from > ack + 1) return { kind: 'gap' };
  const chain: Chained[] = [];
  let last = before;
  for (const [index, text] of records.entries()) {
    last = chainHash(last, text);
    chain.push({ seq: from + index, hash: last, text });
  }
  const end = from - 1 + records.length;
  const fresh = chain.slice(Math.max(0, ack - from + 1));
  // The chain of hashes makes one comparison do for all that is before it.
  const compared = end >= ack ? (from === ack + 1 ? before : chain[ack - from]?.hash) : last;
  const expected = end >= ack ? hash : await hashAt(context, id, end);
  if (compared !== expected) return { kind: 'fork' };
  return { kind: 'follows', fresh, duplicates: records.length - fresh.length };
}

/**
 * Between the records of one row of `journal`, which has those that came together: its number and its hash are those of
 * the last of them. No JSON has this character as it is.
 */
export const RECORD_SEPARATOR = '\x1e';

async function hashAt(context: OperationContext, id: string, seq: number): Promise<string | null> {
  if (seq === 0) return CHAIN_START;
  const row = await context.db
    .selectFrom('journal')
    .select(['seq', 'hash', 'body'])
    .where('attempt_id', '=', id)
    .where('seq', '>=', seq)
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined || row.seq === seq) return row?.hash ?? null;
  const texts = row.body.split(RECORD_SEPARATOR);
  const before = row.seq - texts.length;
  let hash = await hashAt(context, id, before);
  for (const text of texts.slice(0, seq - before)) hash = hash && chainHash(hash, text);
  return hash;
}
