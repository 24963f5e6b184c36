import type { Offer } from '../../protocol/agent-api.ts';
import type { OperationContext } from '../operation.ts';
import { Statement, times } from '../storage/statement.ts';

interface Offered {
  readonly session: string;
  readonly id: string;
  readonly fence: number;
}

/** What agents are told of attempts that were just offered to them. */
export async function describeOffers(
  context: OperationContext,
  offered: readonly Offered[],
): Promise<{ session: string; offer: Offer }[]> {
  if (offered.length === 0) return [];
  const ids = offered.map(({ id }) => id);
  const rows = await READ.execute(context, ids, ids.length);
  const described = new Map(rows.map((row) => [row.id, row]));
  return offered.flatMap(({ session, id, fence }) => {
    const row = described.get(id);
    if (!row) return [];
    const offer = { attempt: id, fence, run: row.run_id, job: row.key, repository: row.name };
    return [{ session, offer: { ...offer, expiresMs: context.settings.offerMs } }];
  });
}

const READ = new Statement((db, hole, rows) =>
  db
    .selectFrom('attempt')
    .innerJoin('job', 'job.id', 'attempt.job_id')
    .innerJoin('run', 'run.id', 'attempt.run_id')
    .leftJoin('repo', 'repo.id', 'run.repo_id')
    .select(['attempt.id', 'attempt.run_id', 'job.key', 'repo.name'])
    .where('attempt.id', 'in', times(rows, hole)),
);
