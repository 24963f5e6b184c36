import type { JobConclusion, Reason, RunConclusion } from '../protocol/conclusion.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import type { CancelJobCause, RunsOn } from './flow-event.ts';
import type { FlowInput } from './flow-input.ts';
import type { SecretsLayer } from './resolve-secrets.ts';
import type { Shards } from './table.ts';

/**
 * The state of a run: plain JSON that may be stored between any two events. Paths name jobs (`build`, `caller.2.build`),
 * keys name instances (`build.1`; the path itself without a matrix), and the key of a calling instance names the scope
 * of the workflow that it called. The scope of the run is ''.
 */
export interface FlowState {
  readonly input: FlowInput;
  readonly scopes: Shards<ScopeState>;
  readonly jobs: Shards<JobState>;
  readonly instances: Shards<InstanceState>;
  /** The run's own concurrency group, which it has before any of its jobs; null without. */
  readonly group: { readonly request: GroupRequest; readonly held: boolean } | null;
  /** Why none of its jobs can run: a sentence. */
  readonly problem: string | null;
  readonly conclusion: RunConclusion | null;
}

/** One execution of a workflow. */
export interface ScopeState {
  /** Index into the workflows of the input. */
  readonly workflow: number;
  /** 0 for the run, 1 for a workflow that it calls. */
  readonly depth: number;
  readonly inputs: JsonMap;
  readonly secrets: readonly SecretsLayer[];
  /** Names of the callers, for display. */
  readonly names: readonly string[];
  /** Null until it is cancelled. `force` spares no job, whatever its condition says. */
  readonly cancelled: { readonly cause: CancelJobCause; readonly force: boolean } | null;
  /** Paths, in declared order. */
  readonly jobs: readonly string[];
  /** Jobs that are not settled yet. */
  readonly open: number;
}

/**
 * ```
 * pending ──last need settled──► open ──last instance settled──► settled
 *    └── condition false, a key that cannot be evaluated ──────────────▲
 * ```
 */
export interface JobState {
  readonly scope: string;
  readonly id: string;
  /** Index into the jobs of the plan. */
  readonly index: number;
  readonly phase: 'pending' | 'open' | 'settled';
  /** In declared order; the path is null where the options leave the needed job out. */
  readonly needs: readonly { readonly id: string; readonly path: string | null }[];
  /** Paths this job still waits for. */
  readonly waitingFor: readonly string[];
  /** Paths that wait for this job. */
  readonly dependants: readonly string[];
  /** `maxParallel` is null without a limit. */
  readonly strategy: { readonly failFast: boolean; readonly maxParallel: number | null };
  /** Keys, in order. */
  readonly instances: readonly string[];
  /** Null until it is settled. */
  readonly result: JobConclusion | null;
  /** Of its instances so far: the last one that completed with a value wins. */
  readonly outputs: JsonMap;
  /** What `success()` and `failure()` of a dependant see: this job and everything before it. Set when it is settled. */
  readonly lineage: Lineage;
}

export interface Lineage {
  /** All succeeded: none failed, was cancelled or was skipped. */
  readonly success: boolean;
  /** At least one failed. */
  readonly failure: boolean;
  /** At least one was cancelled. */
  readonly cancelled: boolean;
}

export interface InstanceState {
  readonly job: string;
  /** 0 without a matrix, else from 1. */
  readonly number: number;
  readonly name: string;
  readonly matrix: JsonMap | null;
  readonly strategy: JsonMap;
  readonly settings: InstanceSettings;
  /** How many of the groups in the settings it holds; it takes them in order. */
  readonly groupsHeld: number;
  readonly status: InstanceStatus;
}

/** The job's keys as evaluated for one instance; `none` when that failed, and the instance with it. */
export type InstanceSettings =
  | { readonly kind: 'none'; readonly groups: readonly [] }
  | {
      readonly kind: 'steps';
      readonly groups: readonly GroupRequest[];
      readonly runsOn: RunsOn;
      readonly environment: string | null;
      readonly timeoutMinutes: number | null;
      readonly continueOnError: boolean;
    }
  | {
      readonly kind: 'call';
      readonly groups: readonly GroupRequest[];
      readonly workflow: number;
      readonly inputs: JsonMap;
      readonly secrets: readonly SecretsLayer[];
    };

export interface GroupRequest {
  /** In lower case: names are compared without regard to case. */
  readonly group: string;
  readonly cancelInProgress: boolean;
  /** True: waits behind others. False: replaces whoever waits. */
  readonly queue: boolean;
  /** How many may hold it at a time; absent for one. */
  readonly limit?: number;
}

/**
 * ```
 * waiting ──slot──► launching ──groups──► running | calling ──► settled
 *    └──────────cancel──────┴─────────────────────────────────────▲
 * ```
 * `waiting` for one of the job's `max-parallel` places; `launching` has it and takes its concurrency groups one by one.
 */
export type InstanceStatus =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'launching' }
  | { readonly kind: 'running'; readonly cancelling: CancelJobCause | null }
  | { readonly kind: 'calling' }
  | { readonly kind: 'settled'; readonly conclusion: JobConclusion; readonly reason: Reason | null };
