import {
  evaluateCondition,
  evaluateExpression,
  evaluateTemplate,
  evaluateText,
  ExpressionError,
  isTruthy,
  toText,
  type EvaluationInput,
} from '../expressions/evaluate.ts';
import type { Json } from '../protocol/job-message.ts';
import type { Template, TemplateMap } from '../protocol/plan.ts';
import { evaluateNow, reachContexts, type ReachContexts } from './step-contexts.ts';
import type { StepCondition, StepFrame, StepTask } from './step-frame.ts';
import { declaredName, evaluatedName } from './step-name.ts';

/** A step whose condition holds, with everything that was taken when it was reached and stays. */
export interface ReadyStep {
  readonly kind: 'ready';
  readonly task: StepTask;
  readonly name: string;
  readonly env: ReadonlyMap<string, string>;
  readonly path: readonly string[];
  readonly contexts: ReachContexts;
  readonly timeLimit: TimeLimit;
}

/** `problem`: the limit could not be evaluated; the step runs without one, and says so (background-steps 2.2). */
export type TimeLimit =
  | { readonly kind: 'none' }
  | { readonly kind: 'minutes'; readonly minutes: number }
  | { readonly kind: 'problem'; readonly message: string };

export type ReachedStep =
  | ReadyStep
  | { readonly kind: 'skipped'; readonly name: string }
  /** Its `env`, `if` or `name` could not be evaluated. */
  | { readonly kind: 'problem'; readonly name: string; readonly message: string; readonly contexts: ReachContexts };

/**
 * Evaluates what is taken when a step is reached, in GitHub's order: `env` first, then `if` (which sees that `env`),
 * the name and the time limit. Never rejects for what a workflow says.
 */
export async function reachStep(task: StepTask, frame: StepFrame): Promise<ReachedStep> {
  const { state } = frame;
  const path = state.path;
  let contexts = reachContexts(task.plan, state.env, frame);
  let name = task.displayName ?? declaredName(task.plan);
  try {
    const env = new Map([...state.env, ...(await evaluateEnv(task.plan.env, contexts, frame))]);
    contexts = { ...contexts, env: Object.fromEntries(env) };
    const holds = await conditionHolds(task.condition, contexts, frame);
    if (!holds) return { kind: 'skipped', name: await nameOfSkipped(task, contexts, frame) };
    name = task.displayName ?? (await evaluateNow(contexts, frame, (input) => evaluatedName(task.plan, input)));
    const timeLimit = await evaluateTimeLimit(task.plan.timeoutMinutes, contexts, frame);
    return { kind: 'ready', task, name, env, path, contexts, timeLimit };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { kind: 'problem', name, message: error.message, contexts };
  }
}

/**
 * Whether a condition holds with the status as it is now: also for a step that runs when its job is cancelled.
 * @throws ExpressionError
 */
export function conditionHolds(condition: StepCondition, contexts: ReachContexts, frame: StepFrame): Promise<boolean> {
  return evaluateNow(contexts, frame, (withoutStatus) => {
    const input: EvaluationInput = { ...withoutStatus, status: frame.state.statusFunctions };
    return condition.kind === 'if'
      ? evaluateCondition(condition.text, input)
      : isTruthy(evaluateVerbatim(condition.text, input));
  });
}

/** With or without `${{ }}` around it, as an `if` may be written. */
function evaluateVerbatim(text: string, input: EvaluationInput): Json {
  return text.includes('${{') ? evaluateTemplate(text, input) : evaluateExpression(text, input);
}

/** `continue-on-error`, evaluated only when there is an error to continue on. A problem with it counts as false. */
export async function continuesOnError(
  value: Template,
  contexts: ReachContexts,
  frame: StepFrame,
  onProblem: (message: string) => void,
): Promise<boolean> {
  if (typeof value === 'boolean' || value === null) return value ?? false;
  try {
    const text = await evaluateNow(contexts, frame, (input) => evaluateText(value, input));
    if (text === 'true' || text === 'false' || text === '') return text === 'true';
    onProblem(`continue-on-error must be true or false, but it is '${text}'. It counts as false.`);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    onProblem(`continue-on-error counts as false. ${error.message}`);
  }
  return false;
}

async function evaluateEnv(
  env: TemplateMap,
  contexts: ReachContexts,
  frame: StepFrame,
): Promise<readonly (readonly [string, string])[]> {
  if (Object.keys(env).length === 0) return [];
  return evaluateNow(contexts, frame, (input) => {
    const values = evaluateTemplate(env, input) as TemplateMap;
    return Object.entries(values).map(([name, value]) => {
      if (typeof value === 'object' && value !== null) throw new ExpressionError(name, 'its value is not text');
      return [name, toText(value)] as const;
    });
  });
}

async function nameOfSkipped(task: StepTask, contexts: ReachContexts, frame: StepFrame): Promise<string> {
  if (task.displayName !== null) return task.displayName;
  try {
    return await evaluateNow(contexts, frame, (input) => evaluatedName(task.plan, input));
  } catch (error) {
    // The name of a step that does not run is no reason to fail.
    if (error instanceof ExpressionError) return declaredName(task.plan);
    throw error;
  }
}

async function evaluateTimeLimit(value: Template, contexts: ReachContexts, frame: StepFrame): Promise<TimeLimit> {
  if (value === null) return { kind: 'none' };
  try {
    const text = await evaluateNow(contexts, frame, (input) => evaluateText(value, input));
    const minutes = Number(text);
    if (Number.isNaN(minutes))
      return { kind: 'problem', message: `timeout-minutes must be a number, but it is '${text}'.` };
    return minutes > 0 && Number.isFinite(minutes) ? { kind: 'minutes', minutes } : { kind: 'none' };
  } catch (error) {
    if (error instanceof ExpressionError) return { kind: 'problem', message: error.message };
    throw error;
  }
}
