import { evaluateCondition, evaluateTemplate, evaluateText } from '../expressions/evaluate.ts';
import type { JobConclusion, Reason } from '../protocol/conclusion.ts';
import type { Json, JsonMap } from '../protocol/job-message.ts';
import type { GateJobPlan, LoopJobPlan, TemplateMap } from '../protocol/plan.ts';
import { bareName } from './display-name.ts';
import { finishMain } from './end-iteration.ts';
import type { FlowDraft } from './flow-draft.ts';
import { jobContexts } from './job-contexts.ts';
import { keptResult } from './kept-job.ts';
import { attempt } from './key-problem.ts';
import { openInstances } from './open-instances.ts';
import { isFull, keepTexts, OVER_LIMIT, TOO_MUCH_HELD } from './run-limits.ts';
import { openScope } from './open-scope.ts';
import { claimRace } from './races.ts';
import { lookAgain } from './watchers.ts';

/** How and why a job ends without instances. */
export interface Ending {
  readonly conclusion: JobConclusion;
  readonly reason: Reason | null;
  readonly message: string | null;
}

/** What the job is for: its instances, the rounds of a loop, or nothing. */
export function openMain(draft: FlowDraft, key: string): void {
  draft.iterations.update(key, { stage: { kind: 'main' } });
  const job = draft.jobs.get(draft.iterations.get(key).job);
  const plan = draft.planOf(job);
  const isKept = keptResult(draft, key) !== null;
  if ((plan.kind === 'gate' || plan.kind === 'loop') && (plan.concurrency === null || isKept)) {
    openBody(draft, key);
    return;
  }
  const ending = openInstances(draft, key, jobContexts(draft, job, draft.iterations.get(key)));
  if (ending !== null) finishMain(draft, key, ending, ending.message);
}

/** A gate or a loop that has its locks and groups. */
export function openBody(draft: FlowDraft, key: string): void {
  const plan = draft.planOfIteration(key);
  if (plan.kind === 'gate') passGate(draft, key, plan);
  else if (plan.kind === 'loop' && claimRace(draft, key)) beginLoop(draft, key, plan);
}

/** A job without a body has passed what it waited for. */
export function passGate(draft: FlowDraft, key: string, plan: GateJobPlan): void {
  if (draft.paused) {
    draft.paused = { ...draft.paused, held: [...draft.paused.held, key] };
    return;
  }
  if (!claimRace(draft, key)) return;
  const iteration = draft.iterations.get(key);
  const job = draft.jobs.get(iteration.job);
  const outputs = attempt(
    () =>
      keptResult(draft, key)?.outputs ??
      evaluateOutputs(draft, job.scope, plan.outputs, jobContexts(draft, job, iteration)),
  );
  if (outputs.kind === 'problem') {
    finishMain(draft, key, { conclusion: 'failure', reason: 'condition-error' }, outputs.message);
    return;
  }
  draft.iterations.update(key, { outputs: outputs.value, ran: true });
  finishMain(draft, key, { conclusion: 'success', reason: null }, null);
}

function beginLoop(draft: FlowDraft, key: string, plan: LoopJobPlan): void {
  const iteration = draft.iterations.get(key);
  const job = draft.jobs.get(iteration.job);
  const vars = attempt(() => {
    const values = evaluateTemplate(plan.vars, { contexts: jobContexts(draft, job, iteration) }) as JsonMap;
    return keepTexts(draft, job.scope, values);
  });
  if (vars.kind === 'problem') {
    finishMain(draft, key, { conclusion: 'failure', reason: 'condition-error' }, vars.message);
    return;
  }
  draft.iterations.update(key, { round: { number: 0, vars: vars.value }, ran: true });
  lookAgain(draft, job);
  nextRound(draft, key);
}

