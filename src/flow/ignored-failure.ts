import type { StepsJobPlan } from '../protocol/plan.ts';
import { applyContinueOnError } from './conclusions.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { Ended, IterationState } from './iteration-state.ts';
import { jobContexts } from './job-contexts.ts';
import { attempt } from './key-problem.ts';
import { evaluateBoolean } from './typed-value.ts';

/** How an end of an iteration counts: with `failure: ignore` or `continue-on-error`, no failure of it does. */
export function countedEnd(draft: FlowDraft, key: string, ended: Ended): Ended {
  const iteration = draft.iterations.get(key);
  return countedEndOfJob(draft, iteration.job, iteration, ended);
}

/** @param iteration Null for a job that was not begun. */
export function countedEndOfJob(draft: FlowDraft, path: string, iteration: IterationState | null, ended: Ended): Ended {
  // What ends the whole run is no failure of the job.
  if (ended.conclusion !== 'failure' || draft.stopped !== null || draft.problem !== null) return ended;
  const plan = draft.planOf(draft.jobs.get(path));
  const isIgnored =
    plan.flow?.failure === 'ignore' || (plan.kind === 'steps' && continuesOnError(draft, path, iteration, plan));
  return isIgnored ? applyContinueOnError(ended, true) : ended;
}

function continuesOnError(
  draft: FlowDraft,
  path: string,
  iteration: IterationState | null,
  { continueOnError, strategy }: StepsJobPlan,
): boolean {
  if (typeof continueOnError !== 'string') return continueOnError === true;
  if (iteration !== null && iteration.instances.length > 0)
    return iteration.instances.every((key) => {
      const { settings } = draft.instances.get(key);
      return settings.kind === 'steps' && settings.continueOnError;
    });
  // What it says of each instance is not known without them.
  if (strategy !== null && strategy.matrix !== null) return false;
  const contexts = jobContexts(draft, draft.jobs.get(path), iteration);
  const says = attempt(() => evaluateBoolean('continue-on-error', continueOnError, { contexts }));
  return says.kind === 'value' && says.value === true;
}
