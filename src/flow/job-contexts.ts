import type { StatusFunctions } from '../expressions/evaluate.ts';
import type { Json, JsonMap } from '../protocol/job-message.ts';
import { scopeBeforeFinally } from './finally-scope.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { IterationState } from './iteration-state.ts';
import type { Arrival, JobState, Lineage } from './job-state.ts';

/** How a job that the options leave out looks to those that need it. */
const LEFT_OUT = { result: 'success', outputs: {} } as const;

/** What the keys of a job may read before it has instances. A type, not an interface: it is read by name as well. */
export type JobContexts = {
  readonly github: JsonMap;
  readonly inputs: JsonMap;
  readonly vars: JsonMap;
  readonly needs: JsonMap;
  readonly loop: Json;
  readonly flow: JsonMap;
};

/**
 * @param iteration Null for one that is still to begin.
 * @param arrivals What it is begun by.
 */
export function jobContexts(
  draft: FlowDraft,
  job: JobState,
  iteration: IterationState | null,
  arrivals: readonly Arrival[] | null = iteration?.arrivals ?? null,
): JobContexts {
  const { github, vars } = draft.input.contexts;
  const { inputs, loop } = draft.scopes.get(job.scope);
  const needs = needsContext(draft, job, arrivals);
  return { github, vars, inputs, needs, loop, flow: flowContext(job, iteration) };
}

/** What the keys of an instance may read. */
export type InstanceContexts = JobContexts & { readonly strategy: JsonMap; readonly matrix: JsonMap | null };

export function flowContext(
  job: JobState,
  iteration: IterationState | null,
  attempt = 1,
  state: JsonMap = {},
): JsonMap {
  const jump = iteration === null ? job.jump : iteration.jump;
  return {
    iteration: iteration?.number ?? job.iterations + 1,
    attempt,
    from: jump?.from ?? null,
    with: jump?.with ?? {},
    signal: iteration?.signal ?? null,
    state,
  };
}

/**
 * What `success()` and its like say in the `if` of a job. GitHub looks at everything before the job, not only at what it
 * needs itself: a skip or a failure goes down the whole chain until a condition stops it.
 */
export function jobStatus(draft: FlowDraft, job: JobState, arrivals: readonly Arrival[] | null): StatusFunctions {
  const lineage = lineageOf(draft, job, arrivals);
  const cancelled = isCancelled(draft, job.scope);
  return {
    success: lineage.success && (draft.scopes.get(job.scope).cancelled === null || !cancelled),
    failure: lineage.failure,
    cancelled,
  };
}

export function lineageOf(draft: FlowDraft, job: JobState, arrivals: readonly Arrival[] | null): Lineage {
  if (arrivals === null) return lineageBefore(draft, job);
  const lineage = lineageOfArrivals(arrivals);
  // A count begins by its successes, whatever else has come.
  return draft.planOf(job).flow?.join.mode === 'count' ? { ...lineage, success: true, cancelled: false } : lineage;
}

export function lineageBefore(draft: FlowDraft, job: JobState): Lineage {
  if (job.jump !== null || job.needs.length === 0) return ALL_WELL;
  const { flow } = draft.planOf(job);
  const join = flow?.join;
  const needs = job.needs.flatMap(({ path }) => (path === null ? [] : [draft.jobs.get(path)]));
  if (flow?.stage?.tolerant === true) return lineageOfTolerant(draft, job);
  if (join?.mode === 'count') {
    // It begins by its successes.
    return { success: true, failure: needs.some(({ result }) => result === 'failure'), cancelled: false };
  }
  if (join?.mode === 'active') {
    const active = needs.filter(({ result }) => result !== 'skipped' && result !== 'withdrawn');
    return {
      success: active.every(({ result }) => result === 'success'),
      failure: active.some(({ lineage }) => lineage.failure),
      cancelled: active.some(({ lineage }) => lineage.cancelled),
    };
  }
  if (needs.every(({ lineage }) => isWhole(lineage))) return ALL_WELL;
  const stages = flow?.stage?.waitsFor ?? [];
  // A job of an earlier stage that had nothing to do is no obstacle, unless it was skipped for a failure.
  const isWell = ({ id, lineage }: JobState): boolean =>
    lineage.success || (stages.includes(id) && !lineage.failure && !lineage.cancelled);
  return {
    success: needs.every(isWell),
    failure: needs.some(({ lineage }) => lineage.failure),
    cancelled: needs.some(({ lineage }) => lineage.cancelled),
  };
}

