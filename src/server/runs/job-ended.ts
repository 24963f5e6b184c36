import type { JobConclusion } from '../../protocol/conclusion.ts';
import type { OperationContext } from '../operation.ts';

export interface JobEnd {
  readonly jobId: number;
  readonly runId: number;
  /** As the worker reports it, or the server where it cannot. */
  readonly conclusion: JobConclusion;
  readonly reason: string | null;
  /** For people, where there is more to say than the reason. */
  readonly message?: string | null;
  readonly outputs: Readonly<Record<string, string>>;
  /** As reported, ISO 8601; default: when the server heard of it. */
  readonly startedAt?: string | null;
  readonly completedAt?: string | null;
}

/**
 * A job is over: what follows for the run happens in the same transaction, from jobs that start now to the run's end.
 * The steps are in their table already. Told twice, it changes nothing.
 */
export function jobEnded(_context: OperationContext, _end: JobEnd): Promise<void> {
  return Promise.resolve();
}
