import type { OperationContext } from '../operation.ts';

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