/** One object for what most jobs are. */
export const ALL_WELL: Lineage = { success: true, failure: false, cancelled: false };

function isWhole({ success, failure, cancelled }: Lineage): boolean {
  return success && !failure && !cancelled;
}

/** What the stages before it came to makes no difference; a cancellation does. */
function lineageOfTolerant(draft: FlowDraft, job: JobState): Lineage {
  const needs = job.needs.flatMap(({ path }) => (path === null ? [] : [draft.jobs.get(path).lineage]));
  return {
    success: true,
    failure: needs.some((lineage) => lineage.failure),
    cancelled: needs.some((lineage) => lineage.cancelled),
  };
}

function lineageOfArrivals(arrivals: readonly Arrival[]): Lineage {
  return {
    success: arrivals.every(({ result }) => result === 'success'),
    failure: arrivals.some(({ result }) => result === 'failure'),
    cancelled: arrivals.some(({ result }) => result === 'cancelled'),
  };
}

function needsContext(draft: FlowDraft, job: JobState, arrivals: readonly Arrival[] | null): JsonMap {
  // Each arrival is for itself: it would cost more for each need that there is to tell it of the others.
  if (arrivals !== null && draft.planOf(job).flow?.join.mode === 'each')
    return Object.fromEntries(arrivals.map(({ id, result, outputs }) => [id, { result, outputs }]));
  if (job.needs.length === 0 && job.reads.length === 0) return NO_NEEDS;
  const arrived = new Map(arrivals?.map((arrival) => [arrival.need, arrival]));
  const needs = job.needs.map(({ id, path }) => {
    const { result, outputs } = path === null ? LEFT_OUT : (arrived.get(path) ?? draft.jobs.get(path));
    return [id, { result, outputs }] as const;
  });
  const read = job.reads.map(({ id, path }) => [id, path === null ? LEFT_OUT : endedJob(draft, job, path)] as const);
  return Object.fromEntries([...needs, ...read]);
}

const NO_NEEDS: JsonMap = {};

function endedJob(draft: FlowDraft, { scope }: JobState, path: string): JsonMap {
  const { source } = draft.scopes.get(scope);
  const around = source.kind === 'around' ? draft.iterations.get(source.iteration) : null;
  // The job around which it runs has come to its result, but not to its end.
  if (around?.job === path) return { result: around.outcome?.conclusion ?? null, outputs: around.outputs };
  const { result, outputs } = draft.jobs.get(path);
  return { result, outputs };
}

/** Also when a caller's run was cancelled around it. What cleans up after a cancellation is not cancelled with it. */
export function isCancelled(draft: FlowDraft, scope: string): boolean {
  const { cancelled, source } = draft.scopes.get(scope);
  if (cancelled !== null) return true;
  switch (source.kind) {
    case 'workflow':
      return scope !== '' && isCancelled(draft, draft.jobs.get(draft.instances.get(scope).job).scope);
    case 'round':
      return isCancelled(draft, draft.jobs.get(draft.iterations.get(source.iteration).job).scope);
    case 'around':
      return (
        !CLEANS_UP.has(source.phase) &&
        isCancelled(draft, draft.jobs.get(draft.iterations.get(source.iteration).job).scope)
      );
    case 'finally':
      return false;
  }
}

/** Nothing of it is to clean up any more. */
export function isEndedByForce(draft: FlowDraft, key: string): boolean {
  const { cancelled, source } = draft.scopes.get(key);
  if (cancelled?.force === true) return true;
  switch (source.kind) {
    case 'workflow':
      return key !== '' && isEndedByForce(draft, draft.jobs.get(draft.instances.get(key).job).scope);
    case 'around':
    case 'round':
      return isEndedByForce(draft, draft.jobs.get(draft.iterations.get(source.iteration).job).scope);
    case 'finally': {
      const before = scopeBeforeFinally(key);
      // What ends a run that does not come to rest leaves it its `finally`.
      return (before !== '' || draft.stopped === null) && isEndedByForce(draft, before);
    }
  }
}

export const CLEANS_UP: ReadonlySet<string> = new Set(['on-failure', 'on-cancel', 'finally']);
