import type { JobPlan } from '../protocol/plan.ts';
import type { FlowDraft } from './flow-draft.ts';
import { scopeBeforeFinally } from './finally-scope.ts';
import type { ScopeSource, ScopeState } from './flow-state.ts';
import { copyJob, type JobState } from './job-state.ts';
import { pathIn } from './keys.ts';
import { NO_ARRIVALS } from './rounds.ts';
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

  const readable = (named: readonly string[]): JobState['reads'] => endedBefore(draft, key, scope.source, named);
  draft.scopes.set(key, {
    ...scope,
    cancelled: null,
    jobs: entries.map(({ path }) => path),
    open: entries.length,
    terminated: null,
  });
  const jobs = entries.map(({ plan, index, path }) => {
    const named = needsOf(plan);
    const needs = named
      .filter((need) => ids.has(need))
      .map((need) => ({ id: ids.get(need) ?? need, path: paths.get(need) ?? null }));
    const reads = needs.length === named.length ? [] : readable(named.filter((need) => !ids.has(need)));
    const waitingFor = needs.flatMap((need) => need.path ?? []);
    for (const need of waitingFor) dependants.get(need)?.push(path);
    for (const id of watched(plan)) {
      const other = paths.get(id.toLowerCase());
      if (other !== undefined) watchers.set(other, (watchers.get(other) ?? new Set()).add(path));
    }
    return { path, own: { scope: key, id: plan.id, index, needs, reads, waiting: waitingFor.length } };
  });
  for (const { path, own } of jobs) {
    const others = { dependants: dependants.get(path) ?? [], watchers: [...(watchers.get(path) ?? [])] };
    draft.jobs.set(path, Object.assign(copyJob(NEW_JOB), own, others));
    if (own.waiting === 0) draft.push({ kind: 'consider', job: path });
  }
  // One that cannot be evaluated ends its job, of which the others are told.
  for (const { path } of jobs) setDeadline(draft, path);
  if (entries.length === 0) draft.push({ kind: 'close', scope: key });
}

/** Jobs outside of a scope that have come to their end before it: of the workflow, or the job around it and its needs. */
function endedBefore(
  draft: FlowDraft,
  key: string,
  source: ScopeSource,
  named: readonly string[],
): { readonly id: string; readonly path: string | null }[] {
  const known: { readonly id: string; readonly path: string | null }[] = [];
  if (source.kind === 'finally') {
    const before = draft.scopes.get(scopeBeforeFinally(key));
    for (const { id } of draft.plansOf(before)) known.push({ id, path: null });
    for (const path of before.jobs) known.push({ id: draft.jobs.get(path).id, path });
  }
  if (source.kind === 'around') {
    const { job: path } = draft.iterations.get(source.iteration);
    const { id, needs } = draft.jobs.get(path);
    known.push(...needs, { id, path });
  }
  // The last of a name counts: who is left out by the options has no path.
  const byName = new Map(known.map((job) => [job.id.toLowerCase(), job]));
  return named.flatMap((name) => byName.get(name) ?? []);
}

/** In lower case. What stages come to is waited for like a need. */
function needsOf({ needs, flow }: JobPlan): string[] {
  return [...new Set([...needs, ...(flow?.stage?.waitsFor ?? [])].map((need) => need.toLowerCase()))];
}

function watched({ flow }: JobPlan): readonly string[] {
  if (!flow) return [];
  return [...(flow.milestone ? [flow.milestone.job] : []), ...(flow.stage?.startsAfter ?? [])];
}

const NEW_JOB: JobState = {
  scope: '',
  id: '',
  index: 0,
  needs: [],
  reads: [],
  waiting: 0,
  phase: 'pending',
  dependants: [],
  watchers: [],
  iterations: 0,
  begun: 0,
  live: 0,
  dying: 0,
  gated: [],
  arrivals: NO_ARRIVALS,
  succeeded: 'no',
  successes: 0,
  hopeless: 0,
  untaken: [],
  told: false,
  jumps: 0,
  won: null,
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
