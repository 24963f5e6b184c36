import type { OperationContext } from '../operation.ts';
import { lockText } from './lock-text.ts';

/** Runs of one submission at most: workflows of a repository that one event starts. */
export const MAX_RUNS_PER_SUBMISSION = 100;

/** Runs of an earlier submission with this key; another one that looks at the same time waits for this one. */
export async function knownRuns(context: OperationContext, repo: number | null, key: string): Promise<number[]> {
  await lockText(context, `submission ${repo ?? ''} ${key}`);
  return runsOfKey(context, repo, key);
}

export async function runsOfKey({ db }: OperationContext, repo: number | null, key: string): Promise<number[]> {
  const rows = await db
    .selectFrom('run')
    .select('id')
    .where('repo_id', repo === null ? 'is' : '=', repo)
    .where(
      'dedupe_key',
      'in',
      Array.from({ length: MAX_RUNS_PER_SUBMISSION }, (_, index) => keyOf(key, index)),
    )
    .orderBy('id')
    .execute();
  return rows.map(({ id }) => id);
}

/** A submission may start many runs, and each has a key of its own. */
export function keyOf(key: string, index: number): string {
  return `${key}\n${index}`;
}
