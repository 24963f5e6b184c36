import type { OperationContext } from '../operation.ts';

/** Of segments, the position of the last frame that the database knows; -1: none. */
export async function markSegments(
  { db }: OperationContext,
  { segments }: { readonly segments: readonly string[] },
): Promise<number[]> {
  const marks: number[] = [];
  for (const segment of segments) {
    const row = await db
      .selectFrom('log_extent')
      .select(({ fn }) => fn.max('position').as('position'))
      .where('segment', '=', segment)
      .executeTakeFirst();
    marks.push(row?.position ?? -1);
  }
  return marks;
}

/** Those that no log refers to. */
export async function findUnusedSegments(
  { db }: OperationContext,
  { segments }: { readonly segments: readonly string[] },
): Promise<string[]> {
  const unused: string[] = [];
  for (const segment of segments) {
    const used = await db.selectFrom('log_extent').select('segment').where('segment', '=', segment).limit(1).execute();
    if (used.length === 0) unused.push(segment);
  }
  return unused;
}

/** Whether there is such an attempt. */
export async function hasAttempt(
  { db }: OperationContext,
  { attempt }: { readonly attempt: string },
): Promise<boolean> {
  return (await db.selectFrom('attempt').select('id').where('id', '=', attempt).execute()).length > 0;
}
