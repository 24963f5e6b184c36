import type { ActionStepPlan } from '../protocol/plan.ts';
import type { Reason } from '../protocol/conclusion.ts';
import type { StepEffects } from './step-effects.ts';
import type { StepScope } from './step-scope.ts';

/**
 * How a handler ended. A handler that was asked to end through `scope.signal` returns `stopped`; only the function that
 * runs a step turns that into a conclusion (cancelled, or failed for a time limit).
 */
export interface HandlerResult {
  readonly outcome: 'success' | 'failure' | 'stopped';
  readonly reason: Reason | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Complete also after a failure or a stop: what was written before counts. */
  readonly effects: StepEffects;
  /** Markdown of `GITHUB_STEP_SUMMARY`, masked; null when nothing was written. */
  readonly summary: string | null;
}

/** Runs what one `run` or `uses` step is. Never throws for what a user can cause. */
export type StepHandler<P extends ActionStepPlan = ActionStepPlan> = (
  step: P,
  scope: StepScope,
) => Promise<HandlerResult>;

/**
 * A stage of an action outside the main sequence. Post steps are collected when a main (or pre) stage starts; they run
 * in reverse declaration order of their steps.
 */
export interface ActionStage {
  /** Plan of the step whose action this belongs to. */
  readonly step: ActionStepPlan;
  readonly displayName: string;
  /** `pre-if` or `post-if`; taken as it is, without an implied `success()`. */
  readonly condition: string;
  readonly run: (scope: StepScope) => Promise<HandlerResult>;
}
