import { evaluateCondition } from '../expressions/evaluate.ts';
import type { CompleteWhenPlan } from '../protocol/flow-plan.ts';
import { cancelInstance } from './cancel.ts';
import { resultOf } from './conclusions.ts';
import { finishMain, tellEarly } from './end-iteration.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { Ended, IterationState } from './iteration-state.ts';
import { jobContexts } from './job-contexts.ts';
import { attempt } from './key-problem.ts';
import { TOO_MUCH_HELD } from './run-limits.ts';
import { evaluateCount } from './typed-value.ts';

const ENOUGH: Ended = { conclusion: 'withdrawn', reason: 'instances' };

/** An instance has ended: the job may have enough of them, or all. */
export function instanceEnded(draft: FlowDraft, key: string, last: Ended): void {
  const iteration = draft.iterations.get(key);
  if (iteration.stage.kind !== 'main') return;
  const plan = draft.planOfIteration(key).strategy?.multiple?.completeWhen ?? null;
  if (plan !== null && !iteration.closed && iteration.fate === null && isEnough(draft, key, plan)) {
    draft.iterations.update(key, { closed: true });
    tellEarly(draft, key);
    if (plan.rest === 'cancel')
      for (const instance of iteration.instances) cancelInstance(draft, instance, 'withdrawn', false, ENOUGH);
    // The last of the withdrawn ones has finished it, if any was.
    if (draft.iterations.get(key).stage.kind !== 'main') return;
  }
  const { open } = draft.iterations.get(key);
  if (open > 0) {
    draft.push({ kind: 'advance', iteration: key });
    return;
  }
  const now = draft.iterations.get(key);
  if (now.fate !== null) finishMain(draft, key, now.fate, now.fate.reason === 'run-limit' ? TOO_MUCH_HELD : null);
  else if (now.told !== null && plan !== null) finishMain(draft, key, { conclusion: 'success', reason: null }, null);
  else if (plan !== null && now.tally.cancelled === 0)
    finishMain(
      draft,
      key,
      { conclusion: 'failure', reason: 'instances' },
      'All its instances have ended, and `complete-when` does not hold.',
    );
  else finishMain(draft, key, endedOf(now, last), null);
}

function endedOf({ instances, tally, ignored }: IterationState, last: Ended): Ended {
  // A single one is the job itself.
  if (instances.length === 1) return last;
  const counted = Object.entries(tally).flatMap(([name, count]) => (count > 0 ? [name as Ended['conclusion']] : []));
  const conclusion = counted.length === 1 && counted[0] === 'withdrawn' ? 'withdrawn' : resultOf(counted);
  return { conclusion, reason: conclusion === 'success' && ignored ? 'failure-ignored' : null };
}

function isEnough(draft: FlowDraft, key: string, plan: CompleteWhenPlan): boolean {
  const { tally, instances, open, job: path } = draft.iterations.get(key);
  const contexts = jobContexts(draft, draft.jobs.get(path), draft.iterations.get(key));
  const holds = attempt(() => {
    const count = evaluateCount('complete-when.count', plan.count, { contexts });
    const { success, failure } = tally;
    const seen = { total: instances.length, completed: instances.length - open, success, failure, running: open };
    const status = { success: true, failure: failure > 0, cancelled: false };
    if (count !== null && success < count) return false;
    return plan.if === null || evaluateCondition(plan.if, { contexts: { ...contexts, instances: seen }, status });
  });
  return holds.kind === 'value' && holds.value;
}
