import type { Clock } from '../kernel/clock.ts';
import type { Json } from '../protocol/job-message.ts';
import type { ActionStepPlan, StepPlan } from '../protocol/plan.ts';
import type { ProcessHost, StopLadder } from '../process/running-process.ts';
import type { JobState } from './job-state.ts';
import type { ActionStage, HandlerResult } from './step-handler.ts';
import type { StepScope } from './step-scope.ts';

/** SHA-256 of the files, as `hashFiles()` gives it; empty when nothing matches. A rejection fails the step. */
export type HashFiles = (patterns: readonly string[]) => Promise<string>;

/** What the steps of one job, or the inner steps of one composite action, have in common. */
export interface StepFrame {
  readonly state: JobState;
  /**
   * The contexts of a step by name, without what is added here: `env`, `steps` and `job.status`. Asked once, when the
   * step is reached. Return the same objects where nothing changed: their conversion is cached by identity.
   */
  readonly contexts: (step: StepPlan) => Readonly<Record<string, Json>>;
  readonly hashFiles: HashFiles;
  readonly processes: ProcessHost;
  /** For steps without `stop-grace` of their own. */
  readonly ladder: StopLadder;
  readonly clock: Clock;
  /**
   * From the moment a step is asked to end until it is written off; longer than the ladder. A step with a longer ladder
   * of its own gets that much more. Null for inner steps: the step around them is the one that is written off.
   */
  readonly graceMs: number | null;
}

/** Something that runs as a step: a step of the plan, a pre or post stage, a hook. */
export interface StepTask {
  /** Whose `env`, `timeout-minutes`, `continue-on-error` and `stop-grace` apply. */
  readonly plan: ActionStepPlan;
  /** Null takes the plan's `name`, evaluated. */
  readonly displayName: string | null;
  readonly condition: StepCondition;
  readonly run: (scope: StepScope) => Promise<HandlerResult>;
}

export type StepCondition =
  /** An `if`: `success()` is implied. */
  | { readonly kind: 'if'; readonly text: string | null }
  /** A `pre-if` or `post-if`: nothing is implied. */
  | { readonly kind: 'verbatim'; readonly text: string };

export function taskOfStage(stage: ActionStage): StepTask {
  return {
    plan: stage.step,
    displayName: stage.displayName,
    condition: { kind: 'verbatim', text: stage.condition },
    run: stage.run,
  };
}
