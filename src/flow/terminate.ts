import type { RunConclusion } from '../protocol/conclusion.ts';
import type { FlowDraft } from './flow-draft.ts';
import { workflowScopeOf } from './cancel.ts';
import { withdrawJob } from './withdraw.ts';

/** A job was the explicit end of its workflow: the rest is not wanted any more. */
export function terminateScope(draft: FlowDraft, by: string, conclusion: RunConclusion): void {
  const key = workflowScopeOf(draft, draft.jobs.get(by).scope);
  const scope = draft.scopes.get(key);
  if (scope.terminated !== null) return;
  draft.scopes.update(key, { terminated: conclusion });
  for (const path of scope.jobs)
    if (path !== by) withdrawJob(draft, path, { conclusion: 'withdrawn', reason: 'terminated' });
}
