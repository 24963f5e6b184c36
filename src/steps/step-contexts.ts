import { evaluateWithHashes, type EvaluationInput } from '../expressions/evaluate.ts';
import { isObject } from '../expressions/json.ts';
import type { Json } from '../protocol/job-message.ts';
import type { StepPlan } from '../protocol/plan.ts';
import type { StepFrame } from './step-frame.ts';

/** What is taken when a step is reached: its contexts with its environment, without `steps` and `job.status`. */
export type ReachContexts = Readonly<Record<string, Json>>;

export function reachContexts(plan: StepPlan, env: ReadonlyMap<string, string>, frame: StepFrame): ReachContexts {
  return { ...frame.contexts(plan), env: Object.fromEntries(env) };
}

/** Adds what is read when an expression is evaluated: the `steps` committed so far and the job's status now. */
export function liveContexts(contexts: ReachContexts, frame: StepFrame): Readonly<Record<string, Json>> {
  const { job } = contexts;
  const fields = job !== undefined && isObject(job) ? job : {};
  return { ...contexts, steps: frame.state.steps, job: { ...fields, status: frame.state.jobStatus } };
}

/**
 * Evaluates with everything that a key of a step may use; status functions only where the caller puts them in.
 * @throws ExpressionError
 */
export function evaluateNow<T>(
  contexts: ReachContexts,
  frame: StepFrame,
  evaluate: (input: EvaluationInput) => T,
): Promise<T> {
  return evaluateWithHashes({ contexts: liveContexts(contexts, frame) }, frame.hashFiles, evaluate);
}
