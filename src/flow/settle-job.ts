import type { JobConclusion, Reason } from '../protocol/conclusion.ts';
import { bareName } from './display-name.ts';
import { joinOf, keepsArrivals } from './consider-job.ts';
import type { FlowDraft } from './flow-draft.ts';
import { countedEndOfJob } from './ignored-failure.ts';
import type { Ended } from './iteration-state.ts';
import type { JobState, Lineage } from './job-state.ts';
import { ALL_WELL, jobContexts, lineageBefore } from './job-contexts.ts';
import { iterationKey } from './keys.ts';
import { releaseSection } from './locks.ts';
import { needEnded } from './rounds.ts';
import { clearDeadline } from './start-deadline.ts';
import { lookAgain } from './watchers.ts';

/** Gives a job its result and wakes those that wait for it. */
export function settleJob(draft: FlowDraft, path: string, { conclusion, reason }: Ended): void {
  const job = draft.jobs.get(path);
  draft.jobs.update(path, {
    phase: 'settled',
    result: conclusion,
    reason,
    lineage: lineageAfter(draft, path, job, conclusion),
  });
  clearDeadline(draft, path);
  if (!job.told) wakeDependants(draft, path, job);
  releaseSection(draft, path);
  lookAgain(draft, job);
  const { open } = draft.scopes.update(job.scope, { open: draft.scopes.get(job.scope).open - 1 });
  if (open === 0) draft.push({ kind: 'close', scope: job.scope });
}

/** Dependants that wait for all go on before the job has ended: it is a success for them. */
export function passEarly(draft: FlowDraft, path: string): void {
  const job = draft.jobs.get(path);
  if (job.told) return;
  draft.jobs.update(path, { told: true, result: 'success', lineage: lineageAfter(draft, path, job, 'success') });
  wakeDependants(draft, path, draft.jobs.get(path));
}

function wakeDependants(draft: FlowDraft, path: string, job: JobState): void {
  draft.work += job.dependants.length;
  for (const dependant of job.dependants) {
    const other = draft.jobs.get(dependant);
    const isHopeless = !counts(draft, other, job);
    const { waiting } = draft.jobs.update(dependant, {
      waiting: other.waiting - 1,
      hopeless: other.hopeless + (isHopeless ? 1 : 0),
    });
    const join = joinOf(draft, other);
    if (join.mode === 'count' && join.late === 'queue') needEnded(draft, dependant, path);
    // One that waits for all has nothing to look at before the last.
    const waitsForMore = waiting > 0 && other.phase === 'pending' && join.mode !== 'count' && !keepsArrivals(join);
    if (!waitsForMore) draft.push({ kind: 'consider', job: dependant });
  }
}

/** Whether a need has a success that counts for the join of a dependant. */
export function counts(draft: FlowDraft, dependant: JobState, need: JobState): boolean {
  const join = draft.planOf(dependant).flow?.join;
  return (
    need.succeeded === 'yes' || (need.succeeded === 'ignored' && join?.mode === 'count' && join.countIgnoredFailures)
  );
}

/** Ends a job that was not begun, and tells the host. Of one that was begun before a jump back, all has to end first. */
export function endUnbegun(
  draft: FlowDraft,
  path: string,
  {
    message,
    ...end
  }: { readonly conclusion: JobConclusion; readonly reason: Reason | null; readonly message: string | null },
): void {
  const job = draft.jobs.get(path);
  const ended = countedEndOfJob(draft, path, null, end);
  if (job.dying > 0) {
    draft.jobs.update(path, { fate: ended, jump: null });
    return;
  }
  // It has a number, as if it had begun: a jump may have ended it like this before.
  const number = job.iterations + 1;
  announce(draft, iterationKey(path, number), path, { ...ended, message });
  draft.jobs.update(path, { iterations: number });
  // Others of it have begun: it is over when they are.
  if (job.live > 0) draft.jobs.update(path, { fate: ended });
  else settleJob(draft, path, ended);
}

export function skipJob(draft: FlowDraft, path: string, reason: Reason): void {
  endUnbegun(draft, path, { conclusion: 'skipped', reason, message: null });
}

/** A job, or an iteration of it, that comes to its end without a worker. */
export function announce(
  draft: FlowDraft,
  key: string,
  path: string,
  ending: { readonly conclusion: JobConclusion; readonly reason: Reason | null; readonly message: string | null },
): void {
  const job = draft.jobs.get(path);
  const iteration = draft.iterations.find(key);
  const name = bareName(draft.planOf(job), { contexts: jobContexts(draft, job, iteration) });
  if (iteration !== null) draft.iterations.update(key, { announced: true });
  draft.commands.push({
    kind: 'job-settled',
    key,
    id: path,
    instance: 0,
    name: [...draft.scopes.get(job.scope).names, name].join(' / '),
    matrix: null,
    ...ending,
  });
}

/** Behind a join that does not wait for all, and behind a jump, what was before it does not count. */
export function startsAnew(draft: FlowDraft, path: string, job: JobState): boolean {
  const join = draft.planOf(job).flow?.join;
  const isJump = draft.iterations.find(iterationKey(path, job.iterations))?.jump != null;
  return isJump || (join !== undefined && (join.mode !== 'all' || join.keep));
}

function lineageAfter(draft: FlowDraft, path: string, job: JobState, result: JobConclusion): Lineage {
  const before = startsAnew(draft, path, job) ? ALL_WELL : lineageBefore(draft, job);
  if (result === 'success') return before;
  return {
    success: false,
    failure: before.failure || result === 'failure',
    cancelled: before.cancelled || result === 'cancelled',
  };
}
