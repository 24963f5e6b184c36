import { evaluateText, ExpressionError, type EvaluationInput } from '../expressions/evaluate.ts';
import type { StepPlan } from '../protocol/plan.ts';

/** The name of a step before it is reached: as written, expressions and all, or the default for its kind. */
export function declaredName(plan: StepPlan): string {
  return typeof plan.name === 'string' && plan.name !== '' ? plan.name : defaultName(plan);
}

/**
 * The name of a step as it is shown once it was reached.
 * @throws ExpressionError when the `name` of the plan cannot be evaluated.
 */
export function evaluatedName(plan: StepPlan, input: EvaluationInput): string {
  const name = plan.name === null ? '' : oneLine(evaluateText(plan.name, input));
  if (name !== '') return name;
  try {
    // A default name is no place for a secret that the author never put into a name.
    return oneLine(evaluateText(defaultName(plan), { ...input, contexts: { ...input.contexts, secrets: null } }));
  } catch (error) {
    if (error instanceof ExpressionError) return defaultName(plan);
    throw error;
  }
}

/** `Run` and the first line of the script, `Run owner/name@ref`, `Wait`… (background-steps A11, runner-behaviour 2.6) */
function defaultName(plan: StepPlan): string {
  switch (plan.kind) {
    case 'run':
      return `Run ${oneLine(plan.run.trimStart())}`.trimEnd();
    case 'uses':
      return `Run ${plan.uses}`;
    case 'wait':
      return 'Wait';
    case 'wait-all':
      return plan.implicit ? IMPLICIT_BARRIER_NAME : 'Wait for all';
    case 'cancel':
      return 'Cancel';
  }
}

/** GitHub's name for the barrier before the post steps (B51). */
export const IMPLICIT_BARRIER_NAME = 'Wait for all background steps';

function oneLine(text: string): string {
  return text.split(/\r?\n/, 1)[0]?.trimEnd() ?? '';
}
