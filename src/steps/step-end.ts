import type { Outcome, Reason, StepConclusion } from '../protocol/conclusion.ts';
import type { CancelCause } from '../kernel/cancellation.ts';
import { NO_EFFECTS, type StepEffects } from './step-effects.ts';

/** How a step ended, after `continue-on-error`. */
export interface StepEnd {
  readonly outcome: Outcome;
  readonly conclusion: StepConclusion;
  readonly reason: Reason | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Complete also after a failure or a cancellation; empty for a step that was written off. */
  readonly effects: StepEffects;
  /** Markdown, masked. */
  readonly summary: string | null;
}

/** The end of a step that ran no process of its own. */
export function plainEnd(outcome: Outcome, reason: Reason | null): StepEnd {
  return { outcome, conclusion: outcome, reason, exitCode: null, signal: null, effects: NO_EFFECTS, summary: null };
}

/** A failure that `continue-on-error` turns into a success. */
export function ignoreFailure(end: StepEnd): StepEnd {
  return { ...end, conclusion: 'success', reason: 'failure-ignored' };
}

/** The end of a background step that was asked to end before it had a slot. */
export function endInQueue(cause: CancelCause | null): StepEnd {
  return plainEnd('cancelled', cause === 'cancel-step' ? 'cancelled-by-step' : 'job-cancelled');
}
