import { cancelInstance } from './cancel.ts';
import { joinOf, keepsArrivals } from './consider-job.ts';
import { endIteration, finishMain } from './end-iteration.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { Ended } from './iteration-state.ts';
import { CLEANS_UP } from './job-contexts.ts';
import { iterationKey } from './keys.ts';
import { endUnbegun } from './settle-job.ts';
import { withdrawIteration, withdrawScope } from './withdraw.ts';

const COMPLETED: Ended = { conclusion: 'success', reason: 'completed' };
const NEEDLESS: Ended = { conclusion: 'withdrawn', reason: 'completed' };

/**
 * What of a job has not ended is not wanted any more, and it counts as a success: its instances, the jobs before it, and
 * those after it. A sentence when there is nothing left to complete.
 */
export function completeJob(draft: FlowDraft, path: string): string | null {
  const job = draft.jobs.get(path);
  if (job.phase === 'pending') {
    endUnbegun(draft, path, { ...COMPLETED, message: null });
    return null;
  }
  // Nothing that comes begins it any more.
  const isEach = keepsArrivals(joinOf(draft, job));
  if (isEach) {
    draft.jobs.update(path, { fate: COMPLETED });
    draft.push({ kind: 'consider', job: path });
  }
  const keys = Array.from({ length: job.iterations }, (_, index) => iterationKey(path, index + 1));
  const done = keys.filter((key) => completeIteration(draft, key));
  return isEach || done.length > 0
    ? null
    : `The job '${path}' has come to its result; what cleans up after it still runs.`;
}

function completeIteration(draft: FlowDraft, key: string): boolean {
  const iteration = draft.iterations.find(key);
  if (iteration === null || iteration.superseded || iteration.fate !== null) return false;
  const { stage, instances } = iteration;
  switch (stage.kind) {
    case 'gates':
      withdrawIteration(draft, key, COMPLETED);
      return true;
    case 'main':
      completeMain(draft, key, instances);
      return true;
    case 'around':
      if (CLEANS_UP.has(stage.phase)) return false;
      draft.iterations.update(key, { fate: COMPLETED, closed: true });
      withdrawScope(draft, `${key}@${stage.phase}`, NEEDLESS);
      return true;
    case 'delay-after':
      draft.commands.push({ kind: 'clear-timer', id: `${key}/after` });
      endIteration(draft, key);
      return true;
    case 'ended':
      return false;
  }
}

function completeMain(draft: FlowDraft, key: string, instances: readonly string[]): void {
  const { kind } = draft.planOfIteration(key);
  if (kind === 'loop') withdrawIteration(draft, key, COMPLETED);
  // None that a worker has, or will have.
  else if (kind === 'gate' || instances.length === 0) finishMain(draft, key, COMPLETED, null);
  else {
    draft.iterations.update(key, { fate: COMPLETED, closed: true });
    for (const instance of instances) cancelInstance(draft, instance, 'withdrawn', false, NEEDLESS);
  }
}
