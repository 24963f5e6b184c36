/**
 * Approvals are signals that only some people may send: `wait-for` with `from`. Nobody else may let a run go on as if one
 * had been given, neither by what is asked of the run nor by the jump of a step.
 */
import type { JobPlan } from '../protocol/plan.ts';
import { joinOf, keepsArrivals } from './consider-job.ts';
import { finallyScope } from './finally-scope.ts';
import { aroundPlans, type FlowDraft } from './flow-draft.ts';
import type { JobState } from './job-state.ts';
import { iterationKey } from './keys.ts';
import { startsAnew } from './settle-job.ts';

/** An approval of the job, or of what is in it or around it, was not given: it is to come still, or never came. */
export function isUnapproved(draft: FlowDraft, path: string): boolean {
  const job = draft.jobs.get(path);
  if (!asks(draft, draft.planOf(job))) return false;
  switch (job.phase) {
    case 'pending':
      return true;
    case 'open': {
      // What is still to arrive has none.
      if (job.waiting > 0 && keepsArrivals(joinOf(draft, job))) return true;
      const keys = Array.from({ length: job.iterations }, (_, index) => iterationKey(path, index + 1));
      return keys.some((key) => isIterationUnapproved(draft, key));
    }
    case 'settled':
      return job.result !== 'success' && !(job.result === 'skipped' && job.reason === 'condition');
  }
}

/** A job that is to come before this one and is unapproved; null without. As for `success()`, joins and jumps start anew. */
export function unapprovedBefore(draft: FlowDraft, path: string): string | null {
  const seen = new Set<string>();
  // Behind a join that begins without what was never to be.
  const spared = new Set<string>();
  const reached: (readonly [path: string, isSpared: boolean])[] = [[path, false]];
  for (const [before, isSpared] of reached) {
    const known = isSpared ? spared : seen;
    if (known.has(before) || seen.has(before)) continue;
    known.add(before);
    const job = draft.jobs.get(before);
    const isLeftOut = isSpared && isLeftOutByNeeds(job);
    if (before !== path) {
      if (isSpared && isNeedless(job)) continue;
      if (!isLeftOut && isUnapproved(draft, before)) return before;
      if (isOnItsOwn(draft, before, job)) continue;
    }
    const sparesNeeds = isLeftOut || joinOf(draft, job).mode !== 'all';
    for (const need of job.needs) if (need.path !== null) reached.push([need.path, sparesNeeds]);
  }
  return null;
}

/** Its branch was not chosen, or the flow had no more use for it. */
function isNeedless({ result, reason }: JobState): boolean {
  return result === 'withdrawn' || (result === 'skipped' && reason === 'choice');
}

/** Whether an approval would have been asked for is for what was before it to say. */
function isLeftOutByNeeds({ result, reason }: JobState): boolean {
  return result === 'skipped' && reason === 'needs';
}

/** It has begun, or came to its success, without what is still before it. */
function isOnItsOwn(draft: FlowDraft, path: string, job: JobState): boolean {
  if (!startsAnew(draft, path, job)) return false;
  if (job.result === 'success') return true;
  return job.begun > 0 && !(job.waiting > 0 && keepsArrivals(joinOf(draft, job)));
}

/** Whether an approval is asked for in a job, or around it. `called`: workflows that were looked at, which may call themselves. */
export function asks(draft: FlowDraft, plan: JobPlan, called = new Set<number>()): boolean {
  return asksItself(plan) || PARTS.some((part) => asksIn(draft, plan, part, called));
}

function asksItself({ flow }: JobPlan): boolean {
  return flow !== undefined && flow.waitFor !== null && flow.waitFor.from.length > 0;
}

/** What has to go well for a job to succeed, in this order. */
const PARTS = ['before', 'main', 'after', 'finally'] as const;

function asksIn(draft: FlowDraft, plan: JobPlan, part: (typeof PARTS)[number], called = new Set<number>()): boolean {
  const asked = (inner: JobPlan): boolean => asks(draft, inner, called);
  if (part !== 'main') return aroundPlans(plan.flow, part).some(asked);
  if (plan.kind === 'loop') return plan.jobs.some(asked);
  if (plan.kind !== 'call') return false;
  const { calls, workflows } = draft.input;
  const index = Object.hasOwn(calls, plan.uses) ? (calls[plan.uses] ?? -1) : -1;
  if (called.has(index)) return false;
  called.add(index);
  const workflow = workflows[index];
  return workflow !== undefined && [...workflow.jobs, ...(workflow.flow?.finally ?? [])].some(asked);
}

function isIterationUnapproved(draft: FlowDraft, key: string): boolean {
  const iteration = draft.iterations.find(key);
  if (iteration === null || iteration.superseded) return false;
  const plan = draft.planOfIteration(key);
  const isAskedIn = (parts: readonly (typeof PARTS)[number][]): boolean =>
    parts.some((part) => asksIn(draft, plan, part));
  const { stage } = iteration;
  switch (stage.kind) {
    case 'gates':
      return (asksItself(plan) && iteration.signal === null) || isAskedIn(PARTS);
    case 'main':
      return isMainUnapproved(draft, key, plan) || isAskedIn(['after', 'finally']);
    case 'around':
      if (stage.phase === 'before' || stage.phase === 'after') {
        const later = stage.phase === 'before' ? (['main', 'after', 'finally'] as const) : (['finally'] as const);
        return isScopeUnapproved(draft, `${key}@${stage.phase}`) || isAskedIn(later);
      }
      // It has failed before it could start.
      if (iteration.main === null) return true;
      return stage.phase === 'finally' ? isScopeUnapproved(draft, `${key}@finally`) : isAskedIn(['finally']);
    case 'delay-after':
    case 'ended':
      return false;
  }
}

function isMainUnapproved(draft: FlowDraft, key: string, plan: JobPlan): boolean {
  const { instances, round } = draft.iterations.get(key);
  if (plan.kind === 'loop') {
    const inRound = `${key}@${round.number}`;
    return draft.scopes.find(inRound) === null ? asksIn(draft, plan, 'main') : isScopeUnapproved(draft, inRound);
  }
  if (plan.kind !== 'call') return false;
  return instances.some((instance) => {
    const { kind } = draft.instances.get(instance).status;
    if (kind === 'settled') return false;
    return kind === 'calling' ? isScopeUnapproved(draft, instance) : asksIn(draft, plan, 'main');
  });
}

function isScopeUnapproved(draft: FlowDraft, key: string): boolean {
  const { jobs, source, workflow } = draft.scopes.get(key);
  if (jobs.some((path) => isUnapproved(draft, path))) return true;
  if (source.kind !== 'workflow') return false;
  const last = draft.scopes.find(finallyScope(key));
  if (last !== null) return last.jobs.some((path) => isUnapproved(draft, path));
  return draft.input.workflows[workflow]?.flow?.finally.some((plan) => asks(draft, plan)) ?? false;
}
