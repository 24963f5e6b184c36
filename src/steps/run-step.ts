import type { StepEnd } from './step-end.ts';
import type { StepFrame, StepTask } from './step-frame.ts';
import type { StepLog } from './step-log.ts';
import type { StepStop } from './step-stop.ts';

export interface StepSeat {
  readonly frame: StepFrame;
  /** See `StepScope.key`. */
  readonly key: string;
  readonly log: StepLog;
  readonly stop: StepStop;
}

/**
 * Runs one foreground step from its condition to its conclusion: for the inner steps of composite actions. What it
 * changed is in `effects`; committing it (and folding the conclusion into the status) is up to the caller, who owns the
 * state. Never rejects.
 */
export declare function runStep(task: StepTask, seat: StepSeat): Promise<StepEnd>;
