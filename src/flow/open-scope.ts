import type { JobPlan } from '../protocol/plan.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { JobState, ScopeState } from './flow-state.ts';
import { pathIn } from './keys.ts';
import { setDeadline } from './start-deadline.ts';

/**
 * Begins an execution of a workflow, or of the jobs around a job: its jobs, each with what it waits for, and a task for
 * those that wait for nothing. `selected`: ids in lower case of the only jobs to run; needs that are left out are not
 * waited for.
 */
export function openScope(
  draft: FlowDraft,
  key: string,
  scope: Pick<ScopeState, 'workflow' | 'source' | 'depth' | 'loop' | 'inputs' | 'secrets' | 'names'>,
  selected: ReadonlySet<string> | null,
): void {
  const plans = draft.plansOf(scope);
  const entries = plans
    .map((plan, index) => ({ plan, index, path: pathIn(key, plan.id) }))
    .filter(({ plan }) => selected === null || selected.has(plan.id.toLowerCase()));
  const paths = new Map(entries.map(({ plan, path }) => [plan.id.toLowerCase(), path]));
  const ids = new Map(plans.map((plan) => [plan.id.toLowerCase(), plan.id]));
  const dependants = new Map<string, string[]>(entries.map(({ path }) => [path, []]));
  const watchers = new Map<string, Set<string>>();

  draft.scopes.set(key, {
    ...scope,
    cancelled: null,
    jobs: entries.map(({ path }) => path),
    open: entries.length,
    races: {},
    terminated: null,
  });
  for (const { plan, index, path } of entries) {
    const needs = needsOf(plan).map((need) => ({ id: ids.get(need) ?? need, path: paths.get(need) ?? null }));
    const waitingFor = needs.flatMap((need) => need.path ?? []);
    for (const need of waitingFor) dependants.get(need)?.push(path);
    for (const id of watched(plan)) {
      const other = paths.get(id.toLowerCase());
      if (other !== undefined) watchers.set(other, (watchers.get(other) ?? new Set()).add(path));
    }
    draft.jobs.set(path, { ...NEW_JOB, scope: key, id: plan.id, index, needs, waiting: waitingFor.length });
    setDeadline(draft, path);
    if (waitingFor.length === 0) draft.push({ kind: 'consider', job: path });
  }
  for (const [path, waiting] of dependants)
    draft.jobs.update(path, { dependants: waiting, watchers: [...(watchers.get(path) ?? [])] });
  if (entries.length === 0) draft.push({ kind: 'close', scope: key });
}

/** In lower case. What stages come to is waited for like a need. */
function needsOf({ needs, flow }: JobPlan): string[] {
  return [...new Set([...needs, ...(flow?.stage?.waitsFor ?? [])].map((need) => need.toLowerCase()))];
}

function watched({ flow }: JobPlan): readonly string[] {
  if (!flow) return [];
  return [...(flow.milestone ? [flow.milestone.job] : []), ...(flow.stage?.startsAfter ?? [])];
}

const NEW_JOB: Omit<JobState, 'scope' | 'id' | 'index' | 'needs' | 'waiting'> = {
  phase: 'pending',
  dependants: [],
  watchers: [],
  iterations: 0,
  begun: 0,
  live: 0,
  dying: 0,
  gated: [],
  arrivals: { queues: {}, isFired: false },
  succeeded: 'no',
  successes: 0,
  hopeless: 0,
  untaken: [],
  told: false,
  jumps: 0,
  jump: null,
  instances: [],
  result: null,
  reason: null,
  past: [],
  fate: null,
  soFar: null,
  outputs: {},
  lineage: { success: true, failure: false, cancelled: false },
};
