import type { OperationContext } from '../operation.ts';
import { nextTime } from './next-time.ts';
import type { ScheduleLine } from './read-schedules.ts';

/** Schedules that one look takes at most. */
const MAX_DUE = 100;

/**
 * The schedules of a repository are these from now on. One that stays as it was keeps its next time, so that reading
 * them again skips nothing.
 */
export async function setSchedules(
  context: OperationContext,
  { repository, schedules }: { readonly repository: string; readonly schedules: readonly ScheduleLine[] },
): Promise<{ schedules: number }> {
  const { db, now } = context;
  const repo = await db.selectFrom('repo').select('id').where('name', '=', repository).executeTakeFirst();
  if (!repo) return { schedules: 0 };
  const known = await db.selectFrom('schedule').selectAll().where('repo_id', '=', repo.id).execute();
  const wanted = new Map(schedules.map((line) => [identityOf(line), line]));
  const gone = known.filter((row) => !wanted.delete(identityOf(row)));
  if (gone.length > 0)
    await db
      .deleteFrom('schedule')
      .where(
        'id',
        'in',
        gone.map(({ id }) => id),
      )
      .execute();
  for (const { path, cron, timezone } of wanted.values()) {
    const next_at = nextTime(cron, timezone, now);
    if (next_at === null) continue;
    await db.insertInto('schedule').values({ repo_id: repo.id, path, cron, timezone, next_at }).execute();
  }
  if (gone.length > 0 || wanted.size > 0) context.wake('timers');
  return { schedules: schedules.length };
}

export interface DueSchedule extends ScheduleLine {
  readonly id: number;
  readonly repository: string;
  /** When it was to run; milliseconds since the epoch. */
  readonly dueAt: number;
}

/** What is due. However many times it was missed, it is due once. `next`: when the next one is; null without. */
export async function listDueSchedules({
  db,
  now,
}: OperationContext): Promise<{ due: DueSchedule[]; next: number | null }> {
  const rows = await db
    .selectFrom('schedule')
    .innerJoin('repo', 'repo.id', 'schedule.repo_id')
    .selectAll('schedule')
    .select('repo.name as repository')
    .where('repo.clone_url', 'is not', null)
    .orderBy('schedule.next_at')
    .orderBy('schedule.id')
    .limit(MAX_DUE)
    .execute();
  const due = rows.filter(({ next_at }) => next_at <= now);
  return {
    due: due.map(({ id, repository, path, cron, timezone, next_at }) => ({
      id,
      repository,
      path,
      cron,
      timezone,
      dueAt: next_at,
    })),
    next: rows.find(({ next_at }) => next_at > now)?.next_at ?? null,
  };
}

/** A schedule was run, by this server or another one: it is due again at its next time from now. */
export async function advanceSchedule(
  { db, now }: OperationContext,
  { id, cron, timezone, dueAt }: Pick<DueSchedule, 'id' | 'cron' | 'timezone' | 'dueAt'>,
): Promise<null> {
  const next = nextTime(cron, timezone, now);
  if (next === null) await db.deleteFrom('schedule').where('id', '=', id).where('next_at', '=', dueAt).execute();
  else
    await db
      .updateTable('schedule')
      .set({ next_at: next, last_at: dueAt })
      .where('id', '=', id)
      .where('next_at', '=', dueAt)
      .execute();
  return null;
}

function identityOf({ path, cron, timezone }: ScheduleLine): string {
  return JSON.stringify([path, cron, timezone]);
}
