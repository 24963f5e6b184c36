import type { Selectable } from 'kysely';
import type { RunSummary } from '../../protocol/run-api.ts';
import type { Database } from '../database.ts';
import type { OperationContext } from '../operation.ts';
import { waitersBesideHolders, waitSentence, waitSentences } from './group-waits.ts';
import { isoTime } from './run-events.ts';

type Row = Pick<Selectable<Database['run']>, 'id' | 'waiting'> & Selectable<Database['run']>;

/** In the order of the ids; those that are gone are left out. */
export async function readSummaries(context: OperationContext, ids: readonly number[]): Promise<RunSummary[]> {
  if (ids.length === 0) return [];
  const rows = await context.db.selectFrom('run').selectAll().where('id', 'in', ids).execute();
  const summaries = new Map((await summariesOf(context, rows)).map((summary) => [summary.id, summary]));
  return ids.flatMap((id) => summaries.get(id) ?? []);
}

export async function summariesOf(context: OperationContext, rows: readonly Row[]): Promise<RunSummary[]> {
  const names = await repositoryNames(context, rows);
  const reasons = await waitReasonsOfRuns(
    context,
    rows.flatMap(({ id, waiting }) => (waiting === null ? [] : [id])),
  );
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    path: row.path,
    repository: row.repo_id === null ? null : (names.get(row.repo_id) ?? null),
    event: row.event,
    ref: row.ref,
    sha: row.sha,
    actor: row.actor,
    state: row.state,
    waiting: row.waiting === null ? null : (reasons.get(row.id) ?? waitSentence(row.waiting, [])),
    paused: row.paused === 1,
    conclusion: row.conclusion as RunSummary['conclusion'],
    cancelling: row.cancelling !== null && row.state !== 'completed',
    attempt: row.attempt,
    createdAt: isoTime(row.created_at),
    startedAt: maybeTime(row.started_at),
    completedAt: maybeTime(row.completed_at),
  }));
}

export function maybeTime(ms: number | null): string | null {
  return ms === null ? null : isoTime(ms);
}

async function repositoryNames({ db }: OperationContext, rows: readonly Row[]): Promise<Map<number, string>> {
  const ids = [...new Set(rows.flatMap(({ repo_id }) => repo_id ?? []))];
  if (ids.length === 0) return new Map();
  const repos = await db.selectFrom('repo').select(['id', 'name']).where('id', 'in', ids).execute();
  return new Map(repos.map(({ id, name }) => [id, name]));
}

/** Of runs that wait for their own group: who holds it now. */
async function waitReasonsOfRuns({ db }: OperationContext, ids: readonly number[]): Promise<Map<number, string>> {
  if (ids.length === 0) return new Map();
  const rows = await waitersBesideHolders(db)
    .select(['waiter.run_id', 'waiter.name', 'holder.run_id as run'])
    .where('waiter.run_id', 'in', ids)
    .where('waiter.key', '=', '')
    .orderBy('holder.position')
    .execute();
  return waitSentences(rows, ({ run_id }) => run_id);
}
