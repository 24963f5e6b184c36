import { createCheckoutAnswer } from './checkout-answer.ts';
import { runStage } from './action-stage.ts';
import type { HandlerContext, StepHandlers } from './handler-context.ts';
import type { StepHandlerOptions } from './handler-options.ts';
import { JobActions } from './job-actions.ts';
import { collectPreStages, type PreStageRequest } from './pre-stages.ts';
import { createRunHandler } from './run-handler.ts';
import type { ActionStage } from './step-handler.ts';
import { StepProcesses } from './step-processes.ts';
import { createUsesHandler } from './uses-handler.ts';

export interface JobHandlers extends StepHandlers {
  /**
   * Loads the actions of other repositories, inner ones too, and returns the pre stages among them in declared order. A
   * problem is left to the step that it belongs to.
   */
  preStages(request: PreStageRequest): Promise<readonly ActionStage[]>;
  /** Of what has started so far, in the order of registration. */
  postStages(): readonly ActionStage[];
}

/** What runs the `run` and `uses` steps of one job. */
export function createStepHandlers(options: StepHandlerOptions): JobHandlers {
  const processes = new StepProcesses(options);
  const actions = new JobActions(options.actions, options.workspace);
  const { checkout } = options;
  const context: HandlerContext = {
    options,
    processes,
    actions,
    answerCheckout: createCheckoutAnswer(checkout, options, processes),
    handlersIn: (composite) => ({
      run: createRunHandler(options, processes, null),
      uses: createUsesHandler(context, composite),
    }),
    runStage: (stage, instance, scope) => runStage(stage, instance, scope, context),
  };
  return {
    run: createRunHandler(options, processes, options.defaults),
    uses: createUsesHandler(context, null),
    preStages: (request) => collectPreStages(request, context),
    postStages: () =>
      actions.posts.map((instance) => ({
        step: instance.step,
        displayName: `Post ${instance.name}`,
        condition: instance.conditionOf('post'),
        run: (scope) => context.runStage('post', instance, scope),
      })),
  };
}
