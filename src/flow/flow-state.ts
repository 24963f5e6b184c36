import type { JobConclusion, Reason, RunConclusion } from '../protocol/conclusion.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import type { FlowWish } from '../protocol/flow-plan.ts';
import type { CancelCause, CancelJobCause, RunsOn } from './flow-event.ts';
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
  readonly iterations: Shards<IterationState>;
  readonly instances: Shards<InstanceState>;
  /** By name: locks of `section` and of `concurrency` with `scope: run` that somebody has. */
  readonly locks: Shards<LockState>;
  /** By path and number: rounds of joins that begin more than once. */
  readonly rounds: Shards<RoundState>;
  /** By path, round and place in it: what has come and was not used yet. */
  readonly arrivals: Shards<Arrival>;
  /** By path and need: the last round to which it has brought something. */
  readonly delivered: Shards<number>;
  /** Ids of requests that were worked in. */
  readonly seen: Shards<true>;
  /** Signals that nobody has consumed yet, oldest first. */
  readonly signals: readonly SignalState[];
  /** Keys of iterations that wait for a signal, in that order. */
  readonly listeners: readonly string[];
  /** Nothing starts. `held`: keys of instances and of iterations without a body that would have. `fired`: timers. */
  readonly paused: { readonly held: readonly string[]; readonly fired: readonly string[] } | null;
  /** The run's own concurrency group, which it has before any of its jobs; null without. */
  readonly group: { readonly request: GroupRequest; readonly held: boolean } | null;
  /** Why none of its jobs can run: a sentence. */
  readonly problem: string | null;
  readonly conclusion: RunConclusion | null;
}

/** One execution of a workflow, of the jobs around a job, or of a round of a loop. */
export interface ScopeState {
  /** Index into the workflows of the input: the one around it, where it is none itself. */
  readonly workflow: number;
  readonly source: ScopeSource;
  /** 0 for the run, 1 for a workflow that it calls. */
  readonly depth: number;
  /** Variables and `index` of the loop around it; null outside of one. */
  readonly loop: JsonMap | null;
  readonly inputs: JsonMap;
  readonly secrets: readonly SecretsLayer[];
  /** Names of the callers, for display. */
  readonly names: readonly string[];
  /** Null until it is cancelled. `force` spares no job, whatever its condition says. */
  readonly cancelled: { readonly cause: CancelCause; readonly force: boolean } | null;
  /** Paths, in declared order. */
  readonly jobs: readonly string[];
  /** Jobs that are not settled yet. */
  readonly open: number;
  /** By `race`: the job that has won it. */
  readonly races: { readonly [race: string]: string };
  /** A job of it has ended it with this conclusion. */
  readonly terminated: RunConclusion | null;
}

export type ScopeSource =
  | { readonly kind: 'workflow' }
  /** What `finally` of a workflow says. */
  | { readonly kind: 'finally' }
  | { readonly kind: 'around'; readonly iteration: string; readonly phase: AroundPhase }
  | { readonly kind: 'round'; readonly iteration: string; readonly number: number };

export type AroundPhase = 'before' | 'after' | 'on-failure' | 'on-cancel' | 'finally';

export interface SignalState {
  readonly name: string;
  /** The path of the job that it is for, or null. */
  readonly job: string | null;
  readonly data: string | null;
  /** Who sent it. */
  readonly by: string;
  readonly isPerson: boolean;
}

/** `holder` and `waiting`: keys of instances, or `section:` and what names a section. First come, first served. */
export interface LockState {
  readonly holder: string;
  readonly waiting: readonly { readonly holder: string; readonly key: string }[];
}

/**
 * ```
 * pending ──enough arrivals──► open ──its last iteration ended, and no other can come──► settled
 *    ▲ └── condition false, never enough arrivals, a key that cannot be evaluated ──────────▲ │
 *    └──────────────────────────────── a jump back ───────────────────────────────────────────┘
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
  /** What it names as needs, and has come to its end before it could begin: there to be read. Like `needs`. */
  readonly reads: JobState['needs'];
  /** How many of its needs are not settled. */
  readonly waiting: number;
  /** Paths that wait for this job. */
  readonly dependants: readonly string[];
  /** Paths that look at where this job is: milestones, and later stages. */
  readonly watchers: readonly string[];
  /** Iterations so far, those before a jump back included. */
  readonly iterations: number;
  /** Iterations since the last jump back. */
  readonly begun: number;
  /** Iterations that have not ended. */
  readonly live: number;
  /** Iterations from before a jump back that are still to end; until then it is not begun anew. */
  readonly dying: number;
  /** Keys of iterations that wait before their start. */
  readonly gated: readonly string[];
  readonly arrivals: Rounds;
  /** Whether an iteration has succeeded; `ignored`: only with failures that are ignored. */
  readonly succeeded: 'no' | 'ignored' | 'yes';
  /** Needs with a success. */
  readonly successes: number;
  /** Needs that are settled without one. */
  readonly hopeless: number;
  /** Paths of needs whose choice left this job out. */
  readonly untaken: readonly string[];
  readonly jumps: number;
  /** A jump has come: it begins without waiting for its needs. */
  readonly jump: Jump | null;
  /** Keys of the newest iteration, in order. */
  readonly instances: readonly string[];
  /** Dependants go on already, as if it had succeeded. */
  readonly told: boolean;
  /** Null until it is settled, or `told`. Of several iterations the worst. */
  readonly result: JobConclusion | null;
  readonly reason: Reason | null;
  /** What it came to before jumps back. */
  readonly past: readonly JobConclusion[];
  /** It is to end like this, and begins no more. */
  readonly fate: Ended | null;
  /** The worst of its iterations since the last jump back. */
  readonly soFar: Ended | null;
  /** Of its iterations so far: the last one that completed with a value wins. */
  readonly outputs: JsonMap;
  /** What `success()` and `failure()` of a dependant see: this job and everything before it. Set when it is settled. */
  readonly lineage: Lineage;
}

