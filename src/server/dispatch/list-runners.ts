import type { RunnerView } from '../../protocol/run-api.ts';
import type { OperationContext } from '../operation.ts';
import { IS_LIVE } from './is-live.ts';
import { SESSION_SILENCE_MS } from './limits.ts';

export interface RunnerRow {
  readonly view: RunnerView;
  /** Of its session; none while it has none. */
  readonly features: readonly string[];
  /** Milliseconds since the epoch. */
  readonly registeredAt: number;
}

/** All that are registered, by name, with what they do now. */
export async function listRunners({ db, now }: OperationContext): Promise<readonly RunnerRow[]> {
  const rows = await db
    .selectFrom('runner')
    .leftJoin('session', (join) => join.onRef('session.runner_id', '=', 'runner.id').on('session.state', '!=', 'ended'))
    .select(['runner.id', 'runner.name', 'runner.labels', 'runner.ephemeral', 'runner.consumed', 'runner.paused'])
    .select(['runner.group_name', 'runner.created_at'])
    .select(['runner.last_seen', 'session.state', 'session.last_seen as heard', 'session.slots', 'session.version'])
    .select(['session.features', 'session.takes_work', 'session.note'])
    .where('runner.removed_at', 'is', null)
    .orderBy('runner.name')
    .execute();
  const busy = await db
    .selectFrom('attempt')
    .select((select) => ['runner_id', select.fn.countAll<number | string>().as('count')])
    .where(IS_LIVE)
    .groupBy('runner_id')
    .execute();
  const counts = new Map(busy.map(({ runner_id, count }) => [runner_id, Number(count)]));
  return rows.map((row) => {
    const running = counts.get(row.id) ?? 0;
    const slots = row.slots ?? 0;
    const online = row.heard !== null && row.heard > now - SESSION_SILENCE_MS;
    const view: RunnerView = {
      id: row.id,
      name: row.name,
      labels: JSON.parse(row.labels) as string[],
      group: row.group_name,
      state: stateOf({
        online,
        paused: row.paused === 1,
        draining: row.state === 'draining' || row.consumed === 1,
        unhealthy: row.takes_work === 0,
        full: running >= slots,
      }),
      note: row.note,
      ephemeral: row.ephemeral === 1,
      version: row.version,
      slots,
      busy: running,
      lastSeenAt: row.last_seen === null ? null : new Date(row.last_seen).toISOString(),
    };
    return { view, features: JSON.parse(row.features ?? '[]') as string[], registeredAt: row.created_at };
  });
}

function stateOf(so: {
  readonly online: boolean;
  readonly paused: boolean;
  readonly draining: boolean;
  readonly unhealthy: boolean;
  readonly full: boolean;
}): RunnerView['state'] {
  if (!so.online) return 'offline';
  // One that drains takes no work either, and is well.
  if (so.draining) return 'draining';
  if (so.paused) return 'paused';
  if (so.unhealthy) return 'unhealthy';
  return so.full ? 'busy' : 'idle';
}

/** As people see them. */
export async function listRunnerViews(context: OperationContext): Promise<{ readonly runners: readonly RunnerView[] }> {
  const rows = await listRunners(context);
  return { runners: rows.map(({ view }) => view) };
}
