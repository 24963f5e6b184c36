import { Cron } from 'croner';

/**
 * When a schedule is due next, after a moment; milliseconds since the epoch. Five fields, UTC without a time zone. Null
 * for one that never is, such as the 30th of February.
 */
export function nextTime(cron: string, timezone: string | null, after: number): number | null {
  const schedule = new Cron(cron, { timezone: timezone ?? 'UTC', mode: '5-part', paused: true });
  return schedule.nextRun(new Date(after))?.getTime() ?? null;
}
