/**
 * The keys of a job that order and choose beyond `needs` and `if`, as the parser leaves them. They are Paceline's own;
 * the patterns behind them are those of van der Aalst et al., "Workflow Control-Flow Patterns: A Revised View" (2006).
 * A file that uses none of them has plans without these members.
 */
import type { JobPlan, Template, TemplateMap } from './plan.ts';

/** Of a workflow. */
export interface WorkflowFlowPlan {
  /** A job that fails ends what else runs, unless it says `failure: stop-branch`. */
  readonly failFast: Template;
  readonly limits: RunLimits;
  /** Run when all other jobs have ended, whatever happened. */
  readonly finally: readonly JobPlan[];
}

/** Null: the default of {@link DEFAULT_LIMITS}. */
export interface RunLimits {
  /** Jumps that one job may make; 0 allows none. */
  readonly maxJumps: number | null;
  /** Levels of called workflows below the run. */
  readonly maxDepth: number | null;
}

/** GitHub allows ten levels of workflows, the run's own among them. */
export const DEFAULT_LIMITS = { maxJumps: 10, maxDepth: 9 } as const;

/** Of keys in minutes: a year. What waits for longer belongs into a schedule, and times beyond what is exact nowhere. */
export const MAX_MINUTES = 366 * 24 * 60;

/** By which each wait of `retry` may be longer than the one before. */
export const MAX_BACKOFF_FACTOR = 1_000;

/** Rounds of a loop that does not say. */
export const DEFAULT_MAX_ITERATIONS = 100;

/** Of a job. Lists are empty and members null where the file does not use the key. */
export interface JobFlowPlan {
  readonly join: JoinPlan;
  readonly choose: ChoosePlan | null;
  /** How many times its completion enables each dependant that says `join: each`; null for once. */
  readonly spawn: Template;
  /** Of all jobs of the same `jobs` with this name the first to start wins; the others are withdrawn. Null for none. */
  readonly race: Template;
  readonly milestone: MilestonePlan | null;
  readonly waitFor: WaitForPlan | null;
  /** Names, for `cancels` and the API. */
  readonly region: readonly string[];
  readonly cancels: CancelsPlan | null;
  readonly section: SectionPlan | null;
  readonly next: readonly NextPlan[];
  /** Jobs around this one, each list a small graph with `needs` among themselves. */
  readonly before: readonly JobPlan[];
  readonly after: readonly JobPlan[];
  readonly onFailure: readonly JobPlan[];
  readonly onCancel: readonly JobPlan[];
  readonly finally: readonly JobPlan[];
  readonly failure: FailureMode;
  /** Minutes after it began to wait: with the run, the loop's round, or a jump back. Not started by then, it is skipped. */
  readonly startWithinMinutes: Template;
  /** A point in time as ISO 8601; it does not start earlier. */
  readonly startAt: Template;
  readonly retry: RetryPlan | null;
  /** Its success ends the run with this conclusion; the rest is withdrawn. */
  readonly terminate: 'success' | 'failure' | 'cancelled' | null;
  readonly stage: StagePlan | null;
}

/** What a failure of the job means: `ignore` is `continue-on-error: true`. */
export type FailureMode = 'fail-run' | 'stop-branch' | 'ignore';

/**
 * When the job starts, given what it needs.
 * - `all`: every need has ended. `keep`: once for each complete set of arrivals, surplus arrivals are kept.
 * - `active`: every need has ended or cannot come any more; those that were skipped or withdrawn do not count.
 * - `count`: as soon as `count` needs have succeeded (`first` is a count of 1). `late`: what becomes of the others:
 *   `ignore` absorbs them, `cancel` withdraws them, `queue` starts the job again for their next round.
 * - `each`: once for every `batch` arrivals.
 */
export type JoinPlan =
  | { readonly mode: 'all'; readonly keep: boolean }
  | { readonly mode: 'active' }
  | {
      readonly mode: 'count';
      readonly count: number;
      readonly late: 'ignore' | 'queue' | 'cancel';
      /** A failure that is ignored counts like a success. */
      readonly countIgnoredFailures: boolean;
    }
  | { readonly mode: 'each'; readonly batch: number };

/** Which dependants a job enables when it has succeeded. Dependants that are not named are always enabled. */
export interface ChoosePlan {
  /** `one`: the first whose condition is true; `many`: all of them. */
  readonly mode: 'one' | 'many';
  /** In declared order. Conditions as written, without `${{ }}` around them. */
  readonly branches: readonly { readonly job: string; readonly if: string }[];
  /** Enabled when no condition is true. Null: the job fails then. */
  readonly default: string | null;
}

