import type { Annotation } from '../protocol/report.ts';
import type { RunStepPlan, StepPlan, StepsJobPlan, UsesStepPlan } from '../protocol/plan.ts';
import type { StepFrame } from './step-frame.ts';
import type { ActionStage, StepHandler } from './step-handler.ts';
import type { StepLog } from './step-log.ts';
import type { RecordOptions, StepRecord } from './step-record.ts';

/**
 * Opens the log of a step; called at most once per record, when it is about to write. Control steps (kinds `wait`,
 * `wait-all`, `cancel`) run no commands. `onAnnotation` belongs to the record and is already bounded by the log.
 */
export type OpenLog = (step: StepRecord, onAnnotation: (annotation: Annotation) => void) => StepLog;

/** What foreground steps of every phase need, also those that the worker runs outside of the {@link StepsRunner}. */
export interface ForegroundOptions {
  /** Of the job; its `graceMs` is the coordinator's grace. */
  readonly frame: StepFrame;
  readonly openLog: OpenLog;
  /**
   * The job is cancelled, by whatever cause. The running foreground step is asked to end unless its condition still
   * holds; background steps are asked always; queued ones never start; later steps are evaluated as usual.
   */
  readonly cancel: AbortSignal;
  /** Ends what runs at once and starts nothing more, `always()` and post steps included. */
  readonly kill: AbortSignal;
}

export interface StepsRunnerOptions extends ForegroundOptions {
  /** The main steps, in declared order. */
  readonly steps: readonly StepPlan[];
  /** Delays of their stages, by number. */
  readonly stages?: StepsJobPlan['stages'];
  /** Number of the first main step; set-up and pre steps come before. */
  readonly firstNumber: number;
  readonly handlers: { readonly run: StepHandler<RunStepPlan>; readonly uses: StepHandler<UsesStepPlan> };
  /**
   * Asked once, after every background step has ended: the post stages of what started, in the order in which they
   * were registered. They run in reverse order of the declaration of their steps, and in reverse order of registration
   * where several belong to one step.
   */
  readonly postStages: () => readonly ActionStage[];
  readonly records: RecordOptions;
  /** Background steps that run at once; the others queue. A positive integer. */
  readonly maxBackground: number;
  /** How often a barrier that waits says what for. */
  readonly waitNoticeMs: number;
}

/** GitHub's limit (B2). */
export const DEFAULT_MAX_BACKGROUND = 10;

export const DEFAULT_WAIT_NOTICE_MS = 30_000;
