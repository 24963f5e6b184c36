import type { RunStepPlan, UsesStepPlan } from '../protocol/plan.ts';
import type { ActionInstance } from './action-instance.ts';
import type { StepHandlerOptions } from './handler-options.ts';
import type { JobActions } from './job-actions.ts';
import type { HandlerResult, StepHandler } from './step-handler.ts';
import type { StepScope } from './step-scope.ts';
import type { StepProcesses } from './step-processes.ts';

/** What the handlers of one job share. */
export interface HandlerContext {
  readonly options: StepHandlerOptions;
  readonly processes: StepProcesses;
  readonly actions: JobActions;
  /** In place of `actions/checkout`; null runs the action itself. */
  readonly answerCheckout: StepHandler<UsesStepPlan> | null;
  /** Handlers for the inner steps of a composite action. */
  readonly handlersIn: (composite: ActionInstance) => StepHandlers;
  readonly runStage: (stage: Stage, instance: ActionInstance, scope: StepScope) => Promise<HandlerResult>;
}

export type Stage = 'pre' | 'main' | 'post';

export interface StepHandlers {
  readonly run: StepHandler<RunStepPlan>;
  readonly uses: StepHandler<UsesStepPlan>;
}
