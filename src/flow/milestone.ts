import type { Reason } from '../protocol/conclusion.ts';
import type { MilestonePlan } from '../protocol/flow-plan.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { Ended } from './iteration-state.ts';
import type { JobState } from './job-state.ts';

export function passedMilestone({ otherwise }: MilestonePlan): Ended {
  const reason: Reason = 'milestone';
  return { conclusion: otherwise === 'skip' ? 'skipped' : 'failure', reason };
}

/** Whether the other job is in the state now, may still come to it, or has it behind it. */
export function milestoneState(draft: FlowDraft, job: JobState, plan: MilestonePlan): 'holds' | 'to come' | 'passed' {
  const path = draft.scopes
    .get(job.scope)
    .jobs.find((other) => draft.jobs.get(other).id.toLowerCase() === plan.job.toLowerCase());
  const other = path === undefined ? null : draft.jobs.get(path);
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
      if (isOver) return 'passed';
      return statesNow(draft, other).has(plan.state) ? 'holds' : 'to come';
  }
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
  // A loop has no instances, and runs while it is open.
  return new Set(states.length === 0 ? ['running'] : states);
}
