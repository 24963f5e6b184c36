/**
 * The plan of a workflow: what the parser makes of a file and what a worker is sent. Plain JSON, so that it crosses
 * processes and machines as it is. `parallel` is already lowered to background steps and a `wait`.
 */
import type { Position } from './diagnostic.ts';
import type { InstancesPlan, JobFlowPlan, WorkflowFlowPlan } from './flow-plan.ts';

/** A value from a workflow file; its strings may hold `${{ }}` and are evaluated when their key says so. */
export type Template = string | number | boolean | null | readonly Template[] | TemplateMap;
export interface TemplateMap {
  readonly [key: string]: Template;
}

export interface WorkflowPlan {
  /** Where the file was read from, as given by the caller. */
  readonly path: string;
  /** The `name` key, or null. */
  readonly name: string | null;
  readonly runName: Template;
  /** Event name to its normalised filters; see {@link TriggerPlan}. */
  readonly on: { readonly [event: string]: TriggerPlan };
  readonly env: TemplateMap;
  readonly defaults: RunDefaults;
  readonly concurrency: ConcurrencyPlan | null;
  readonly permissions: Template;
  /** In declared order. */
  readonly jobs: readonly JobPlan[];
  /** Absent where the file uses none of these keys. */
  readonly flow?: WorkflowFlowPlan;
}

/** One event under `on`, every form of the key normalised. Lists are null when the filter is absent. */
export interface TriggerPlan {
  readonly types: readonly string[] | null;
  readonly branches: readonly string[] | null;
  readonly branchesIgnore: readonly string[] | null;
  readonly tags: readonly string[] | null;
  readonly tagsIgnore: readonly string[] | null;
  readonly paths: readonly string[] | null;
  readonly pathsIgnore: readonly string[] | null;
  readonly workflows: readonly string[] | null;
  readonly schedules: readonly { readonly cron: string; readonly timezone: string | null }[];
  /** `workflow_dispatch` and `workflow_call`. */
  readonly inputs: { readonly [name: string]: InputPlan };
  /** `workflow_call` only. */
  readonly secrets: { readonly [name: string]: { readonly required: boolean } };
  readonly outputs: { readonly [name: string]: { readonly value: Template } };
}

export interface InputPlan {
  readonly type: 'string' | 'boolean' | 'number' | 'choice' | 'environment';
  readonly required: boolean;
  readonly default: Template;
  readonly options: readonly string[];
  readonly description: string | null;
}

export interface RunDefaults {
  readonly shell: Template;
  readonly workingDirectory: Template;
}

export interface ConcurrencyPlan {
  readonly group: Template;
  readonly cancelInProgress: Template;
  /** `max`: those that wait queue up. Otherwise a newer one replaces the one that waits. */
  readonly queue?: 'single' | 'max';
  /** `run`: jobs of the same run only, one at a time, first come, first served. Absent: all of the repository. */
  readonly scope?: 'run' | 'repository';
  /** How many go at a time; absent for one. */
  readonly limit?: Template;
}

interface JobPlanBase {
  readonly id: string;
  readonly position: Position;
  readonly name: Template;
  readonly needs: readonly string[];
  /** The condition as written, without `${{ }}` around it; null when absent. */
  readonly if: string | null;
  readonly strategy: StrategyPlan | null;
  readonly concurrency: ConcurrencyPlan | null;
  readonly permissions: Template;
  /** Absent where the file uses none of these keys. */
  readonly flow?: JobFlowPlan;
}

/** A job with steps of its own. */
export interface StepsJobPlan extends JobPlanBase {
  readonly kind: 'steps';
  readonly runsOn: Template;
  readonly environment: Template;
  readonly env: TemplateMap;
  readonly defaults: RunDefaults;
  readonly outputs: TemplateMap;
  readonly timeoutMinutes: Template;
  readonly continueOnError: Template;
  readonly container: Template;
  readonly services: Template;
  readonly steps: readonly StepPlan[];
  /** By the number of a stage of its steps: milliseconds before and after they are started. Absent where there are none. */
  readonly stages?: { readonly [stage: string]: { readonly delayBeforeMs: number; readonly delayAfterMs: number } };
}