export type MilestoneState = 'queued' | 'running' | 'waiting' | 'success' | 'failure' | 'completed';

/** The job starts only while another is in a state: it waits until then, and if the state has passed is skipped, or fails. */
export interface MilestonePlan {
  readonly job: string;
  readonly state: MilestoneState;
  readonly otherwise: 'skip' | 'fail';
}

export interface WaitForPlan {
  /** Names of signals any of which lets the job go on; `*` is any name. */
  readonly signals: readonly Template[];
  /** False: only a signal that comes while the job waits. */
  readonly buffered: boolean;
  /** The job fails when none came by then; null waits for ever. */
  readonly timeoutMinutes: Template;
  /** Users who may send it; empty: everybody who may send signals to the run. */
  readonly from: readonly Template[];
}

export interface CancelsPlan {
  readonly on: 'start' | 'success';
  /** Ids of jobs, or `region:NAME`. */
  readonly targets: readonly string[];
}

/** The jobs of one workflow with the same lock and name are one critical section: nobody else has the lock in between. */
export interface SectionPlan {
  readonly lock: Template;
  readonly name: string;
}

/** Looked at in order when the job has ended; the first whose condition is true is where the run goes on. */
export interface NextPlan {
  /** As written; null is `success()`. */
  readonly if: string | null;
  readonly goto: string;
  readonly with: TemplateMap;
}

export interface RetryPlan {
  /** Executions in all; the default is 10. */
  readonly maxAttempts: Template;
  readonly backoff: {
    readonly minMs: number;
    readonly maxMs: number;
    readonly factor: number;
    /** Part of the delay, 0 to 1, by which it may differ. */
    readonly jitter: number;
  };
  /** Exit codes of a failed step that ask for another attempt; null: every failure does. */
  readonly exitCodes: readonly number[] | null;
}

export const RETRY_DEFAULTS = {
  maxAttempts: 10,
  minMs: 1_000,
  maxMs: 60_000,
  factor: 2,
  jitter: 0.25,
  exitCode: 75,
} as const;

/** What `stage` and `run-until-stage` of the jobs of a workflow come to; made by the parser. */
export interface StagePlan {
  readonly number: number;
  /** Ids the job waits for besides `needs`; a transitive reduction. */
  readonly waitsFor: readonly string[];
  /** Ids of lower stages that must have started, or ended, before: they would have, had there been runners enough. */
  readonly startsAfter: readonly string[];
  /** `stage-failure: continue`: what `waitsFor` ended with makes no difference. */
  readonly tolerant: boolean;
  readonly delayBeforeMs: number;
  /** A part of what others wait for. */
  readonly delayAfterMs: number;
}

/** Beside `matrix` under `strategy`. */
export interface InstancesPlan {
  /** How many; null without the key. */
  readonly instances: Template;
  /** More may be added while some run. */
  readonly dynamic: boolean;
  /** False: dependants do not wait for the instances; the run does. */
  readonly sync: boolean;
  readonly completeWhen: CompleteWhenPlan | null;
}

/** The job is complete, and takes no more instances, when this holds. Looked at whenever an instance has ended. */
export interface CompleteWhenPlan {
  /** Instances that have succeeded; null where `if` decides alone. */
  readonly count: Template;
  /** With the context `instances`: `{total, completed, success, failure, running}`. */
  readonly if: string | null;
  readonly rest: 'run' | 'cancel';
}

/** What a step asks of the flow of its run while its job runs. */
export type FlowRequest =
  | {
      readonly kind: 'signal';
      readonly name: string;
      readonly job: string | null;
      readonly data: string | null;
      readonly persistent: boolean;
    }
  | { readonly kind: 'add-instances'; readonly job: string; readonly items: readonly TemplateMap[] }
  /** `target`: the id of a job, or `region:NAME`. */
  | { readonly kind: 'cancel'; readonly target: string }
  | { readonly kind: 'complete'; readonly job: string }
  /** The job's dependants are enabled as if it had ended; it goes on. */
  | { readonly kind: 'emit'; readonly outputs: { readonly [name: string]: string } };

/** What a job asks for with its end. */
export interface FlowWish {
  /** Where the run goes on, of a job that succeeded; null for its dependants. */
  readonly goto: { readonly target: string; readonly with: { readonly [name: string]: string } } | null;
  /** Of a job that failed, by an exit code of `retry`. `state` is merged into what the next attempt finds. */
  readonly retry: { readonly afterMs: number | null; readonly state: { readonly [name: string]: string } } | null;
}

export const NO_WISH: FlowWish = { goto: null, retry: null };
