import type { RunnerView } from '../../protocol/run-api.ts';
import type { OperationContext } from '../operation.ts';
import { ACCESS_PREFIXES, groupsOf } from './group-access.ts';
import { isReserved, offeredLabels, satisfies, wantedGroup, wantedLabels } from './label-set.ts';
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
  const runners = (await listRunners(context)).map(({ view: { state, note, labels, group }, features }) => ({
    state,
    note,
    offered: offeredLabels(labels, features, group),
  }));
  return new Map(rows.map(({ id, labels }) => [id, reasonOf(wantedLabels(labels), runners)]));
}

interface Runner extends Pick<RunnerView, 'state' | 'note'> {
  readonly offered: ReadonlySet<string>;
}

const FEATURE = 'feature:';

function reasonOf(wanted: readonly string[], runners: readonly Runner[]): string {
  const group = wantedGroup(wanted);
  const labels = wanted.filter((label) => !isReserved(label)).join(', ') || 'any labels';
  const what = `the labels ${labels}${group === null ? '' : ` in the group ${group}`}`;
  const access = wanted.find((label) => groupsOf(label) !== null);
  const able = runners.filter(({ offered, state }) => satisfies(offered, knownOf(wanted, state)));
  const allowed = access === undefined ? able : able.filter(({ offered }) => satisfies(offered, [access]));
  if (allowed.length > 0) return busyReason(what, allowed);
  if (access?.startsWith(ACCESS_PREFIXES[1]) === true) return untrustedReason(access, what);
  return able.length === 0
    ? `no runner has ${what}`
    : `no runner with ${what} is in a group that it may use: \`paceline groups list\` shows who may use which`;
}

/** What a runner that is not there can do is not known: it counts by its labels. Groups are looked at apart. */
function knownOf(wanted: readonly string[], state: RunnerView['state']): readonly string[] {
  return wanted.filter((label) => groupsOf(label) === null && !(state === 'offline' && label.startsWith(FEATURE)));
}

function untrustedReason(access: string, what: string): string {
  const groups = groupsOf(access) ?? [];
  const why = 'its run is of a fork, and goes to runners of the tier untrusted alone';
  return groups.length === 0
    ? `${why}: it may use no such group`
    : `${why}: none with ${what} is in ${groups.join(', ')}`;
}

function busyReason(what: string, runners: readonly Runner[]): string {
  const states = new Map<RunnerView['state'], number>();
  for (const { state } of runners) states.set(state, (states.get(state) ?? 0) + 1);
  const count = (state: RunnerView['state']): number => states.get(state) ?? 0;
  if (count('idle') > 0) return 'a runner is about to take it';
  const who = runners.length === 1 ? 'the one runner' : `all ${runners.length} runners`;
  const away = runners.length - count('busy');
  if (away === 0) return `${who} with ${what} ${runners.length === 1 ? 'is' : 'are'} busy`;
  const why = runners.find(({ state, note }) => state === 'unhealthy' && note !== null)?.note;
  const parts = (['busy', 'paused', 'draining', 'unhealthy', 'offline'] as const)
    .filter((state) => count(state) > 0)
    .map((state) => (runners.length === 1 ? state : `${count(state)} ${state}`))
    .map((part) => (part.endsWith('unhealthy') && why !== undefined ? `${part} (${why})` : part));
  const whose = runners.length === 1 ? 'the one runner' : `the ${runners.length} runners`;
  return `${whose} with ${what}: ${parts.join(', ')}`;
}