/** A job that calls a reusable workflow. */
export interface CallJobPlan extends JobPlanBase {
  readonly kind: 'call';
  readonly uses: string;
  readonly with: TemplateMap;
  readonly secrets: 'inherit' | TemplateMap;
}

/** A job that runs others again and again. Its conditions are as written, without `${{ }}` around them. */
export interface LoopJobPlan extends JobPlanBase {
  readonly kind: 'loop';
  /** Looked at before each round; null is true. */
  readonly while: string | null;
  /** Looked at after each round; null is false where there is a `while`. */
  readonly until: string | null;
  /** The job fails when it would begin one more. */
  readonly maxIterations: number;
  /** `loop.NAME`; an output of that name of a job in the body is its value from then on. */
  readonly vars: TemplateMap;
  readonly jobs: readonly JobPlan[];
  /** Evaluated with `jobs` of the last round and `loop`. */
  readonly outputs: TemplateMap;
}

/** A job without a body: it waits, chooses or joins, and needs no runner. */
export interface GateJobPlan extends JobPlanBase {
  readonly kind: 'gate';
  readonly outputs: TemplateMap;
}

export type JobPlan = StepsJobPlan | CallJobPlan | LoopJobPlan | GateJobPlan;

export interface StrategyPlan {
  /** The `matrix` mapping (with `include` and `exclude` inside), or a string holding an expression; null when absent. */
  readonly matrix: Template;
  readonly failFast: Template;
  readonly maxParallel: Template;
  /** Absent where the file uses none of these keys. */
  readonly multiple?: InstancesPlan;
}

interface StepPlanBase {
  /** As written, or generated with the reserved prefix `__`; unique within its job or composite action. */
  readonly id: string;
  readonly position: Position;
  readonly name: Template;
  readonly continueOnError: Template;
  /** Identifies the `parallel` group this step was lowered from; null outside of one. */
  readonly group: string | null;
}

interface ActionStepBase extends StepPlanBase {
  readonly if: string | null;
  readonly env: TemplateMap;
  readonly timeoutMinutes: Template;
  readonly background: boolean;
  /**
   * Our key `stage`: neighbours that have one are started as background steps, lower numbers first, without waiting for
   * them in between. Then `background` is true.
   */
  readonly stage?: number;
  /** Our key `stop-grace`: how long each rung of the termination ladder lasts; null takes the agent's setting. */
  readonly stopGrace: StopGrace | null;
}

/** Seconds between SIGINT and SIGTERM, and between SIGTERM and SIGKILL. */
export interface StopGrace {
  readonly interruptSeconds: number | null;
  readonly terminateSeconds: number | null;
}

export interface RunStepPlan extends ActionStepBase {
  readonly kind: 'run';
  readonly run: string;
  readonly shell: Template;
  readonly workingDirectory: Template;
}

export interface UsesStepPlan extends ActionStepBase {
  readonly kind: 'uses';
  readonly uses: string;
  readonly with: TemplateMap;
}

export interface WaitStepPlan extends StepPlanBase {
  readonly kind: 'wait';
  readonly targets: readonly string[];
}

export interface WaitAllStepPlan extends StepPlanBase {
  readonly kind: 'wait-all';
  /** True for the barrier that the runner adds before the post steps; false for one written in the file. */
  readonly implicit: boolean;
}

export interface CancelStepPlan extends StepPlanBase {
  readonly kind: 'cancel';
  readonly target: string;
}

export type ActionStepPlan = RunStepPlan | UsesStepPlan;
export type ControlStepPlan = WaitStepPlan | WaitAllStepPlan | CancelStepPlan;
export type StepPlan = ActionStepPlan | ControlStepPlan;
