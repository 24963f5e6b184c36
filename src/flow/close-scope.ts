import { evaluateText } from '../expressions/evaluate.ts';
import type { JobConclusion } from '../protocol/conclusion.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import { asks } from './approvals.ts';
import { resultOf, runConclusionOf } from './conclusions.ts';
import { aroundEnded, finishMain } from './end-iteration.ts';
import { finallyScope, scopeBeforeFinally } from './finally-scope.ts';
import type { FlowDraft } from './flow-draft.ts';
import { attempt } from './key-problem.ts';
import { roundEnded } from './main-part.ts';
import { openScope } from './open-scope.ts';
import { forgetWork, isFullFor } from './run-limits.ts';
import { endingOfStopped } from './stop-run.ts';
import { addOutputs, settleInstance } from './settle-instance.ts';

/** Every job of a scope is settled: what it is a part of goes on. */
export function closeScope(draft: FlowDraft, key: string): void {
  const scope = draft.scopes.get(key);
  // A jump may have opened it again meanwhile.
  if (scope.open > 0) return;
  const { source } = scope;
  const results = resultsOf(draft, key);
  switch (source.kind) {
    case 'workflow':
      if (!openFinally(draft, key)) closeWorkflow(draft, key, results);
      return;
    case 'finally': {
      const of = scopeBeforeFinally(key);
      closeWorkflow(draft, of, [...resultsOf(draft, of), ...results]);
      return;
    }
    case 'around':
      aroundEnded(draft, source.iteration, source.phase, results);
      return;
    case 'round':
      closeRound(draft, key, source.iteration, results);
  }
}

function resultsOf(draft: FlowDraft, key: string): JobConclusion[] {
  return draft.scopes.get(key).jobs.flatMap((path) => resultIn(draft, key, path) ?? []);
}

/** What is around the scope is not to go on as if an approval had been given that did not come in time. */
function resultIn(draft: FlowDraft, key: string, path: string): JobConclusion | null {
  const job = draft.jobs.get(path);
  const isOfRun = key === '' || key === finallyScope('');
  return !isOfRun && job.reason === 'expired' && asks(draft, draft.planOf(job)) ? 'failure' : job.result;
}

function closeRound(draft: FlowDraft, key: string, iteration: string, results: readonly JobConclusion[]): void {
  const { fate } = draft.iterations.get(iteration);
  const worst = resultOf(results);
  const stopped = fate === null ? endingOfStopped(draft) : null;
  if (fate !== null) finishMain(draft, iteration, fate, null);
  else if (stopped !== null) finishMain(draft, iteration, stopped, stopped.message);
  else if (draft.scopes.get(key).cancelled !== null || worst === 'cancelled')
    finishMain(draft, iteration, { conclusion: worst === 'failure' ? 'failure' : 'cancelled', reason: null }, null);
  else if (worst === 'failure') finishMain(draft, iteration, { conclusion: 'failure', reason: null }, null);
  else roundEnded(draft, iteration, jobsContext(draft, key));
}

/** What a workflow has to do whatever happened; once. */
function openFinally(draft: FlowDraft, key: string): boolean {
  const inFinally = finallyScope(key);
  const scope = draft.scopes.get(key);
  const plans = draft.input.workflows[scope.workflow]?.flow?.finally ?? [];
  const isStopped = key === '' && draft.stopped !== null;
  const isForced = scope.cancelled?.force === true && !isStopped;
  if (plans.length === 0 || isForced || draft.scopes.find(inFinally) !== null) return false;
  if (key !== '' && isFullFor(draft, key, 'finally', plans.length)) return false;
  // What was too much has ended: this is another matter.
  if (isStopped) forgetWork(draft);
  const { workflow, depth, loop, inputs, secrets, names } = scope;
  openScope(draft, inFinally, { workflow, source: { kind: 'finally' }, depth, loop, inputs, secrets, names }, null);
  return true;
}

function closeWorkflow(draft: FlowDraft, key: string, results: readonly JobConclusion[]): void {
  const scope = draft.scopes.get(key);
  if (key === '') {
    draft.conclusion =
      scope.cancelled?.cause === 'run-limit'
        ? 'failure'
        : (scope.terminated ?? runConclusionOf(results, scope.cancelled !== null));
    if (draft.group?.held === true)
      draft.commands.push({ kind: 'release-group', key: '', group: draft.group.request.group });
    draft.commands.push({ kind: 'run-completed', conclusion: draft.conclusion });
    return;
  }
  const { iteration } = draft.instances.get(key);
  const { fate } = draft.iterations.get(iteration);
  const outputs = attempt(() => workflowOutputs(draft, key));
  if (outputs.kind === 'problem') {
    const { message } = outputs;
    settleInstance(draft, key, { conclusion: 'failure', reason: 'condition-error' }, { announce: true, message });
    return;
  }
  addOutputs(draft, iteration, outputs.value);
  const conclusion = scope.terminated ?? resultOf(results);
  settleInstance(draft, key, fate ?? { conclusion, reason: null }, { announce: false, message: null });
}

/** @throws ExpressionError */
function workflowOutputs(draft: FlowDraft, key: string): JsonMap {
  const scope = draft.scopes.get(key);
  const { github, vars } = draft.input.contexts;
  const contexts = { github, vars, inputs: scope.inputs, jobs: jobsContext(draft, key) };
  const declared = draft.workflowOf(key).on['workflow_call']?.outputs ?? {};
  return Object.fromEntries(
    Object.entries(declared).map(([name, output]) => [name, evaluateText(output.value, { contexts })]),
  );
}

function jobsContext(draft: FlowDraft, key: string): JsonMap {
  return Object.fromEntries(
    draft.scopes.get(key).jobs.map((path) => {
      const { id, result, outputs } = draft.jobs.get(path);
      return [id, { result, outputs }];
    }),
  );
}
