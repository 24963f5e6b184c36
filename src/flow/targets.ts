import { scopeBeforeFinally } from './finally-scope.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { Ended } from './iteration-state.ts';
import { withdrawJob } from './withdraw.ts';

const REGION = 'region:';

/** Looking at so many jobs is a step of work. */
const JOBS_PER_STEP = 4;

/**
 * The paths that a job, or a person, means: the id of a job next to the one that asks, or of its neighbours further out;
 * else a path; `region:NAME` for all of a region, everywhere. Null when there are none.
 */
export function targetsOf(draft: FlowDraft, target: string, scope: string): readonly string[] | null {
  const region = regionOf(target);
  if (region !== null) return membersOf(draft, region);
  for (let at: string | null = scope; at !== null; at = around(draft, at)) {
    const found = draft.scopes
      .get(at)
      .jobs.find((path) => draft.jobs.get(path).id.toLowerCase() === target.toLowerCase());
    if (found !== undefined) return [found];
  }
  return draft.jobs.find(target) === null ? null : [target];
}

/** The name of the region that is meant; null for a job. */
export function regionOf(target: string): string | null {
  return target.startsWith(REGION) ? target.slice(REGION.length) : null;
}

/** The scope around a scope. */
function around(draft: FlowDraft, scope: string): string | null {
  const { source } = draft.scopes.get(scope);
  if (source.kind === 'around' || source.kind === 'round')
    return draft.jobs.get(draft.iterations.get(source.iteration).job).scope;
  if (source.kind === 'finally') return scopeBeforeFinally(scope);
  return scope === '' ? null : draft.jobs.get(draft.instances.get(scope).job).scope;
}

function membersOf(draft: FlowDraft, region: string): readonly string[] | null {
  draft.work += Math.floor(draft.jobs.size / JOBS_PER_STEP);
  const members = draft.jobs
    .entries()
    .filter(([, job]) => draft.planOf(job).flow?.region.includes(region) === true)
    .map(([path]) => path);
  return members.length === 0 ? null : members;
}

/** `cancels` of a job. */
export function cancelTargets(draft: FlowDraft, key: string, targets: readonly string[]): void {
  const { job: own } = draft.iterations.get(key);
  const { scope } = draft.jobs.get(own);
  for (const target of targets) {
    const fate: Ended = { conclusion: 'withdrawn', reason: target.startsWith(REGION) ? 'region' : 'withdrawn' };
    for (const path of targetsOf(draft, target, scope) ?? []) if (path !== own) withdrawJob(draft, path, fate);
  }
}