export interface Jump {
  /** Id of the job that jumped. */
  readonly from: string;
  readonly with: JsonMap;
}

/** For joins that begin more than once: where they are in their rounds of arrivals. */
export interface Rounds {
  /** The one that goes on, from 1. */
  readonly round: number;
  /** The last of which something has come. */
  readonly last: number;
  /** The round has begun the job already. */
  readonly isFired: boolean;
  /** Needs that have ended and bring nothing to it. */
  readonly gone: number;
}

/** What is known of a round that is not over. */
export interface RoundState {
  readonly came: number;
  /** How many of them were successes. */
  readonly good: number;
  /** Needs that have ended, and of which this is the first round that misses them. */
  readonly gone: number;
}

export interface Arrival {
  /** Path of the need. */
  readonly need: string;
  /** Id of the need. */
  readonly id: string;
  readonly result: JobConclusion;
  readonly isSuccess: boolean;
  readonly outputs: JsonMap;
}

/** A job that was begun. Its key is that of the job, with `~2` from the second on. */
export interface IterationState {
  readonly job: string;
  readonly number: number;
  readonly stage: IterationStage;
  readonly strategy: { readonly failFast: boolean; readonly maxParallel: number | null };
  /** Keys, in order. */
  readonly instances: readonly string[];
  /** Instances that have not ended. */
  readonly open: number;
  /** Instances that have a place of `max-parallel`. */
  readonly active: number;
  /** How many of the instances were started, or ended before. */
  readonly started: number;
  readonly tally: Readonly<Record<JobConclusion, number>>;
  /** A failure of an instance was ignored. */
  readonly ignored: boolean;
  readonly outputs: JsonMap;
  /** What it was begun by, where the join tells arrivals apart. */
  readonly arrivals: readonly Arrival[] | null;
  readonly jump: Jump | null;
  readonly signal: JsonMap | null;
  /** Of a loop: the round, and its variables. */
  readonly round: { readonly number: number; readonly vars: JsonMap };
  /** Dependants were told of its end before it: `sync: false`, `complete-when`. */
  readonly told: JobConclusion | null;
  /** Dependants were told of arrivals of it that its end does not tell of. */
  readonly emitted: boolean;
  /** Takes no more instances. */
  readonly closed: boolean;
  /** What its main part came to. */
  readonly main: Ended | null;
  /** What it comes to, whatever is still to run around it. */
  readonly outcome: Ended | null;
  /** It is to end like this. */
  readonly fate: Ended | null;
  /** The host knows of its end, of which no worker reports. */
  readonly announced: boolean;
  /** Something of it ran: what cleans up after it has something to do. */
  readonly ran: boolean;
  /** Belongs to a time before a jump back: its end counts for nothing. */
  readonly superseded: boolean;
  readonly goto: FlowWish['goto'];
}

export interface Ended {
  readonly conclusion: JobConclusion;
  readonly reason: Reason | null;
}

/** `gates`: it waits, see `gate`; `-1` when it has passed them. */
export type IterationStage =
  | { readonly kind: 'gates'; readonly gate: number; readonly waits: boolean }
  | { readonly kind: 'main' }
  | { readonly kind: 'around'; readonly phase: AroundPhase }
  | { readonly kind: 'delay-after' }
  | { readonly kind: 'ended' };

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
  /** Key of its iteration. */
  readonly iteration: string;
  /** From 1. */
  readonly attempt: number;
  /** What an earlier attempt left. */
  readonly carried: JsonMap;
  readonly settings: InstanceSettings;
  /** How many of the groups in the settings it holds; it takes them in order. */
  readonly groupsHeld: number;
  readonly status: InstanceStatus;
}

/** The job's keys as evaluated for one instance; `none` when that failed, and the instance with it. */
export type InstanceSettings =
  | { readonly kind: 'none'; readonly groups: readonly [] }
  /** Of a gate or a loop: there only to have the groups. */
  | { readonly kind: 'body'; readonly groups: readonly GroupRequest[] }
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
  /** Of this run alone, which keeps it as a lock of its own. */
  readonly ofRun?: true;
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
  | {
      readonly kind: 'running';
      /** The key that it was started by: that of the instance, with the number of its attempt. */
      readonly started: string;
      readonly seen: boolean;
      readonly cancelling: CancelJobCause | null;
      /** What it counts for, whatever it reports. */
      readonly fate: Ended | null;
    }
  | { readonly kind: 'retrying' }
  | { readonly kind: 'calling' }
  | { readonly kind: 'settled'; readonly conclusion: JobConclusion; readonly reason: Reason | null };
