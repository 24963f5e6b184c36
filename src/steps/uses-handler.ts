import type { UsesStepPlan } from '../protocol/plan.ts';
import type { ActionInstance } from './action-instance.ts';
import { isCheckout } from './checkout-request.ts';
import type { HandlerContext } from './handler-context.ts';
import { failed, STOPPED } from './handler-result.ts';
import type { StepHandler } from './step-handler.ts';
import { writeHeader } from './step-header.ts';

/** Composite actions inside composite actions; GitHub's limit. */
export const MAX_COMPOSITE_DEPTH = 9;

/**
 * Loads the action of a `uses` step and runs its main stage.
 * @param parent The composite action that the step is in; null for a step of the job.
 */
export function createUsesHandler(context: HandlerContext, parent: ActionInstance | null): StepHandler<UsesStepPlan> {
  return async (step, scope) => {
    const { log, env, signal } = scope;
    if (context.answerCheckout !== null && isCheckout(step.uses)) return context.answerCheckout(step, scope);
    const loaded = await context.actions.load(step.uses, signal);
    if (signal.aborted) return STOPPED;
    if (loaded.kind === 'problem') {
      writeHeader(log, { uses: step.uses, inputs: new Map(), env });
      return failed(log, loaded.reason ?? 'action-not-loaded', loaded.message);
    }
    const instance = context.actions.instanceOf(step, loaded.action, parent);
    if (instance.depth > MAX_COMPOSITE_DEPTH)
      return failed(log, 'action-not-loaded', `Composite action depth exceeded max depth ${MAX_COMPOSITE_DEPTH}`);
    return context.runStage('main', instance, scope);
  };
}
