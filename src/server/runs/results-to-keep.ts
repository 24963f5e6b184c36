import { scopeBeforeFinally } from '../../flow/finally-scope.ts';
import { FlowDraft } from '../../flow/flow-draft.ts';
import type { EarlierResult, Left } from '../../flow/flow-input.ts';
import type { FlowState } from '../../flow/flow-state.ts';
import type { InstanceStatus } from '../../flow/instance-state.ts';

/** What a re-run keeps. */
export interface Kept {
  /** Of instances with steps. */
  readonly keys: readonly string[];
  /** By path: jobs of which nothing is run again; by key, instances that they did not need. */
  readonly jobs: Readonly<Record<string, EarlierResult>>;
  readonly left: Left;
}

/**
 * For a re-run of what failed: what succeeded and depends on nothing that is run again, by its own needs or those of a
 * caller, a loop or a job around which it runs. Null when nothing failed.
 */
export function resultsToKeep(state: FlowState): Kept | null {
  const draft = new FlowDraft(state);
  const { jobs, scopes, iterations, instances } = draft;
  const follows = new Map<string, boolean>();
  /** The job that a scope belongs to; null for the run's own. */
  const ownerOf = (scope: string): string | null => {
    const { source } = scopes.get(scope);
    switch (source.kind) {
      case 'workflow':
        return scope === '' ? null : instances.get(scope).job;
      case 'around':
      case 'round':
        return iterations.get(source.iteration).job;
      case 'finally':
        return ownerOf(scopeBeforeFinally(scope));
    }
  };
  /** Something that the job waited for is run again. */
  const followsOther = (path: string): boolean => {
    const known = follows.get(path);
    if (known !== undefined) return known;
    const job = jobs.get(path);
    const owner = ownerOf(job.scope);
    const { kind } = scopes.get(job.scope).source;
    const value =
      // What cleans up does so again, and what is around a job is there for each time that it runs.
      kind === 'finally' ||
      (kind === 'around' && owner !== null && changes(owner)) ||
      job.needs.some((need) => need.path !== null && changes(need.path)) ||
      (owner !== null && (isAgain(owner) || followsOther(owner)));
    follows.set(path, value);
    return value;
  };
  /** The job may have another result, or other outputs, than it had. */
  const changes = (path: string): boolean => {
    const job = jobs.get(path);
    return hasFailed(job.result) || isAgain(path) || job.instances.some(failed) || followsOther(path);
  };
  /**
   * What was begun more than once is begun anew: why it was is not among what is kept. Nor is what it gave early, or where
   * a step of it wanted to go on.
   */
  const isAgain = (path: string): boolean => {
    if (jobs.get(path).iterations > 1) return true;
    const only = iterations.find(path);
    return only !== null && (only.emitted || only.goto !== null);
  };
  const failed = (key: string): boolean => hasFailed(conclusionOf(instances.get(key).status));
  const isFailure = (path: string): boolean =>
    hasFailed(jobs.get(path).result) || jobs.get(path).instances.some(failed);
  if (!jobs.entries().some(([path]) => isFailure(path))) return null;
  const stays = (path: string): boolean => !isAgain(path) && !followsOther(path);
  const keys = instances.entries().flatMap(([key, { job, status, settings }]) => {
    const succeeded = conclusionOf(status) === 'success';
    return settings.kind === 'steps' && succeeded && stays(job) ? [key] : [];
  });
  const whole = jobs.entries().flatMap(([path, { result, reason, outputs }]) => {
    const kept = { conclusion: 'success' as const, reason, outputs };
    return result === 'success' && !changes(path) ? [[path, kept] as const] : [];
  });
  // By themselves, instances that a kept job did not need would start.
  const needless = whole.flatMap(([path]) =>
    jobs.get(path).instances.flatMap((key) => {
      const { status } = instances.get(key);
      if (status.kind !== 'settled' || status.conclusion !== 'withdrawn') return [];
      return [[key, { conclusion: status.conclusion, reason: status.reason, outputs: {} }] as const];
    }),
  );
  const milestones = iterations.entries().flatMap(([key, iteration]) => {
    const job = jobs.get(iteration.job);
    if (!draft.planOf(job).flow?.milestone || job.reason === 'milestone') return [];
    return iteration.ran || state.input.options.left?.milestones[key] ? [[key, true] as const] : [];
  });
  const matrices = whole.flatMap(([path]) => {
    const job = jobs.get(path);
    const isDynamic = draft.planOf(job).strategy?.multiple?.dynamic === true;
    return isDynamic ? [[path, job.instances.map((key) => instances.get(key).matrix)] as const] : [];
  });
  return {
    keys,
    // The key of a single instance is the path of its job.
    jobs: Object.fromEntries<EarlierResult>([...needless, ...whole]),
    left: {
      signals: state.signals,
      milestones: Object.fromEntries(milestones),
      matrices: Object.fromEntries(matrices),
    },
  };
}

function conclusionOf(status: InstanceStatus): string | null {
  return status.kind === 'settled' ? status.conclusion : null;
}

function hasFailed(conclusion: string | null): boolean {
  return conclusion === 'failure' || conclusion === 'cancelled';
}
