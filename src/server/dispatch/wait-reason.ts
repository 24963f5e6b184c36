import type { RunnerView } from '../../protocol/run-api.ts';
import type { OperationContext } from '../operation.ts';
import { offeredLabels, satisfies, wantedLabels } from './label-set.ts';
import { listRunners } from './list-runners.ts';

/** Why a job in the queue has not started. `job.label_set_id` is its label set. */
export async function waitReason(context: OperationContext, labelSet: number): Promise<string> {
  return (await waitReasons(context, [labelSet])).get(labelSet) ?? 'it is in the queue';
}

/** {@link waitReason} of many, with the runners looked at once. */
export async function waitReasons(
  context: OperationContext,
  labelSets: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  if (labelSets.length === 0) return new Map();
  const rows = await context.db
    .selectFrom('label_set')
    .selectAll()
    .where('id', 'in', [...new Set(labelSets)])
    .execute();
  const runners = (await listRunners(context)).map(({ view: { state, note, labels }, features }) => ({
    state,
    note,
    offered: offeredLabels(labels, features),
  }));
  return new Map(
    rows.map(({ id, labels }) => {
      const wanted = wantedLabels(labels);
      return [
        id,
        reasonOf(
          wanted,
          runners.filter(({ offered, state }) => satisfies(offered, wantedOf(wanted, state))),
        ),
      ];
    }),
  );
}

const FEATURE = 'feature:';

/** What a runner that is not there can do is not known: it counts by its labels. */
function wantedOf(wanted: readonly string[], state: RunnerView['state']): readonly string[] {
  return state === 'offline' ? wanted.filter((label) => !label.startsWith(FEATURE)) : wanted;
}

function reasonOf(wanted: readonly string[], runners: readonly Pick<RunnerView, 'state' | 'note'>[]): string {
  const labels = wanted.filter((label) => !label.startsWith(FEATURE)).join(', ') || 'any labels';
  if (runners.length === 0) return `no runner has the labels ${labels}`;
  const states = new Map<RunnerView['state'], number>();
  for (const { state } of runners) states.set(state, (states.get(state) ?? 0) + 1);
  const count = (state: RunnerView['state']): number => states.get(state) ?? 0;
  if (count('idle') > 0) return 'a runner is about to take it';
  const who = runners.length === 1 ? 'the one runner' : `all ${runners.length} runners`;
  const away = runners.length - count('busy');
  if (away === 0) return `${who} with the labels ${labels} ${runners.length === 1 ? 'is' : 'are'} busy`;
  const why = runners.find(({ state, note }) => state === 'unhealthy' && note !== null)?.note;
  const parts = (['busy', 'paused', 'draining', 'unhealthy', 'offline'] as const)
    .filter((state) => count(state) > 0)
    .map((state) => (runners.length === 1 ? state : `${count(state)} ${state}`))
    .map((part) => (part.endsWith('unhealthy') && why !== undefined ? `${part} (${why})` : part));
  const whose = runners.length === 1 ? 'the one runner' : `the ${runners.length} runners`;
  return `${whose} with the labels ${labels}: ${parts.join(', ')}`;
}
