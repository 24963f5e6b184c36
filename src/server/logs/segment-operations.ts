import type { OperationContext } from '../operation.ts';
import { INCARNATION_SETTING } from '../storage/incarnation.ts';

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

/** In which life of the database every segment was looked through. */
const REBUILT_SETTING = 'logs_rebuilt_in';

/** True after a restore, until every segment was looked through for what the database does not know. */
export async function needsRebuild({ db }: OperationContext): Promise<boolean> {
  const rows = await db
    .selectFrom('setting')
    .select('value')
    .where('name', 'in', [INCARNATION_SETTING, REBUILT_SETTING])
    .execute();
  return rows.length < 2 || rows[0]?.value !== rows[1]?.value;
}

export async function markRebuilt({ db }: OperationContext): Promise<null> {
  const { value } = await db
    .selectFrom('setting')
    .select('value')
    .where('name', '=', INCARNATION_SETTING)
    .executeTakeFirstOrThrow();
  await db
    .insertInto('setting')
    .values({ name: REBUILT_SETTING, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute();
  return null;
}

/** Those that no log refers to; none while it is not known what refers to them. */
export async function findUnusedSegments(
  context: OperationContext,
  { segments }: { readonly segments: readonly string[] },
): Promise<string[]> {
  if (await needsRebuild(context)) return [];
  const { db } = context;
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
