import type { Reason } from '../protocol/conclusion.ts';
import type { MilestonePlan } from '../protocol/flow-plan.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { Ended } from './iteration-state.ts';
import type { JobState } from './job-state.ts';
import { keptResult } from './kept-job.ts';
import { iterationKey, pathIn } from './keys.ts';

export function passedMilestone({ otherwise }: MilestonePlan): Ended {
  const reason: Reason = 'milestone';
  return { conclusion: otherwise === 'skip' ? 'skipped' : 'failure', reason };
}

/** Whether the job that the iteration waits for is in the state now, may still come to it, or has it behind it. */
export function milestoneState(draft: FlowDraft, key: string, plan: MilestonePlan): 'holds' | 'to come' | 'passed' {
  const { scope } = draft.jobs.get(draft.iterations.get(key).job);
  const other = draft.jobs.find(pathIn(scope, plan.job)) ?? findInAnyCase(draft, scope, plan.job);
  if (other === null) return 'passed';
  const isOver = other.phase === 'settled';
  // A final state is there for ever, whatever a jump back begins anew.
  const finals = isOver && other.result !== null ? [...other.past, other.result] : other.past;
  switch (plan.state) {
    case 'completed':
      return finals.length > 0 ? 'holds' : 'to come';
    case 'success':
    case 'failure':
      return finals.includes(plan.state) ? 'holds' : isOver ? 'passed' : 'to come';
    case 'queued':
    case 'running':
    case 'waiting':
      if (isOver) return wasThere(draft, key, other) ? 'holds' : 'passed';
      return statesNow(draft, other).has(plan.state) ? 'holds' : 'to come';
  }
}

/** Ids are compared without regard to case. Most are written as the job is, which need not be looked for. */
function findInAnyCase(draft: FlowDraft, scope: string, id: string): JobState | null {
  const { jobs } = draft.scopes.get(scope);
  const path = jobs.find((other) => draft.jobs.get(other).id.toLowerCase() === id.toLowerCase());
  return path === undefined ? null : draft.jobs.get(path);
}

/** In an earlier attempt of the run, of which the other job was kept. */
function wasThere(draft: FlowDraft, key: string, { scope, id }: JobState): boolean {
  const { left } = draft.input.options;
  return left !== undefined && Object.hasOwn(left.milestones, key) && keptResult(draft, pathIn(scope, id)) !== null;
}

function statesNow(draft: FlowDraft, job: JobState): ReadonlySet<string> {
  if (job.gated.length > 0) return new Set(['waiting']);
  if (job.phase !== 'open') return new Set();
  const states = job.instances.map((key) => {
    const { status } = draft.instances.get(key);
    if (status.kind === 'running') return status.seen ? 'running' : 'queued';
    if (status.kind === 'calling') return 'running';
    return status.kind === 'settled' ? 'ended' : 'waiting';
  });
  if (states.length > 0) return new Set(states);
  // A loop has no instances, and runs until it has come to its result.
  const last = draft.iterations.find(iterationKey(pathIn(job.scope, job.id), job.iterations));
  return new Set(last === null || last.outcome === null ? ['running'] : []);
}
