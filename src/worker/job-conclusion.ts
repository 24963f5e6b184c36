import type { CancelCause } from '../kernel/cancellation.ts';
import type { JobConclusion, Reason } from '../protocol/conclusion.ts';
import type { JobStatus } from '../steps/step-scope.ts';

export interface ConcludedJob {
  readonly conclusion: JobConclusion;
  readonly reason: Reason | null;
}

/**
 * How a job ended.
 * @param status Of its steps.
 * @param problem Why it failed beside its steps; null where it did not.
 * @param cause What cancelled it; null where nothing did.
 */
export function concludeJob(status: JobStatus, problem: Reason | null, cause: CancelCause | null): ConcludedJob {
  if (status === 'cancelled') return cancelled(cause ?? 'shutdown');
  if (status === 'failure' || problem !== null) return { conclusion: 'failure', reason: problem };
  return { conclusion: 'success', reason: null };
}

function cancelled(cause: CancelCause): ConcludedJob {
  switch (cause) {
    case 'job-timeout':
      return { conclusion: 'cancelled', reason: 'timed-out' };
    case 'fail-fast':
    case 'concurrency':
    case 'withdrawn':
      return { conclusion: 'cancelled', reason: cause };
    case 'drained':
      // Nobody wanted the job to end: its agent had to (background-steps B84).
      return { conclusion: 'failure', reason: 'agent-drained' };
    case 'shutdown':
      return { conclusion: 'failure', reason: 'runner-lost' };
    case 'user':
    case 'cancel-step':
    case 'step-timeout':
      return { conclusion: 'cancelled', reason: 'cancelled-by-user' };
  }
}
