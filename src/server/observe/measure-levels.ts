import { sql } from 'kysely';
import type { RunnerView } from '../../protocol/run-api.ts';
import { listRunners } from '../dispatch/list-runners.ts';
import type { OperationContext } from '../operation.ts';

export interface Levels {
  readonly queues: readonly { readonly labels: string; readonly depth: number }[];
  readonly attempts: readonly { readonly state: string; readonly count: number }[];
  readonly runners: Readonly<Record<RunnerView['state'], number>>;
  readonly durableLagBytes: number;
  readonly spoolBytes: number;
}

/** What can be seen in the database only, at the moment it is asked for. */
export async function measureLevels(context: OperationContext): Promise<Levels> {
  const { db } = context;
  const queues = await db
    .selectFrom('ready')
    .innerJoin('label_set', 'label_set.id', 'ready.label_set_id')
    .select((eb) => ['label_set.labels', eb.fn.countAll<number>().as('depth')])
    .groupBy('label_set.labels')
    .execute();
  const waiting = queues.reduce((sum, { depth }) => sum + depth, 0);
  const held = await db
    .selectFrom('lease')
    .innerJoin('attempt', 'attempt.id', 'lease.attempt_id')
    .select((eb) => ['attempt.state', eb.fn.countAll<number>().as('count')])
    .groupBy('attempt.state')
    .execute();
  const bytes = await db
    .selectFrom('lease')
    .innerJoin('log_stream', 'log_stream.attempt_id', 'lease.attempt_id')
    .select([
      sql<number>`cast(coalesce(sum(announced), 0) as bigint)`.as('announced'),
      sql<number>`cast(coalesce(sum(case when announced > length then announced - length else 0 end), 0) as bigint)`.as(
        'lag',
      ),
    ])
    .executeTakeFirst();
  const runners = { idle: 0, busy: 0, paused: 0, draining: 0, unhealthy: 0, offline: 0 };
  for (const { view } of await listRunners(context)) runners[view.state]++;
  return {
    queues: queues.map(({ labels, depth }) => ({
      labels: (JSON.parse(labels) as string[]).join(','),
      depth,
    })),
    attempts: [{ state: 'queued', count: waiting }, ...held.map(({ state, count }) => ({ state, count }))],
    runners,
    durableLagBytes: bytes?.lag ?? 0,
    spoolBytes: bytes?.announced ?? 0,
  };
}
