import type { StatusFunctions } from '../expressions/evaluate.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { JobState, Lineage } from './flow-state.ts';

/** How a job that the options leave out looks to those that need it. */
const LEFT_OUT = { result: 'success', outputs: {} } as const;

/** What the keys of a job may read before it has instances. A type, not an interface: it is read by name as well. */
export type JobContexts = {
  readonly github: JsonMap;
  readonly inputs: JsonMap;
  readonly vars: JsonMap;
  readonly needs: JsonMap;
};

export function jobContexts(draft: FlowDraft, job: JobState): JobContexts {
  const { github, vars } = draft.input.contexts;
  return { github, vars, inputs: draft.scopes.get(job.scope).inputs, needs: needsContext(draft, job) };
}

/** What the keys of an instance may read. */
export type InstanceContexts = JobContexts & { readonly strategy: JsonMap; readonly matrix: JsonMap | null };

/**
 * What `success()` and its like say in the `if` of a job. GitHub looks at everything before the job, not only at what it
 * needs itself: a skip or a failure goes down the whole chain until a condition stops it.
 */
export function jobStatus(draft: FlowDraft, job: JobState): StatusFunctions {
  const lineage = lineageBefore(draft, job);
  return {
    success: lineage.success && draft.scopes.get(job.scope).cancelled === null,
    failure: lineage.failure,
    cancelled: isCancelled(draft, job.scope),
  };
}

export function lineageBefore(draft: FlowDraft, job: JobState): Lineage {
  const before = job.needs.flatMap(({ path }) => (path === null ? [] : [draft.jobs.get(path).lineage]));
  return {
    success: before.every((lineage) => lineage.success),
    failure: before.some((lineage) => lineage.failure),
    cancelled: before.some((lineage) => lineage.cancelled),
  };
}

function needsContext(draft: FlowDraft, job: JobState): JsonMap {
  return Object.fromEntries(
    job.needs.map(({ id, path }) => {
      const { result, outputs } = path === null ? LEFT_OUT : draft.jobs.get(path);
      return [id, { result, outputs }];
    }),
  );
}

/** Also when a caller's run was cancelled around it. */
function isCancelled(draft: FlowDraft, scope: string): boolean {
  if (draft.scopes.get(scope).cancelled !== null) return true;
  return scope !== '' && isCancelled(draft, draft.jobs.get(draft.instances.get(scope).job).scope);
}
