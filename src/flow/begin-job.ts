import { evaluateCondition, usesStatusFunction } from '../expressions/evaluate.ts';
import { reasonOf } from './cancel-reason.ts';
import { bareName } from './display-name.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { JobState } from './flow-state.ts';
import { jobContexts, jobStatus, lineageBefore } from './job-contexts.ts';
import { attempt } from './key-problem.ts';
import { openInstances, type Ending } from './open-instances.ts';
import { settleJob } from './settle.ts';

/** Everything that the job needs is settled: decides whether it runs, and as which instances. */
export function beginJob(draft: FlowDraft, path: string): void {
  const job = draft.jobs.get(path);
  const ending = endingBefore(draft, job) ?? openInstances(draft, path, jobContexts(draft, job));
  if (ending !== null) endJob(draft, path, job, ending);
}

/** How the job ends because of its condition; null when it runs. */
function endingBefore(draft: FlowDraft, job: JobState): Ending | null {
  const { cancelled } = draft.scopes.get(job.scope);
  if (draft.problem !== null) return { conclusion: 'failure', reason: 'condition-error', message: draft.problem };
  if (cancelled?.force) return { conclusion: 'cancelled', reason: reasonOf(cancelled.cause), message: null };
  const condition = draft.planOf(job).if;
  const contexts = jobContexts(draft, job);
  const runs = attempt(() => evaluateCondition(condition, { contexts, status: jobStatus(draft, job) }));
  if (runs.kind === 'problem') {
    return { conclusion: 'failure', reason: 'condition-error', message: runs.message };
  }
  if (runs.value) return null;
  if (cancelled !== null && wouldRun(draft, job, condition)) {
    return { conclusion: 'cancelled', reason: reasonOf(cancelled.cause), message: null };
  }
  const byItself = lineageBefore(draft, job).success || usesStatusFunction(condition);
  return { conclusion: 'skipped', reason: byItself ? 'condition' : 'needs', message: null };
}

/** Whether it is only the cancellation that keeps a job from running. */
function wouldRun(draft: FlowDraft, job: JobState, condition: string | null): boolean {
  const lineage = lineageBefore(draft, job);
  const success = lineage.success || (lineage.cancelled && !lineage.failure);
  const status = { success, failure: lineage.failure, cancelled: false };
  const runs = attempt(() => evaluateCondition(condition, { contexts: jobContexts(draft, job), status }));
  return runs.kind === 'value' && runs.value;
}

/** Ends a job that has no instances. */
function endJob(draft: FlowDraft, path: string, job: JobState, ending: Ending): void {
  const name = bareName(draft.planOf(job), { contexts: jobContexts(draft, job) });
  draft.commands.push({
    kind: 'job-settled',
    key: path,
    id: path,
    instance: 0,
    name: [...draft.scopes.get(job.scope).names, name].join(' / '),
    matrix: null,
    ...ending,
  });
  settleJob(draft, path, ending.conclusion);
}
