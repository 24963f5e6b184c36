import type { RunSummary } from '../../protocol/run-api.ts';
import type { OperationContext } from '../operation.ts';
import type { RunFilter } from './run-service.ts';
import { summariesOf } from './run-summaries.ts';

/** Newest first. A `ref` without `refs/` is a branch or a tag. */
export async function listRuns(
  context: OperationContext,
  { repository, state, event, ref, cursor, limit }: RunFilter,
): Promise<{ runs: RunSummary[]; cursor: number | null }> {
  const { db } = context;
  let query = db
    .selectFrom('run')
    .selectAll()
    .orderBy('id', 'desc')
    .limit(limit + 1);
  if (repository !== undefined) {
    const repo = await db.selectFrom('repo').select('id').where('name', '=', repository).executeTakeFirst();
    if (!repo) return { runs: [], cursor: null };
    query = query.where('repo_id', '=', repo.id);
  }
  if (state !== undefined) query = query.where('state', '=', state);
  if (event !== undefined) query = query.where('event', '=', event);
  if (ref !== undefined)
    query = query.where('ref', 'in', ref.startsWith('refs/') ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`]);
  if (cursor !== undefined) query = query.where('id', '<', cursor);
  const rows = await query.execute();
  const page = rows.slice(0, limit);
  return {
    runs: await summariesOf(context, page),
    cursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null,
  };
}
