import type { Reason } from '../protocol/conclusion.ts';
import type { CancelCause, CancelJobCause } from './flow-event.ts';

export function reasonOf(cause: CancelCause): Reason {
  return cause === 'user' ? 'cancelled-by-user' : cause;
}

/** As a worker is told. */
export function causeForJob(cause: CancelCause): CancelJobCause {
  if (cause === 'run-limit') return 'fail-fast';
  return cause === 'stuck' ? 'user' : cause;
}
