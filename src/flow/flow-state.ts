import type { RunConclusion } from '../protocol/conclusion.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import type { CancelCause } from './flow-event.ts';
import type { FlowInput } from './flow-input.ts';
import type { GroupRequest, InstanceState } from './instance-state.ts';
import type { IterationState } from './iteration-state.ts';
import type { Arrival, JobState, RoundState } from './job-state.ts';
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
  /** By scope and name: the job that has won the race. Absent in runs that began before there was this table. */
  readonly races?: Shards<string>;
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
  /** Jobs and regions that are cancelled as soon as the run has its group and begins; absent for none. */
  readonly cancels?: readonly string[];
  /** Of texts that gates and loops have made; absent for none. */
  readonly characters?: number;
  /** It was ended since it does not come to rest; absent where it was not. `told`: a job has the sentence. */
  readonly stopped?: { readonly told: boolean };
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
