import { ExpressionError } from '../expressions/evaluate.ts';
import { evaluateInputs, type ActionInputs } from './action-inputs.ts';
import type { ActionInstance } from './action-instance.ts';
import { runComposite, runInnerStages } from './composite-action.ts';
import type { HandlerContext, Stage } from './handler-context.ts';
import { failed, STOPPED } from './handler-result.ts';
import { runNodeStage } from './node-action.ts';
import { annotation } from './own-annotation.ts';
import type { HandlerResult } from './step-handler.ts';
import { writeHeader } from './step-header.ts';
import { nameNow } from './step-name-now.ts';
import type { StepScope } from './step-scope.ts';

/** Runs one stage of an action. Its inputs are evaluated anew for each, as on GitHub. */
export async function runStage(
  stage: Stage,
  instance: ActionInstance,
  scope: StepScope,
  context: HandlerContext,
): Promise<HandlerResult> {
  const { step, action } = instance;
  const { runs } = action.manifest;
  const { log } = scope;
  let inputs: ActionInputs;
  try {
    inputs = await evaluateInputs(step.with, action.manifest, scope.contexts, context.options.hashFiles);
  } catch (error) {
    if (error instanceof ExpressionError) return failed(log, 'condition-error', error.message);
    throw error;
  }
  if (scope.signal.aborted) return STOPPED;
  if (stage !== 'post') instance.name = nameNow(step, scope.contexts);
  writeHeader(log, { uses: step.uses, inputs: inputs.values, env: scope.env });
  if (stage === 'main') {
    if (action.note !== null) log.line(action.note);
    for (const warning of inputs.warnings) log.annotate(annotation('warning', warning));
  }
  switch (runs.using) {
    case 'docker':
      return failed(
        log,
        'not-supported',
        `The action '${step.uses}' is a Docker action, and Paceline does not run those yet.`,
      );
    case 'node':
      if (stage !== 'post' && runs.post !== null) context.actions.registerPost(instance);
      if (stage === 'main' && runs.pre !== null && action.reference.kind === 'local')
        log.annotate(annotation('warning', `\`pre\` is not run for the local action '${step.uses}', as on GitHub.`));
      return runNodeStage(stage, instance, runs, inputs.values, scope, context);
    case 'composite':
      return stage === 'main'
        ? runComposite(instance, runs, inputs.values, scope, context)
        : runInnerStages(stage, instance, inputs.values, scope, context);
  }
}
