import type { JsonMap } from '../../protocol/job-message.ts';
import type { OperationContext } from '../operation.ts';

/** Variables of the server and of the repository, which win. */
export async function readVars({ db }: OperationContext, repository: string | null): Promise<JsonMap> {
  const rows = await db
    .selectFrom('variable')
    .select(['name', 'value'])
    .where('scope', 'in', ['', ...(repository === null ? [] : [repository])])
    .orderBy('scope')
    .execute();
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}
