import type { PoolDemand } from '../../protocol/fleet-api.ts';
import type { OperationContext } from '../operation.ts';
import { isReserved, offeredLabels, satisfies, wantedLabels } from './label-set.ts';
import { listRunners, type RunnerRow } from './list-runners.ts';
import { demandGroup } from './runner-groups.ts';

/**
 * What a pool needs, as it is and not as it changed: whoever misses an answer misses nothing. `labels`: all those of the
 * runners that would be added; jobs that ask for others, and runners without them, are another's business. None: every
 * job that may go to the pool counts.
 */
export async function poolDemand(
  context: OperationContext,
  { pool, labels }: { readonly pool: string; readonly labels: readonly string[] },
): Promise<PoolDemand> {
  await demandGroup(context, pool);
  const queues = await queuesOf(context, pool, labels);
  const runners = (await listRunners(context)).filter(
    ({ view }) => view.group === pool && satisfies(offeredLabels(view.labels, [], pool), labels.map(lower)),
  );
  const count = (state: RunnerRow['view']['state']): number =>
    runners.filter(({ view }) => view.state === state).length;
  const queued = queues.reduce((sum, { jobs }) => sum + jobs, 0);
  const starting =
    (await unusedRegistrations(context, pool, labels)) + runners.filter((runner) => isNew(runner, context.now)).length;
  const freeSlots = runners
    .filter(({ view }) => view.state === 'idle' || view.state === 'busy')
    .reduce((sum, { view }) => sum + Math.max(0, slotsOf(view) - view.busy), 0);
  return {
    pool,
    queued,
    queues,
    running: runners.reduce((sum, { view }) => sum + view.busy, 0),
    runners: {
      idle: count('idle'),
      busy: count('busy'),
      paused: count('paused'),
      draining: count('draining'),
      unhealthy: count('unhealthy'),
      offline: count('offline'),
    },
    freeSlots,
    starting,
    wanted: Math.max(0, queued - freeSlots - starting),
  };
}

async function queuesOf(
  { db, now }: OperationContext,
  pool: string,
  labels: readonly string[],
): Promise<PoolDemand['queues']> {
  const offered = offeredLabels(labels, [], pool);
  const rows = await db
    .selectFrom('ready')
    .innerJoin('label_set', 'label_set.id', 'ready.label_set_id')
    .select(['label_set.labels'])
    .select((select) => [
      select.fn.countAll<number | string>().as('jobs'),
      select.fn.min('ready.queued_at').as('since'),
    ])
    .where('ready.not_before', '<=', now)
    .groupBy(['label_set.id', 'label_set.labels'])
    .orderBy('label_set.id')
    .execute();
  return rows.flatMap(({ labels: labelSet, jobs, since }) => {
    const wanted = wantedLabels(labelSet).filter((label) => !label.startsWith('feature:'));
    const named = wanted.filter((label) => !isReserved(label));
    const asked = labels.length > 0 ? wanted : wanted.filter((label) => isReserved(label));
    if (!satisfies(offered, asked)) return [];
    return [{ labels: named, jobs: Number(jobs), since: new Date(since).toISOString() }];
  });
}

/** Given out for this pool and these labels, neither used nor run out. */
async function unusedRegistrations(
  { db, now }: OperationContext,
  pool: string,
  labels: readonly string[],
): Promise<number> {
  const rows = await db
    .selectFrom('token')
    .select('jit')
    .where('group_name', '=', pool)
    .where('jit', 'is not', null)
    .where('uses_left', '>', 0)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .execute();
  return rows.filter(({ jit }) => {
    const terms = JSON.parse(jit ?? '{"labels":[]}') as { readonly labels: readonly string[] };
    // Beside these it will have what every runner has, which is among those that are asked for.
    return labels.length === 0 || terms.labels.every((own) => labels.some((label) => lower(label) === lower(own)));
  }).length;
}

/** One that was registered longer ago and was never heard of does not come any more. */
const START_MS = 120_000;

/** Registered for one job, and not heard of yet. */
function isNew({ view: { ephemeral, lastSeenAt }, registeredAt }: RunnerRow, now: number): boolean {
  return ephemeral && lastSeenAt === null && now - registeredAt < START_MS;
}

function slotsOf({ ephemeral, slots }: RunnerRow['view']): number {
  return ephemeral ? 1 : slots;
}

function lower(label: string): string {
  return label.toLowerCase();
}
