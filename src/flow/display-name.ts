import { references } from '../expressions/check.ts';
import { evaluateText, ExpressionError, toText, type EvaluationInput } from '../expressions/evaluate.ts';
import type { JobPlan, Template } from '../protocol/plan.ts';

/** GitHub's limit for a name that it makes of id and matrix. */
const MAX_NAME_CHARACTERS = 100;

/**
 * The name of an instance, as GitHub makes it: a name with an expression is taken as it is; one without (or the id) has
 * the values of the matrix behind it.
 * @throws ExpressionError
 */
export function instanceName(plan: JobPlan, matrixLabel: string, input: EvaluationInput): string {
  const written = isDynamic(plan.name) ? evaluateText(plan.name, input) : '';
  return written === '' ? cut(withLabel(fixedName(plan), matrixLabel)) : written;
}

/** The name of a job that has no instances: never an error, and without what only an instance has. */
export function bareName(plan: JobPlan, input: EvaluationInput): string {
  if (!isDynamic(plan.name) || readsInstance(plan.name)) return cut(fixedName(plan));
  try {
    return instanceName(plan, '', input);
  } catch (error) {
    if (error instanceof ExpressionError) return plan.id;
    throw error;
  }
}

function fixedName(plan: JobPlan): string {
  const name = isDynamic(plan.name) ? '' : toText(plan.name);
  return name === '' ? plan.id : name;
}

function isDynamic(name: Template): name is string {
  return typeof name === 'string' && name.includes('${{');
}

function readsInstance(name: string): boolean {
  return references(name, 'template').some(([context]) => /^(matrix|strategy)$/i.test(context ?? ''));
}

function withLabel(name: string, label: string): string {
  return label === '' ? name : `${name} (${label})`;
}

function cut(name: string): string {
  return name.length > MAX_NAME_CHARACTERS ? `${name.slice(0, MAX_NAME_CHARACTERS - 3)}...` : name;
}
