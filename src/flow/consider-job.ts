import type { JoinPlan } from '../protocol/flow-plan.ts';
import { beginJob } from './begin-job.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { JobState } from './job-state.ts';
import { takeRound } from './rounds.ts';
import { isSpent } from './run-limits.ts';
import { endUnbegun, settleJob, skipJob } from './settle-job.ts';
import { withdrawLate } from './withdraw.ts';

export const JOIN_ALL: JoinPlan = { mode: 'all', keep: false };

export function joinOf(draft: FlowDraft, job: JobState): JoinPlan {
  return draft.planOf(job).flow?.join ?? JOIN_ALL;
}

/** Whether it keeps arrivals apart, since it may begin more than once. */
export function keepsArrivals(join: JoinPlan): boolean {
  return join.mode === 'each' || (join.mode === 'all' && join.keep) || (join.mode === 'count' && join.late === 'queue');
}

/** Something is new about what a job needs: begins it as often as its join says, and settles it when nothing can come. */
export function considerJob(draft: FlowDraft, path: string): void {
  const job = draft.jobs.get(path);
  if (job.phase === 'settled' || job.dying > 0) return;
  if (job.fate !== null) {
    if (job.phase === 'pending') endUnbegun(draft, path, { ...job.fate, message: null });
    else if (job.live === 0) settleJob(draft, path, job.fate);
    return;
  }
  const join = joinOf(draft, job);
  if (job.jump !== null) beginJob(draft, path, null);
  else if (keepsArrivals(join)) {
    if (!beginByArrivals(draft, path, join)) return;
  } else if (job.begun === 0) beginOnce(draft, path, job, join);
  settleWhenOver(draft, path, join);
}

function beginOnce(draft: FlowDraft, path: string, job: JobState, join: JoinPlan): void {
  if (join.mode !== 'count') {
    if (job.waiting === 0) beginJob(draft, path, null);
    return;
  }
  const needs = job.needs.length;
  // Only the options leave jobs out.
  const isWhole = draft.input.options.job === null;
  const leftOut = isWhole ? 0 : job.needs.filter((need) => need.path === null).length;
  if (job.successes + leftOut >= join.count) {
    beginJob(draft, path, null);
    if (join.late === 'cancel' && draft.jobs.get(path).begun > 0) withdrawLate(draft, path);
  } else if (needs - job.hopeless < join.count) skipJob(draft, path, 'needs');
}

/** False when it is not done with them: more would be too much at once. */
function beginByArrivals(draft: FlowDraft, path: string, join: JoinPlan): boolean {
  for (;;) {
    const { phase, fate } = draft.jobs.get(path);
    if (phase === 'settled' || fate !== null) return true;
    const arrivals = takeRound(draft, path, join);
    if (arrivals === null) return true;
    beginJob(draft, path, arrivals);
    draft.work++;
    if (draft.stopped === null && isSpent(draft)) {
      draft.push({ kind: 'consider', job: path });
      return false;
    }
  }
}

function settleWhenOver(draft: FlowDraft, path: string, join: JoinPlan): void {
  const job = draft.jobs.get(path);
  if (job.phase === 'settled' || job.live > 0 || job.dying > 0 || job.jump !== null) return;
  if (job.fate !== null) {
    settleJob(draft, path, job.fate);
    return;
  }
  if (keepsArrivals(join) && job.waiting > 0) return;
  if (job.soFar !== null) settleJob(draft, path, job.soFar);
  else if (keepsArrivals(join)) {
    if (job.needs.length === 0) return;
    skipJob(draft, path, job.untaken.length > 0 ? 'choice' : 'needs');
  }
}
