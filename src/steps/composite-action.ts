import { causeOf, type CancelCause } from '../kernel/cancellation.ts';
import { evaluateText, ExpressionError } from '../expressions/evaluate.ts';
import { isObject } from '../expressions/json.ts';
import type { Json, JsonMap } from '../protocol/job-message.ts';
import type { ActionStepPlan } from '../protocol/plan.ts';
import type { CompositeRuns } from '../workflow/action-manifest.ts';
import type { ActionInstance } from './action-instance.ts';
import type { HandlerContext, StepHandlers } from './handler-context.ts';
import { JobState } from './job-state.ts';
import { annotation } from './own-annotation.ts';
import { runStep } from './run-step.ts';
import { evaluateNow, reachContexts } from './step-contexts.ts';
import { NO_EFFECTS } from './step-effects.ts';
import type { StepEnd } from './step-end.ts';
import type { StepFrame, StepTask } from './step-frame.ts';
import type { HandlerResult } from './step-handler.ts';
import type { StepScope } from './step-scope.ts';
import { StepStop } from './step-stop.ts';

/**
 * Runs the inner steps of a composite action on a job state of their own, whose commits become the effects of the one
 * step that the action is. After a failure the later steps are still reached (`always()`, `failure()`), and the outputs
 * are evaluated.
 */
export async function runComposite(
  instance: ActionInstance,
  runs: CompositeRuns,
  inputs: ReadonlyMap<string, string>,
  scope: StepScope,
  context: HandlerContext,
): Promise<HandlerResult> {
  const state = new JobState(scope);
  const frame = frameOf(instance, inputs, state, scope, context);
  const handlers = context.handlersIn(instance);
  const ends: StepEnd[] = [];
  let stopped = false;
  for (const [index, step] of runs.steps.entries()) {
    if (scope.signal.aborted) {
      stopped = true;
      if (!ENDS_THE_JOB.has(causeOf(scope.signal))) break;
      // As at GitHub, a cancelled job still reaches the steps that want to clean up; only a kill ends those.
      state.cancel();
    }
    const end = await runInner(taskOf(step, handlers), `${scope.key}.${index + 1}`, frame, scope);
    state.commit(step.id, end);
    state.fold(end.conclusion);
    instance.ended.set(step.id, { ...end, effects: { ...NO_EFFECTS, outputs: end.effects.outputs } });
    ends.push(end);
    stopped ||= scope.signal.aborted && WAS_STOPPED.has(end.reason);
  }
  const outputs = await evaluateOutputs(instance, frame);
  const result = resultOf(ends, stopped, state);
  if (outputs.kind === 'problem') {
    if (!stopped) scope.log.annotate(annotation('error', outputs.message));
    return { ...result, outcome: stopped ? 'stopped' : 'failure' };
  }
  return { ...result, effects: { ...state.written, outputs: outputs.values } };
}

/** The pre or post stages of inner actions: post in reverse order, of those that started; each under its own condition. */
export async function runInnerStages(
  stage: 'pre' | 'post',
  instance: ActionInstance,
  inputs: ReadonlyMap<string, string>,
  scope: StepScope,
  context: HandlerContext,
): Promise<HandlerResult> {
  const state = new JobState(scope);
  // Their status functions look at the job (runner-behaviour 2.3).
  if (scope.status === 'cancelled') state.cancel();
  else if (scope.status === 'failure') state.fold('failure');
  for (const [id, step] of instance.ended) state.commit(id, step);
  const frame = frameOf(instance, inputs, state, scope, context);
  const children = stage === 'pre' ? instance.pres : [...instance.posts].reverse();
  const ends: StepEnd[] = [];
  for (const [index, child] of children.entries()) {
    if (scope.signal.aborted) break;
    const task: StepTask = {
      plan: child.step,
      displayName: null,
      condition: { kind: 'verbatim', text: child.conditionOf(stage) },
      run: (inner) => context.runStage(stage, child, inner),
    };
    const end = await runInner(task, `${scope.key}.${index + 1}`, frame, scope);
    state.commit(null, end);
    state.fold(end.conclusion);
    ends.push(end);
  }
  const result = resultOf(ends, scope.signal.aborted, state);
  const failedHere = ends.some(({ conclusion }) => conclusion === 'failure');
  return {
    ...result,
    outcome: scope.signal.aborted ? 'stopped' : failedHere ? 'failure' : 'success',
    effects: state.written,
  };
}

