import { evaluateText } from '../expressions/evaluate.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import { resultOf, runConclusionOf } from './conclusions.ts';
import type { FlowDraft } from './flow-draft.ts';
import { attempt } from './key-problem.ts';
import { addOutputs, settleInstance } from './settle.ts';

/** Every job of a workflow is settled: the run is complete, or the calling job has its result and outputs. */
export function closeScope(draft: FlowDraft, key: string): void {
  const scope = draft.scopes.get(key);
  const results = scope.jobs.flatMap((path) => draft.jobs.get(path).result ?? []);
  if (key === '') {
    draft.conclusion = runConclusionOf(results, scope.cancelled !== null);
    if (draft.group?.held === true)
      draft.commands.push({ kind: 'release-group', key: '', group: draft.group.request.group });
    draft.commands.push({ kind: 'run-completed', conclusion: draft.conclusion });
    return;
  }
  const outputs = attempt(() => workflowOutputs(draft, key));
  if (outputs.kind === 'problem') {
    const { message } = outputs;
    settleInstance(draft, key, 'failure', 'condition-error', { announce: true, message });
    return;
  }
  addOutputs(draft, draft.instances.get(key).job, outputs.value);
  settleInstance(draft, key, resultOf(results), null, { announce: false, message: null });
}

/** @throws ExpressionError */
function workflowOutputs(draft: FlowDraft, key: string): JsonMap {
  const scope = draft.scopes.get(key);
  const { github, vars } = draft.input.contexts;
  const jobs = Object.fromEntries(
    scope.jobs.map((path) => {
      const { id, result, outputs } = draft.jobs.get(path);
      return [id, { result, outputs }];
    }),
  );
  const contexts = { github, vars, inputs: scope.inputs, jobs };
  const declared = draft.workflowOf(key).on['workflow_call']?.outputs ?? {};
  return Object.fromEntries(
    Object.entries(declared).map(([name, output]) => [name, evaluateText(output.value, { contexts })]),
  );
}
