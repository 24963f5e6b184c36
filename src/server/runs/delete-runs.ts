import type { OperationContext } from '../operation.ts';
import { dropSpecs } from './run-spec.ts';

/** Databases limit the parameters of a statement. */
const MAX_RUNS_AT_ONCE = 500;

/** Deletes runs that have ended, the oldest first, with all that belongs to them but the bytes of their logs. */
export async function deleteRuns(
  context: OperationContext,
  {
    completedBefore,
    limit,
  }: {
    /** Milliseconds since the epoch. */
    readonly completedBefore: number;
    readonly limit: number;
  },
): Promise<{ deleted: number[] }> {
  const { db } = context;
  const rows = await db
    .selectFrom('run')
    .select(['id', 'input_sha', 'submission_sha'])
    .where('state', '=', 'completed')
    .where('completed_at', '<', completedBefore)
    .orderBy('completed_at')
    .limit(Math.min(limit, MAX_RUNS_AT_ONCE))
    .execute();
  const deleted = rows.map(({ id }) => id);
  if (deleted.length === 0) return { deleted };
  await db.deleteFrom('run').where('id', 'in', deleted).execute();
  await dropSpecs(
    context,
    rows.flatMap(({ input_sha, submission_sha }) => [input_sha, submission_sha]),
  );
  return { deleted };
}
