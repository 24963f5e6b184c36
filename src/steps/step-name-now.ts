import { ExpressionError } from '../expressions/evaluate.ts';
import type { Json } from '../protocol/job-message.ts';
import type { StepPlan } from '../protocol/plan.ts';
import { declaredName, evaluatedName } from './step-name.ts';

/** The name of a step with these contexts; as it is written where it cannot be evaluated. */
export function nameNow(step: StepPlan, contexts: Readonly<Record<string, Json>>): string {
  try {
    return evaluatedName(step, { contexts });
  } catch (error) {
    if (error instanceof ExpressionError) return declaredName(step);
    throw error;
  }
}
