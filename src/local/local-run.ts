import type { RunConclusion } from '../protocol/conclusion.ts';

/** How a local run came to its end; the exit codes are made from it. */
export type LocalEnd =
  | RunConclusion
  /** A workflow has errors; they were printed, and nothing was started. */
  | 'invalid'
  /** A called workflow could not be fetched. */
  | 'unreachable';

/** A run that goes on, and how to stop it. */
export interface LocalRun {
  /** Rejects with a `UsageError`, or for a bug. When it settles everything is written and nothing is left running. */
  readonly finished: Promise<LocalEnd>;
  /** Cancels as a user does on GitHub: post steps and `always()` steps run. */
  cancel(): void;
  /** Ends the steps at once and starts no other. */
  kill(): void;
  /** Last, synchronous words before the process exits: what still runs is killed, the report is written as it stands. */
  abandon(): void;
}
