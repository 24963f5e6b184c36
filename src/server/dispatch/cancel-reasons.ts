import type { Cancel } from '../../protocol/agent-api.ts';
import type { Reason } from '../../protocol/conclusion.ts';

/** What the job's report gives as the reason. */
export const CANCEL_REASONS: Readonly<Record<Cancel['cause'], Reason>> = {
  user: 'cancelled-by-user',
  'fail-fast': 'fail-fast',
  concurrency: 'concurrency',
  withdrawn: 'withdrawn',
  timeout: 'timed-out',
};