/** Causes that end a job rather than this step alone. */
const ENDS_THE_JOB: ReadonlySet<CancelCause> = new Set([
  'user',
  'fail-fast',
  'concurrency',
  'withdrawn',
  'job-timeout',
]);
const WAS_STOPPED: ReadonlySet<StepEnd['reason']> = new Set(['cancelled-by-step', 'job-cancelled', 'timed-out']);

function frameOf(
  instance: ActionInstance,
  inputs: ReadonlyMap<string, string>,
  state: JobState,
  scope: StepScope,
  { options }: HandlerContext,
): StepFrame {
  // What a composite action may not see is not there: secrets reach it as inputs only (runner-behaviour 2.13).
  const { github, strategy, matrix, job, runner } = scope.contexts;
  const fixed = {
    ...{ strategy: strategy ?? null, matrix: matrix ?? null, job: job ?? null, runner: runner ?? null },
    ...{ inputs: Object.fromEntries(inputs), secrets: null, vars: null, needs: null },
  };
  const contextWith = memoised((status: string): JsonMap => ({
    ...(github !== undefined && isObject(github) ? github : {}),
    ...instance.githubContext,
    action_status: status,
  }));
  return {
    state,
    contexts: () => ({ ...fixed, github: contextWith(state.status) }) satisfies Record<string, Json>,
    hashFiles: options.hashFiles,
    processes: scope.processes,
    ladder: scope.ladder,
    clock: options.clock,
    graceMs: null,
  };
}

/** Contexts are converted once per object, so the same status gives the same object. */
function memoised<T>(make: (key: string) => T): (key: string) => T {
  const made = new Map<string, T>();
  return (key) => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    return value;
  };
}

function taskOf(plan: ActionStepPlan, handlers: StepHandlers): StepTask {
  return {
    plan,
    displayName: null,
    condition: { kind: 'if', text: plan.if },
    run: (scope) => (plan.kind === 'run' ? handlers.run(plan, scope) : handlers.uses(plan, scope)),
  };
}

/** A step that begins after the end was asked for obeys the kill only. */
async function runInner(task: StepTask, key: string, frame: StepFrame, scope: StepScope): Promise<StepEnd> {
  const stop = new StepStop(scope.signal.aborted ? null : scope.signal, scope.kill);
  try {
    return await runStep(task, { frame, key, log: scope.log, stop });
  } finally {
    stop.dispose();
  }
}

/** Exit code and reason are those of the first step that failed it. */
function resultOf(ends: readonly StepEnd[], stopped: boolean, state: JobState): HandlerResult {
  const failure = ends.find(({ conclusion }) => conclusion === 'failure');
  const summaries = ends.flatMap(({ summary }) => summary ?? []);
  return {
    outcome: stopped ? 'stopped' : state.status === 'failure' ? 'failure' : 'success',
    reason: stopped ? null : (failure?.reason ?? null),
    exitCode: failure?.exitCode ?? ends.at(-1)?.exitCode ?? null,
    signal: failure?.signal ?? null,
    effects: state.written,
    summary: summaries.length > 0 ? summaries.join('\n') : null,
  };
}

async function evaluateOutputs(
  { action, step }: ActionInstance,
  frame: StepFrame,
): Promise<{ kind: 'outputs'; values: Map<string, string> } | { kind: 'problem'; message: string }> {
  try {
    const values = await evaluateNow(reachContexts(step, frame.state.env, frame), frame, (input) =>
      Object.entries(action.manifest.outputs).map(([name, { value }]) => [name, evaluateText(value, input)] as const),
    );
    return { kind: 'outputs', values: new Map(values) };
  } catch (error) {
    if (error instanceof ExpressionError) return { kind: 'problem', message: error.message };
    throw error;
  }
}
