import { evaluateCondition } from '../expressions/evaluate.ts';
import { reasonOf } from './cancel-reason.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { CancelJobCause } from './flow-event.ts';
import type { JobState } from './flow-state.ts';
import { jobContexts, lineageBefore } from './job-contexts.ts';
import { attempt } from './key-problem.ts';
import { settleInstance } from './settle.ts';

/**
 * Cancels a run, or the execution of a called workflow. As on GitHub, the condition of every started job is evaluated
 * again, and the job goes on when it still holds, as `always()` does; `force` asks no condition. Jobs that wait for
 * others stay pending until those have ended, so that a job that cleans up is never early.
 */
export function cancelScope(draft: FlowDraft, key: string, cause: CancelJobCause, force: boolean): void {
  const scope = draft.scopes.get(key);
  if (scope.cancelled && (scope.cancelled.force || !force)) return;
  draft.scopes.update(key, { cancelled: { cause: scope.cancelled?.cause ?? cause, force } });
  for (const path of scope.jobs) {
    const job = draft.jobs.get(path);
    if (job.phase !== 'open' || (!force && holdsWhenCancelled(draft, job))) continue;
    for (const instance of job.instances) cancelInstance(draft, instance, cause, force);
  }
}

/** Ends an instance that did not start, or asks one that did to end. */
export function cancelInstance(draft: FlowDraft, key: string, cause: CancelJobCause, force: boolean): void {
  const { status } = draft.instances.get(key);
  switch (status.kind) {
    case 'waiting':
    case 'launching': {
      settleInstance(draft, key, 'cancelled', reasonOf(cause), { announce: true, message: null });
      return;
    }
    case 'running':
      if (status.cancelling !== null) return;
      draft.instances.update(key, { status: { kind: 'running', cancelling: cause } });
      draft.commands.push({ kind: 'cancel-job', key, cause });
      return;
    case 'calling': {
      cancelScope(draft, key, cause, force);
      return;
    }
    case 'settled':
      return;
  }
}

/** An instance of the job failed and the job says `fail-fast`: the others are not wanted any more. */
export function failFast(draft: FlowDraft, path: string): void {
  for (const key of draft.jobs.get(path).instances) cancelInstance(draft, key, 'fail-fast', false);
}

function holdsWhenCancelled(draft: FlowDraft, job: JobState): boolean {
  const status = { success: false, failure: lineageBefore(draft, job).failure, cancelled: true };
  const contexts = jobContexts(draft, job);
  const holds = attempt(() => evaluateCondition(draft.planOf(job).if, { contexts, status }));
  return holds.kind === 'value' && holds.value;
}
