import { evaluateCondition } from '../expressions/evaluate.ts';
import { spawnOf } from './arrive.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { Ended } from './iteration-state.ts';
import { jobContexts } from './job-contexts.ts';
import { attempt } from './key-problem.ts';
import { tellOfEnd } from './tell-of-end.ts';

/** A success that chooses nobody is none. */
export function chosen(draft: FlowDraft, key: string, ended: Ended): Ended {
  if (ended.conclusion !== 'success') return ended;
  const spawn = spawnOf(draft, key);
  if (spawn.kind === 'problem') {
    const failed: Ended = { conclusion: 'failure', reason: 'condition-error' };
    tellOfEnd(draft, key, failed, spawn.message);
    return failed;
  }
  const choose = draft.planOfIteration(key).flow?.choose ?? null;
  if (choose === null) return ended;
  const taken = branchesOf(draft, key);
  const takes = taken.kind === 'value' ? taken.value : [];
  const named = [...choose.branches.map(({ job }) => job), ...(choose.default === null ? [] : [choose.default])];
  leaveOut(
    draft,
    key,
    named.filter((id) => !takes.includes(id)),
  );
  if (takes.length > 0) return ended;
  const message =
    taken.kind === 'problem' ? taken.message : 'No condition of its `branches` is true, and there is no `default`.';
  const failed: Ended = { conclusion: 'failure', reason: 'choice' };
  tellOfEnd(draft, key, failed, message);
  return failed;
}

function branchesOf(draft: FlowDraft, key: string) {
  const iteration = draft.iterations.get(key);
  const job = draft.jobs.get(iteration.job);
  const choose = draft.planOf(job).flow?.choose;
  const contexts = { ...jobContexts(draft, job, iteration), outputs: iteration.outputs, result: 'success' };
  const status = { success: true, failure: false, cancelled: false };
  return attempt((): readonly string[] => {
    const holding: string[] = [];
    for (const branch of choose?.branches ?? []) {
      if (choose?.mode === 'one' && holding.length > 0) break;
      if (evaluateCondition(branch.if, { contexts, status })) holding.push(branch.job);
    }
    if (holding.length > 0) return holding;
    return choose?.default != null ? [choose.default] : [];
  });
}

/** Remembers at the dependants that this job did not choose them. */
function leaveOut(draft: FlowDraft, key: string, untaken: readonly string[]): void {
  const { job: path } = draft.iterations.get(key);
  const ids = new Set(untaken.map((id) => id.toLowerCase()));
  for (const dependant of draft.jobs.get(path).dependants) {
    const other = draft.jobs.get(dependant);
    const without = other.untaken.filter((need) => need !== path);
    const isLeftOut = ids.has(other.id.toLowerCase());
    if (isLeftOut || without.length < other.untaken.length)
      draft.jobs.update(dependant, { untaken: isLeftOut ? [...without, path] : without });
  }
}
