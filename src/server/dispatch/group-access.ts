import { sql } from 'kysely';
import type { OperationContext } from '../operation.ts';
import { Statement } from '../storage/statement.ts';

/** Of a job that goes to the runners of some groups alone: their names, with commas. The second: because it is not trusted. */
export const ACCESS_PREFIXES = ['in:', 'in-untrusted:'] as const;

export interface RunnerGroup {
  readonly name: string;
  readonly tier: 'trusted' | 'untrusted';
  /** `*`, `OWNER/*`, `OWNER/NAME`. */
  readonly repositories: readonly string[];
}

/** Whose job it is. */
export interface Asker {
  /** Null: of none. */
  readonly repository: string | null;
  /** What it runs was written by somebody who need not have any right in the repository. */
  readonly isUntrusted: boolean;
}

/**
 * Which groups a job may go to, as a label; null where that is every one. What is trusted goes to groups that are, and to
 * another that it asks for by name: its runners may hold what somebody else left there. What is not goes to those alone
 * that are not, unless `isolate` is false.
 */
export function accessLabel(
  groups: readonly RunnerGroup[],
  { repository, isUntrusted }: Asker,
  wanted: string | null,
  isolate: boolean,
): string | null {
  const open = groups
    .filter(({ repositories }) => repositories.some((pattern) => matches(pattern, repository)))
    .filter(({ name, tier }) =>
      isUntrusted ? !isolate || tier === 'untrusted' : tier === 'trusted' || name === wanted?.toLowerCase(),
    );
  if (open.length === groups.length) return null;
  const names = open.map(({ name }) => name).sort();
  return ACCESS_PREFIXES[isUntrusted && isolate ? 1 : 0] + names.join(',');
}

function matches(pattern: string, repository: string | null): boolean {
  if (pattern === '*') return true;
  if (repository === null) return false;
  const [one, other] = [pattern.toLowerCase(), repository.toLowerCase()];
  return one.endsWith('/*') ? other.startsWith(one.slice(0, -1)) : one === other;
}

/** The groups of a label that {@link accessLabel} made; null for any other label. */
export function groupsOf(label: string): readonly string[] | null {
  const prefix = ACCESS_PREFIXES.find((one) => label.startsWith(one));
  return prefix === undefined ? null : label.slice(prefix.length).split(',').filter(Boolean);
}

/**
 * Until the transaction ends nobody changes groups, or nobody else goes by them: whoever changes them sees every job that
 * was queued by the groups of before.
 */
export async function lockGroups({ db, locks }: OperationContext, how: 'going-by' | 'changing'): Promise<void> {
  if (!locks) return;
  if (how === 'changing') await sql`select pg_advisory_xact_lock(${GROUPS_LOCK})`.execute(db);
  else await sql`select pg_advisory_xact_lock_shared(${GROUPS_LOCK})`.execute(db);
}

/** On PostgreSQL; any number of our own will do. */
const GROUPS_LOCK = 7_380_002;

/** All of them, by name, and whose the run's jobs are. */
export async function readAccess(
  context: OperationContext,
  run: number,
): Promise<{ readonly groups: readonly RunnerGroup[]; readonly asker: Asker }> {
  // In a statement before: one that had to wait would read what was there when it began.
  await lockGroups(context, 'going-by');
  const rows = await READ_ACCESS.execute(context, [run]);
  return {
    groups: rows.map(groupOf),
    asker: { repository: rows[0]?.repository ?? null, isUntrusted: rows[0]?.untrusted === 1 },
  };
}

const READ_ACCESS = new Statement((db, hole) =>
  db
    .selectFrom('run')
    .leftJoin('repo', 'repo.id', 'run.repo_id')
    .innerJoin('runner_group', (join) => join.onTrue())
    .select(['run.untrusted', 'repo.name as repository'])
    .select(['runner_group.name', 'runner_group.tier', 'runner_group.repositories'])
    .where('run.id', '=', hole())
    .orderBy('runner_group.name'),
);

export function groupOf(row: {
  readonly name: string;
  readonly tier: RunnerGroup['tier'];
  readonly repositories: string;
}): RunnerGroup {
  return { name: row.name, tier: row.tier, repositories: JSON.parse(row.repositories) as string[] };
}
