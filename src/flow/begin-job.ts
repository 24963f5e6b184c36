import { evaluateCondition, usesStatusFunction } from '../expressions/evaluate.ts';
import { reasonOf } from './cancel-reason.ts';
import type { FlowDraft } from './flow-draft.ts';
import { copyIteration, type Ended, type IterationState } from './iteration-state.ts';
import type { Arrival, JobState } from './job-state.ts';
import { endAtGate, enterGates } from './gates.ts';
import { jobContexts, jobStatus, lineageBefore, lineageOf } from './job-contexts.ts';
import { attempt } from './key-problem.ts';
import { iterationKey } from './keys.ts';
import type { Ending } from './main-part.ts';
import { endUnbegun } from './settle-job.ts';
import { keepsArrivals, joinOf } from './consider-job.ts';
import { isFull, OVER_LIMIT, TOO_MUCH_HELD } from './run-limits.ts';
import { endingOfStopped } from './stop-run.ts';

/** Enough has come for a job: decides whether it runs. `arrivals`: what it is begun by, where its join tells them apart. */
export function beginJob(draft: FlowDraft, path: string, arrivals: readonly Arrival[] | null): void {
  const job = draft.jobs.get(path);
  const ending = endingBefore(draft, job, arrivals);
  if (ending === null) enterGates(draft, beginIteration(draft, path, arrivals));
  else if (ending.reason === 'condition-error' && draft.problem === null)
    endAtGate(draft, beginIteration(draft, path, arrivals), ending, ending.message);
  // An arrival that does not begin it is dropped; others may come.
  else if (keepsArrivals(joinOf(draft, job)) && job.jump === null && ending.conclusion !== 'failure') return;
  else endUnbegun(draft, path, ending);
}

/** How the job ends because of its condition; null when it runs. */
function endingBefore(draft: FlowDraft, job: JobState, arrivals: readonly Arrival[] | null): Ending | null {
  const { cancelled, terminated } = draft.scopes.get(job.scope);
  if (draft.problem !== null) return { conclusion: 'failure', reason: 'condition-error', message: draft.problem };
  if (terminated !== null) return { conclusion: 'withdrawn', reason: 'terminated', message: null };
  if (cancelled?.force)
    return endingOfStopped(draft) ?? { conclusion: 'cancelled', reason: reasonOf(cancelled.cause), message: null };
  const plan = draft.planOf(job);
  const mode = plan.flow?.join.mode ?? 'all';
  if (job.jump === null && mode === 'all' && job.untaken.length > 0)
    return { conclusion: 'skipped', reason: 'choice', message: null };
  if (job.jump === null && mode === 'active' && !hasActiveNeed(draft, job))
    return { conclusion: 'skipped', reason: job.untaken.length > 0 ? 'choice' : 'needs', message: null };
  const condition = plan.if;
  const status = jobStatus(draft, job, arrivals);
  const runs = attempt(() =>
    condition === null
      ? status.success
      : evaluateCondition(condition, { contexts: jobContexts(draft, job, null, arrivals), status }),
  );
  if (runs.kind === 'problem') return { conclusion: 'failure', reason: 'condition-error', message: runs.message };
  if (runs.value) return isFull(draft, job.scope, 1) ? { ...OVER_LIMIT, message: TOO_MUCH_HELD } : null;
  if (cancelled !== null && wouldRun(draft, job, condition))
    return { conclusion: 'cancelled', reason: reasonOf(cancelled.cause), message: null };
  const byItself = lineageOf(draft, job, arrivals).success || usesStatusFunction(condition);
  return { conclusion: 'skipped', reason: byItself ? 'condition' : 'needs', message: null };
}

function hasActiveNeed(draft: FlowDraft, { needs, untaken }: JobState): boolean {
  return needs.some(({ path }) => {
    if (path === null) return true;
    const { result } = draft.jobs.get(path);
    return result !== 'skipped' && result !== 'withdrawn' && !untaken.includes(path);
  });
}

/** Whether it is only the cancellation that keeps a job from running. */
function wouldRun(draft: FlowDraft, job: JobState, condition: string | null): boolean {
  const lineage = lineageBefore(draft, job);
  const success = lineage.success || (lineage.cancelled && !lineage.failure);
  const status = { success, failure: lineage.failure, cancelled: false };
  const runs = attempt(() => evaluateCondition(condition, { contexts: jobContexts(draft, job, null), status }));
  return runs.kind === 'value' && runs.value;
}

function beginIteration(draft: FlowDraft, path: string, arrivals: readonly Arrival[] | null): string {
  const job = draft.jobs.get(path);
  const number = job.iterations + 1;
  const key = iterationKey(path, number);
  draft.iterations.set(
    key,
    Object.assign(copyIteration(NEW_ITERATION), { job: path, number, arrivals, jump: job.jump }),
  );
  draft.jobs.update(path, {
    phase: 'open',
    iterations: number,
    begun: job.begun + 1,
    live: job.live + 1,
    jump: null,
    instances: [],
  });
  return key;
}

export const NOTHING_YET: Readonly<Record<Ended['conclusion'], number>> = {
  success: 0,
  failure: 0,
  cancelled: 0,
  skipped: 0,
  withdrawn: 0,
};

const NEW_ITERATION: IterationState = {
  job: '',
  number: 0,
  arrivals: null,
  jump: null,
  stage: { kind: 'gates', gate: 0, waits: false },
  strategy: { failFast: true, maxParallel: null },
  instances: [],
  open: 0,
  active: 0,
  started: 0,
  tally: NOTHING_YET,
  ignored: false,
  outputs: {},
  signal: null,
  round: { number: 0, vars: {} },
  told: null,
  emitted: false,
  closed: false,
  main: null,
  outcome: null,
  fate: null,
  announced: false,
  ran: false,
  superseded: false,
  goto: null,
};