/** One round more, unless the loop is over. */
export function nextRound(draft: FlowDraft, key: string): void {
  const plan = draft.planOfIteration(key);
  if (plan.kind !== 'loop') return;
  const { round, job: path, fate } = draft.iterations.get(key);
  if (fate !== null) {
    finishMain(draft, key, fate, null);
    return;
  }
  const goesOn = attempt(() => plan.while === null || holds(draft, key, plan.while, round.number));
  if (goesOn.kind === 'problem') {
    finishMain(draft, key, { conclusion: 'failure', reason: 'condition-error' }, goesOn.message);
    return;
  }
  if (!goesOn.value) {
    finishLoop(draft, key, plan, {});
    return;
  }
  if (round.number >= plan.maxIterations) {
    const message = `It would go round more than ${plan.maxIterations} times.`;
    finishMain(draft, key, { conclusion: 'failure', reason: 'too-many-iterations' }, message);
    return;
  }
  const job = draft.jobs.get(path);
  if (isFull(draft, job.scope, plan.jobs.length)) {
    finishMain(draft, key, OVER_LIMIT, TOO_MUCH_HELD);
    return;
  }
  const number = round.number + 1;
  draft.iterations.update(key, { round: { ...round, number } });
  const scope = draft.scopes.get(job.scope);
  const name = bareName(plan, { contexts: jobContexts(draft, job, draft.iterations.get(key)) });
  openScope(
    draft,
    `${key}@${number}`,
    {
      workflow: scope.workflow,
      source: { kind: 'round', iteration: key, number },
      depth: scope.depth,
      loop: { ...scope.loop, ...round.vars, index: number - 1 },
      inputs: scope.inputs,
      secrets: scope.secrets,
      names: [...scope.names, `${name} (${number})`],
    },
    null,
  );
}

/** All jobs of a round have ended well. */
export function roundEnded(draft: FlowDraft, key: string, jobs: JsonMap): void {
  const plan = draft.planOfIteration(key);
  if (plan.kind !== 'loop') return;
  const { round } = draft.iterations.get(key);
  draft.iterations.update(key, { round: { ...round, vars: updated(round.vars, jobs) } });
  const { until } = plan;
  const ends = attempt(() => until !== null && holds(draft, key, until, round.number - 1, jobs));
  if (ends.kind === 'problem')
    finishMain(draft, key, { conclusion: 'failure', reason: 'condition-error' }, ends.message);
  else if (ends.value) finishLoop(draft, key, plan, jobs);
  else {
    // What the last round gave is what the loop gives, should it end before another one.
    draft.iterations.update(key, { outputs: outputsOf(draft, key, plan, jobs) });
    nextRound(draft, key);
  }
}

function finishLoop(draft: FlowDraft, key: string, plan: LoopJobPlan, jobs: JsonMap): void {
  const outputs = attempt(() => outputsOf(draft, key, plan, jobs));
  if (outputs.kind === 'problem') {
    finishMain(draft, key, { conclusion: 'failure', reason: 'condition-error' }, outputs.message);
    return;
  }
  const { outputs: earlier } = draft.iterations.get(key);
  draft.iterations.update(key, { outputs: { ...earlier, ...outputs.value } });
  finishMain(draft, key, { conclusion: 'success', reason: null }, null);
}

function outputsOf(draft: FlowDraft, key: string, plan: LoopJobPlan, jobs: JsonMap): JsonMap {
  const contexts = { ...contextsOfLoop(draft, key, draft.iterations.get(key).round.number - 1), jobs };
  return evaluateOutputs(draft, draft.jobs.get(draft.iterations.get(key).job).scope, plan.outputs, contexts);
}

/** @param jobs Of the round that has ended. */
function holds(draft: FlowDraft, key: string, condition: string, index: number, jobs: JsonMap = {}): boolean {
  const contexts = { ...contextsOfLoop(draft, key, index), jobs };
  return evaluateCondition(condition, { contexts, status: { success: true, failure: false, cancelled: false } });
}

function contextsOfLoop(draft: FlowDraft, key: string, index: number): Readonly<Record<string, Json>> {
  const iteration = draft.iterations.get(key);
  const job = draft.jobs.get(iteration.job);
  // A loop in a loop has the variables of both.
  const contexts = jobContexts(draft, job, iteration);
  return { ...contexts, loop: { ...draft.scopes.get(job.scope).loop, ...iteration.round.vars, index } };
}

/** An output of the name of a variable is its value from now on. */
function updated(vars: JsonMap, jobs: JsonMap): JsonMap {
  const given = Object.values(jobs).flatMap((job) => Object.entries((job as { outputs: JsonMap }).outputs));
  const known = given.filter(([name]) => Object.hasOwn(vars, name));
  return { ...vars, ...Object.fromEntries(known) };
}

/** @throws ExpressionError, KeyProblem */
function evaluateOutputs(
  draft: FlowDraft,
  scope: string,
  outputs: TemplateMap,
  contexts: Readonly<Record<string, Json>>,
): JsonMap {
  const values = Object.entries(outputs).map(([name, template]) => [name, evaluateText(template, { contexts })]);
  return keepTexts(draft, scope, Object.fromEntries(values) as JsonMap);
}
