import { evaluateGroup } from './evaluate-group.ts';
import type { FlowDraft } from './flow-draft.ts';
import { attempt } from './key-problem.ts';
import { openScope } from './open-scope.ts';
import { selectJobs } from './select-jobs.ts';

/**
 * Opens the jobs of the run, or asks for its own concurrency group first.
 * @throws RangeError when the options name a job that there is not.
 */
export function beginRun(draft: FlowDraft): void {
  const { github, vars, inputs } = draft.input.contexts;
  const plan = draft.input.workflows[0]?.concurrency ?? null;
  const group = attempt(() => (plan === null ? null : evaluateGroup(plan, { github, vars, inputs })));
  selectJobs(draft.input);
  if (group.kind === 'value' && group.value !== null) {
    draft.group = { request: group.value, held: false };
    draft.commands.push({ kind: 'acquire-group', key: '', request: group.value });
    return;
  }
  if (group.kind === 'problem') draft.problem = group.message;
  openRun(draft);
}

export function openRun(draft: FlowDraft): void {
  const { inputs } = draft.input.contexts;
  openScope(
    draft,
    '',
    { workflow: 0, source: { kind: 'workflow' }, depth: 0, loop: null, inputs, secrets: [], names: [] },
    selectJobs(draft.input),
  );
}

/** The run waits for its own group; nothing of it has begun. */
export function isHeldBack(draft: FlowDraft): boolean {
  return draft.group !== null && !draft.group.held;
}
