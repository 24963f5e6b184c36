import type { TemplateMap } from '../protocol/plan.ts';
import { isUnapproved, unapprovedBefore } from './approvals.ts';
import { arrive, isOverfilled } from './arrive.ts';
import { askBeforeBegin } from './before-begin.ts';
import { cancelInstance } from './cancel.ts';
import { completeJob } from './complete-job.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { FlowEvent } from './flow-event.ts';
import type { Ended, IterationState } from './iteration-state.ts';
import { CLEANS_UP, isCancelled, jobContexts } from './job-contexts.ts';
import { firstAttempt } from './key-suffix.ts';
import { iterationKey } from './keys.ts';
import { addInstances, numbered } from './open-instances.ts';
import { pauseRun, resumeRun } from './pause.ts';
import { isFull, TOO_MUCH_HELD } from './run-limits.ts';
import { receiveSignal } from './signals.ts';
import { targetsOf } from './targets.ts';
import { withdrawIteration, withdrawJob } from './withdraw.ts';

const SUCCESS: Ended = { conclusion: 'success', reason: null };

type Requested = FlowEvent & { readonly kind: 'requested' };

/** What a step or a person asks of the run. An id that was seen before changes nothing. */
export function handleRequest(draft: FlowDraft, event: Requested): void {
  if (draft.seen.find(event.id) !== null) return;
  const isTooMuch = 'job' in event.by && isFull(draft, '', 1);
  const refusal = isTooMuch ? TOO_MUCH_HELD : refusalOf(draft, event);
  draft.refused = refusal;
  if (refusal === null) draft.seen.set(event.id, true);
}

/** Does it, or says why not. */
function refusalOf(draft: FlowDraft, event: Requested): string | null {
  const { by, request } = event;
  if (draft.scopes.find('') === null && request.kind !== 'pause' && request.kind !== 'resume')
    return askBeforeBegin(draft, event);
  const asker = 'job' in by ? draft.instances.find(firstAttempt(by.job)) : null;
  const scope = asker === null ? '' : draft.jobs.get(asker.job).scope;
  switch (request.kind) {
    case 'pause':
      if (draft.paused) return 'The run is paused already.';
      pauseRun(draft);
      return null;
    case 'resume':
      if (!draft.paused) return 'The run is not paused.';
      resumeRun(draft);
      return null;
    case 'emit':
      if (asker?.status.kind !== 'running') return 'Only a job that runs arrives at its dependants before its end.';
      // A jump back has left it behind: nobody is to hear of it.
      if (draft.iterations.get(asker.iteration).superseded) return null;
      if (isOverfilled(draft, asker.iteration, SUCCESS)) return TOO_MUCH_HELD;
      draft.iterations.update(asker.iteration, { emitted: true });
      arrive(draft, asker.iteration, SUCCESS, request.outputs);
      return null;
    case 'signal': {
      if (request.job === null) return receiveSignal(draft, request, null, by);
      const path = oneOf(draft, request.job, scope);
      if (path === null) return unknown(request.job);
      if (isOver(draft, path)) return over(path);
      return receiveSignal(draft, request, { path, plan: draft.planOf(draft.jobs.get(path)) }, by);
    }
    case 'cancel':
      return cancelOnRequest(draft, request.target, scope, 'job' in by ? 'cancelled-by-job' : 'cancelled-by-user');
    case 'complete': {
      const path = oneOf(draft, request.job, scope);
      if (path === null) return unknown(request.job);
      if (isOver(draft, path)) return over(path);
      return approvalMissing(draft, path) ?? completeJob(draft, path);
    }
    case 'add-instances': {
      const path = oneOf(draft, request.job, scope);
      return path === null ? unknown(request.job) : addOnRequest(draft, path, request.items);
    }
  }
}

/** To complete it would be an approval by whoever asks for that. */
function approvalMissing(draft: FlowDraft, path: string): string | null {
  if (isUnapproved(draft, path)) return `The job '${path}' needs an approval: a signal from one who may give it.`;
  // What comes after it would begin.
  const before = draft.jobs.get(path).phase === 'pending' ? unapprovedBefore(draft, path) : null;
  return before === null ? null : `The job '${path}' comes after '${before}', which needs an approval.`;
}

function unknown(job: string): string {
  return `There is no job '${job}'.`;
}

function over(path: string): string {
  return `The job '${path}' has ended.`;
}

function isOver(draft: FlowDraft, path: string): boolean {
  return draft.jobs.get(path).phase === 'settled';
}

function oneOf(draft: FlowDraft, target: string, scope: string): string | null {
  return targetsOf(draft, target, scope)?.[0] ?? null;
}

/** A sentence when nothing of it can be cancelled. */
export function cancelOnRequest(
  draft: FlowDraft,
  target: string,
  scope: string,
  reason: 'cancelled-by-job' | 'cancelled-by-user',
): string | null {
  const fate: Ended = { conclusion: 'cancelled', reason };
  if (draft.jobs.find(target) === null) {
    const instance = draft.instances.find(target);
    if (instance !== null && instance.settings.kind !== 'body') {
      if (instance.status.kind === 'settled') return over(target);
      cancelInstance(draft, target, 'user', false, fate);
      return null;
    }
    const iteration = draft.iterations.find(target);
    if (iteration !== null) {
      if (!canEnd(iteration)) return over(target);
      withdrawIteration(draft, target, fate);
      return null;
    }
  }
  const paths = targetsOf(draft, target, scope);
  if (paths === null)
    return target.startsWith('region:') ? `No job is in the ${target.replace(':', " '")}'.` : unknown(target);
  const done = paths.filter((path) => withdrawJob(draft, path, fate));
  return done.length > 0 ? null : over(target);
}

/** It has not come to its result. */
function canEnd({ stage, fate, superseded }: IterationState): boolean {
  if (fate !== null || superseded) return false;
  return stage.kind === 'gates' || stage.kind === 'main' || (stage.kind === 'around' && !CLEANS_UP.has(stage.phase));
}

function addOnRequest(draft: FlowDraft, path: string, items: readonly TemplateMap[]): string | null {
  const job = draft.jobs.get(path);
  const plan = draft.planOf(job);
  if (plan.strategy?.multiple?.dynamic !== true)
    return `The job '${path}' is not \`dynamic\`: it takes no more instances.`;
  const key = iterationKey(path, job.iterations);
  const iteration = draft.iterations.find(key);
  if (isCancelled(draft, job.scope)) return `The job '${path}' is being cancelled.`;
  if (job.phase === 'pending' || iteration === null) return `The job '${path}' has not begun.`;
  if (iteration.closed || iteration.stage.kind !== 'main') return `The job '${path}' takes no more instances.`;
  const first = iteration.instances.length;
  const variants = items.map((item, index) => {
    const given = Object.keys(item).length === 0 ? null : item;
    return numbered(first + index, given, first + items.length, iteration.strategy);
  });
  return addInstances(draft, key, variants, jobContexts(draft, job, iteration));
}
