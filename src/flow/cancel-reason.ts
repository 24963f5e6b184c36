import type { Reason } from '../protocol/conclusion.ts';
import type { CancelJobCause } from './flow-event.ts';

export function reasonOf(cause: CancelJobCause): Reason {
  return cause === 'user' ? 'cancelled-by-user' : cause;
}
