import { evaluateCondition } from '../expressions/evaluate.ts';
import type { Template } from '../protocol/plan.ts';
import { causeForJob, reasonOf } from './cancel-reason.ts';
import { finallyScope, scopeBeforeFinally } from './finally-scope.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { CancelCause } from './flow-event.ts';
import type { Ended } from './iteration-state.ts';
import type { JobState } from './job-state.ts';
import { endAtGate } from './gates.ts';
import { CLEANS_UP, jobContexts, lineageBefore } from './job-contexts.ts';
import { attempt } from './key-problem.ts';
import { iterationKey } from './keys.ts';
import { settleInstance } from './settle-instance.ts';
import { withdrawScope } from './withdraw.ts';
import { finishMain } from './end-iteration.ts';

/**
 * Cancels a run, or the execution of a called workflow. As on GitHub, the condition of every started job is evaluated
 * again, and the job goes on when it still holds, as `always()` does; `force` asks no condition. Jobs that wait for
 * others stay pending until those have ended, so that a job that cleans up is never early.
 */
export function cancelScope(draft: FlowDraft, key: string, cause: CancelCause, force: boolean): void {
  const scope = draft.scopes.get(key);
  if (scope.cancelled && (scope.cancelled.force || !force)) return;
  draft.scopes.update(key, { cancelled: { cause: scope.cancelled?.cause ?? cause, force } });
  for (const path of scope.jobs) {
    const job = draft.jobs.get(path);
    if (job.phase === 'pending') {
      // A job that was to begin once more has nothing left to wait for.
      draft.push({ kind: 'consider', job: path });
      continue;
    }
    if (job.phase !== 'open' || (!force && holdsWhenCancelled(draft, job))) continue;
    for (let number = 1; number <= job.iterations; number++) {
      const iteration = iterationKey(path, number);
      // Of a job that was skipped before it was begun anew there is none.
      if (draft.iterations.find(iteration) !== null) cancelIteration(draft, iteration, cause, force);
    }
  }
  const inFinally = finallyScope(key);
  if (force && draft.scopes.find(inFinally) !== null) cancelScope(draft, inFinally, cause, force);
}

export function cancelIteration(draft: FlowDraft, key: string, cause: CancelCause, force: boolean): void {
  const { stage, instances, round } = draft.iterations.get(key);
  switch (stage.kind) {
    case 'gates':
      endAtGate(draft, key, { conclusion: 'cancelled', reason: reasonOf(cause) }, null);
      return;
    case 'main': {
      for (const instance of instances) cancelInstance(draft, instance, cause, force, null);
      const inRound = `${key}@${round.number}`;
      if (draft.scopes.find(inRound) !== null) cancelScope(draft, inRound, cause, force);
      else if (instances.length === 0)
        finishMain(draft, key, { conclusion: 'cancelled', reason: reasonOf(cause) }, null);
      return;
    }
    case 'around':
      if (force || !CLEANS_UP.has(stage.phase)) cancelScope(draft, `${key}@${stage.phase}`, cause, force);
      return;
    case 'delay-after':
    case 'ended':
      return;
  }
}

/** Ends an instance that did not start, or asks one that did to end. `fate`: what it counts for; null as it reports. */
export function cancelInstance(
  draft: FlowDraft,
  key: string,
  cause: CancelCause,
  force: boolean,
  fate: Ended | null,
): void {
  const { status, settings } = draft.instances.get(key);
  switch (status.kind) {
    case 'waiting':
    case 'launching':
    case 'retrying': {
      const ended: Ended = fate ?? { conclusion: 'cancelled', reason: reasonOf(cause) };
      settleInstance(draft, key, ended, { announce: true, message: null });
      return;
    }
    case 'running':
      if (status.cancelling !== null) return;
      draft.instances.update(key, { status: { ...status, cancelling: causeForJob(cause), fate } });
      draft.commands.push({ kind: 'cancel-job', key: status.started, cause: causeForJob(cause) });
      return;
    case 'calling':
      // The rounds of a loop end with its iteration.
      if (settings.kind === 'body') return;
      if (fate === null) cancelScope(draft, key, cause, force);
      else withdrawScope(draft, key, fate);
      return;
    case 'settled':
      return;
  }
}

/** An instance of the job failed and the job says `fail-fast`: the others are not wanted any more. */
export function failFast(draft: FlowDraft, iteration: string): void {
  for (const key of draft.iterations.get(iteration).instances) cancelInstance(draft, key, 'fail-fast', false, null);
}

/** A job failed, and its workflow says `fail-fast`: nothing else is wanted any more. */
export function failRun(draft: FlowDraft, path: string): void {
  const { scope: key } = draft.jobs.get(path);
  const { source } = draft.scopes.get(key);
  if (source.kind === 'around' || source.kind === 'finally') return;
  const { flow } = draft.workflowOf(key);
  const around = workflowScopeOf(draft, key);
  const wanted = attempt(() => flow !== undefined && isTrue(draft, around, flow.failFast));
  if (wanted.kind === 'value' && wanted.value) cancelScope(draft, around, 'fail-fast', false);
}

function isTrue(draft: FlowDraft, scope: string, template: Template): boolean {
  if (typeof template !== 'string') return template === true;
  const { github, vars } = draft.input.contexts;
  const { inputs } = draft.scopes.get(scope);
  const text = template.startsWith('${{') ? template.slice(3, -2) : template;
  const status = { success: true, failure: false, cancelled: false };
  return evaluateCondition(text, { contexts: { github, vars, inputs }, status });
}

/** Rounds of loops, and jobs around a job, are of the workflow around them. */
export function workflowScopeOf(draft: FlowDraft, key: string): string {
  const { source } = draft.scopes.get(key);
  if (source.kind === 'finally') return scopeBeforeFinally(key);
  if (source.kind === 'workflow') return key;
  return workflowScopeOf(draft, draft.jobs.get(draft.iterations.get(source.iteration).job).scope);
}

function holdsWhenCancelled(draft: FlowDraft, job: JobState): boolean {
  const status = { success: false, failure: lineageBefore(draft, job).failure, cancelled: true };
  const contexts = jobContexts(draft, job, null);
  const holds = attempt(() => evaluateCondition(draft.planOf(job).if, { contexts, status }));
  return holds.kind === 'value' && holds.value;
}
